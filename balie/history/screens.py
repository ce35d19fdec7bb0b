"""The parts of pages that belong to history stand in the screens of `desk`; history has no page of its own yet."""

from balie.web.screens import Screen

SCREENS: list[Screen] = []
