"""The screens of identity with their states, for `/tester`, screenshots and the gates."""

from __future__ import annotations

from balie.identity.pages import AwayPage, StaffSignInPage
from balie.web.screens import Screen

_AN_ID = "4f0c2f5e-6f0f-4c58-9d0f-1b7a3c1f2a11"

SCREENS = [
    Screen(
        id="C4a-page",
        template="identity/away",
        states={"begun": AwayPage(_AN_ID, "#")},
        audience="citizen",
        title="U gaat even weg",
        actions=frozenset({"sign_in", "decline"}),
    ),
    Screen(
        id="staff-sign-in",
        template="identity/staff_sign_in",
        states={"start": StaffSignInPage(), "begun": StaffSignInPage(link="#")},
        audience="staff",
        title="Inloggen",
        actions=frozenset({"sign_in"}),
        views=("normal",),
    ),
]
