"""What an issuer of the test provider checks and signs: requests, codes, client assertions, ID tokens."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from balie.demo.people import Person
from balie.identity.oidc import challenge_of

CODE_LIFE = timedelta(seconds=60)
TOKEN_LIFE_S = 300
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

Alter = Callable[[dict[str, Any], dict[str, Any]], None]


class Refused(Exception):
    """A request that the provider does not take; `error` is the code of OAuth 2."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


@dataclass(frozen=True)
class Client:
    """A relying party that the provider knows."""

    provider: str
    client_id: str
    redirect_uris: tuple[str, ...]
    keys: KeySet

    @classmethod
    def from_registration(cls, told: Mapping[str, Any]) -> Client:
        return cls(
            told["provider"],
            told["client_id"],
            tuple(told["redirect_uris"]),
            KeySet.import_key_set(told["jwks"]),
        )


@dataclass(frozen=True)
class Grant:
    """A request to sign in that was found right."""

    client_id: str
    redirect_uri: str
    state: str
    nonce: str
    challenge: str
    acr_values: tuple[str, ...]


@dataclass(frozen=True)
class _Code:
    grant: Grant
    person: Person
    acr: str | None
    at: datetime


class Issuer:
    """One issuer with its own key, codes and clients; everything in memory."""

    def __init__(self, url: str, clients: Sequence[Client], clock: Callable[[], datetime]) -> None:
        self.url = url
        self.alter: Alter | None = None  # tests change claims and headers here; no route does
        self._clients = {client.client_id: client for client in clients}
        self._clock = clock
        self._codes: dict[str, _Code] = {}
        self._people: dict[str, Person] = {}
        self._jtis: set[str] = set()
        self.key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)

    def metadata(self) -> dict[str, Any]:
        """What discovery tells."""
        return {
            "issuer": self.url,
            "authorization_endpoint": self.url + "/inloggen",
            "token_endpoint": self.url + "/token",
            "jwks_uri": self.url + "/jwks",
            "userinfo_endpoint": self.url + "/userinfo",
            "end_session_endpoint": self.url + "/uitloggen",
            "scopes_supported": ["openid"],
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": ["ES256", "RS256"],
            "claims_parameter_supported": True,
            "authorization_response_iss_parameter_supported": True,
        }

    def public_keys(self) -> dict[str, Any]:
        """What the JWKS address tells."""
        return {"keys": [self.key.as_dict(private=False)]}

    def read_request(self, query: Mapping[str, str]) -> Grant:
        """A request to sign in; raises Refused, and never sends anybody to an address it does not know."""
        client = self._clients.get(query.get("client_id", ""))
        if client is None or query.get("redirect_uri") not in client.redirect_uris:
            raise Refused("invalid_client")
        if query.get("response_type") != "code" or "openid" not in query.get("scope", "").split():
            raise Refused("invalid_request")
        if query.get("code_challenge_method") != "S256" or len(query.get("code_challenge", "")) != 43:
            raise Refused("invalid_request")
        if not query.get("state") or not query.get("nonce"):
            raise Refused("invalid_request")
        return Grant(
            client.client_id,
            query["redirect_uri"],
            query["state"],
            query["nonce"],
            query["code_challenge"],
            tuple(query.get("acr_values", "").split()),
        )

    def code_for(self, grant: Grant, person: Person, acr: str | None) -> str:
        """A code for a person who signed in: one use, a minute."""
        code = secrets.token_urlsafe(32)
        self._codes[code] = _Code(grant, person, acr, self._clock())
        return code

    def exchange(self, form: Mapping[str, str]) -> dict[str, Any]:
        """What the token address answers; raises Refused."""
        client = self._authenticated(form)
        code = self._codes.pop(form.get("code", ""), None)
        if form.get("grant_type") != "authorization_code" or code is None:
            raise Refused("invalid_grant")
        grant = code.grant
        is_same = (grant.client_id, grant.redirect_uri) == (client.client_id, form.get("redirect_uri"))
        if not is_same or self._clock() - code.at > CODE_LIFE:
            raise Refused("invalid_grant")
        if challenge_of(form.get("code_verifier", "")) != grant.challenge:
            raise Refused("invalid_grant")
        access = secrets.token_urlsafe(32)
        self._people[access] = code.person
        return {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": TOKEN_LIFE_S,
            "id_token": self._id_token(code),
        }

    def claims_of(self, access: str) -> dict[str, Any] | None:
        """What userinfo answers for an access token."""
        person = self._people.get(access)
        return {"sub": self._subject(person), "name": person.name, **person.claims} if person else None

    def _authenticated(self, form: Mapping[str, str]) -> Client:
        client = self._clients.get(form.get("client_id", ""))
        if client is None or form.get("client_assertion_type") != _ASSERTION_TYPE:
            raise Refused("invalid_client")
        try:
            said = jwt.decode(form.get("client_assertion", ""), client.keys, algorithms=["ES256", "RS256"]).claims
        except (JoseError, ValueError, KeyError):
            raise Refused("invalid_client") from None
        now, jti = int(self._clock().timestamp()), said.get("jti")
        is_ours = said.get("iss") == said.get("sub") == client.client_id and said.get("aud") == self.url
        is_in_time = isinstance(said.get("exp"), int) and now - 60 < said["exp"] <= now + 600
        if not is_ours or not is_in_time or not isinstance(jti, str) or jti in self._jtis:
            raise Refused("invalid_client")
        self._jtis.add(jti)
        return client

    def _subject(self, person: Person) -> str:
        return hashlib.sha256(f"{self.url}\0{person.key}".encode()).hexdigest()[:32]

    def _id_token(self, code: _Code) -> str:
        now = int(self._clock().timestamp())
        header: dict[str, Any] = {"alg": "ES256", "kid": self.key.kid}
        claims: dict[str, Any] = {
            "iss": self.url,
            "sub": self._subject(code.person),
            "aud": code.grant.client_id,
            "iat": now,
            "exp": now + TOKEN_LIFE_S,
            "auth_time": int(code.at.timestamp()),
            "nonce": code.grant.nonce,
            "jti": secrets.token_urlsafe(16),
            "name": code.person.name,
            **code.person.claims,
        }
        if code.acr is not None:
            claims["acr"] = code.acr
        if self.alter is not None:
            self.alter(header, claims)
        return jwt.encode(header, claims, self.key, algorithms=[header["alg"]])
