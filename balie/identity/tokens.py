"""verify_id_token(): every check of an ID token, each our own, with no defaults."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from balie.actors import AssuranceLevel
from balie.errors import LevelTooLow, TokenRefused

# What the library may verify with at all; the provider's allow-list is narrower and checked by us.
_ASYMMETRIC = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
# A header that brings or names its own key would let the sender choose who vouches for the token;
# one that changes how the payload is read has no place in an ID token either.
_NEVER_IN_HEADER = ("jku", "jwk", "x5u", "x5c", "crit", "b64", "zip")
_OLDEST_S = 300
_LONGEST = 64 * 1024


class Refusal(TokenRefused):
    """An ID token that failed a check; `rule` is for the log, never for the page."""

    code = TokenRefused().code

    def __init__(self, rule: str) -> None:
        super().__init__()
        self.rule = rule


@dataclass(frozen=True)
class VerifiedToken:
    """The claims of a token that passed, and the level it proves."""

    claims: Mapping[str, Any]
    level: AssuranceLevel


def require(holds: bool, rule: str) -> None:
    """Refuse the token unless the rule holds."""
    if not holds:
        raise Refusal(rule)


def verify_id_token(
    *,
    token: str,
    keys: KeySet,
    algorithms: Collection[str],
    issuer: str,
    client_id: str,
    nonce: str,
    now: datetime,
    clock_skew_s: int,
    seen_jtis: Collection[str],
    level_of: Callable[[Mapping[str, Any]], AssuranceLevel],
    minimum_level: AssuranceLevel,
) -> VerifiedToken:
    """The claims when every rule holds; raises TokenRefused, LevelUnknown or LevelTooLow.

    `keys` are those of the configured issuer. The library lets a wrong `aud`, a missing nonce, an
    old `iat` and a low `acr` pass when an option is left out, so each is checked here by itself.
    """
    require(len(token) <= _LONGEST, "size")
    header = _part(token, 0)
    require(header.get("alg") in algorithms, "algorithm")
    require(not any(name in header for name in _NEVER_IN_HEADER), "header")
    claims = _signed_claims(token, keys)
    at = int(now.timestamp())
    require(claims.get("iss") == issuer, "issuer")
    audiences = claims.get("aud")
    audiences = [audiences] if isinstance(audiences, str) else audiences
    require(isinstance(audiences, list) and client_id in audiences, "audience")
    require(audiences == [client_id] or claims.get("azp") == client_id, "authorized_party")
    require(claims.get("azp", client_id) == client_id, "other_party")
    require(_is_time(claims.get("exp")) and claims.get("exp", 0) > at - clock_skew_s, "expired")
    require(_is_time(claims.get("nbf", at)) and claims.get("nbf", at) <= at + clock_skew_s, "not_yet")
    require(_is_time(claims.get("iat")) and claims.get("iat", 0) >= at - _OLDEST_S - clock_skew_s, "old")
    require(claims.get("iat", 0) <= at + clock_skew_s, "from_the_future")
    require(claims.get("nonce") == nonce, "nonce")
    require(isinstance(claims.get("jti", ""), str), "jti_form")
    require(claims.get("jti") not in seen_jtis, "replayed")
    require(isinstance(claims.get("sub"), str) and 0 < len(claims.get("sub", "")) <= 255, "subject")
    level = level_of(claims)
    if level < minimum_level:
        raise LevelTooLow
    return VerifiedToken(claims, level)


def header_of(token: str) -> dict[str, Any]:
    """The header before anything is verified: only to look up the key."""
    return _part(token, 0)


def unverified_jti(token: str) -> str | None:
    """The token's own id before anything is verified: only to look up whether it was seen."""
    jti = _part(token, 1).get("jti")
    return jti if isinstance(jti, str) else None


def _signed_claims(token: str, keys: KeySet) -> dict[str, Any]:
    try:
        return dict(jwt.decode(token, keys, algorithms=list(_ASYMMETRIC)).claims)
    except (JoseError, ValueError, TypeError, KeyError):
        raise Refusal("signature") from None


def _part(token: str, number: int) -> dict[str, Any]:
    try:
        text = token.split(".")[number]
        part = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, IndexError, RecursionError):
        raise Refusal("form") from None
    require(isinstance(part, dict), "form")
    return dict(part)


def _is_time(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
