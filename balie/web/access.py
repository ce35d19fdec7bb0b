"""Who may call a route: every route names one, and a route without one cannot be made."""

from __future__ import annotations

from enum import Enum

from balie.actors import Actor, ActorKind, Role
from balie.errors import NotAllowed, NotFound, NotSignedIn


class Access(Enum):
    """The kinds of doors. What lies behind one is decided again by the use case."""

    PUBLIC = "public"  # everybody, also without a session
    LINK = "link"  # a citizen or guest with a session from a link
    CALL = "call"  # whoever may take part in a call: link or staff
    STAFF = "staff"
    TEAM_LEAD = "team_lead"
    ADMIN = "admin"
    PRIVACY_OFFICER = "privacy_officer"
    API = "api"  # an api_client with a token
    DEMO = "demo"  # everybody, in the demo only


_ROLES = {
    Access.STAFF: Role.STAFF,
    Access.TEAM_LEAD: Role.TEAM_LEAD,
    Access.ADMIN: Role.ADMIN,
    Access.PRIVACY_OFFICER: Role.PRIVACY_OFFICER,
}
_LINK_KINDS = (ActorKind.CITIZEN, ActorKind.GUEST)


def check(access: Access, actor: Actor, is_demo: bool) -> None:
    """Let the actor pass, or raise NotSignedIn, NotAllowed or NotFound."""
    if access is Access.PUBLIC:
        return
    if access is Access.DEMO:
        if not is_demo:
            raise NotFound
        return
    if access is Access.API:
        if actor.kind is not ActorKind.SYSTEM or actor.channel is None:
            raise NotSignedIn
        return
    if access is Access.LINK or (access is Access.CALL and actor.kind is not ActorKind.STAFF):
        if actor.kind not in _LINK_KINDS or actor.appointment_id is None:
            raise NotSignedIn
        return
    if actor.kind is not ActorKind.STAFF:
        raise NotSignedIn
    if access in _ROLES and not actor.has_role(_ROLES[access]):
        raise NotAllowed
