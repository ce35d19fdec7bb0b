"""One relying party for every provider: discovery when first needed, PKCE, state, nonce, code exchange.

The exchange is our own forty lines on the shared client. Authlib's client signs its assertion with the
machine's clock and for an hour; ours has the clock of the `Work` and a minute, and shares time-outs and CA.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey

from balie.actors import AssuranceLevel
from balie.errors import NotFresh, ProviderUnavailable, RepresentationNotSupported
from balie.external.http import Answer, Http, NoAnswer
from balie.identity.bsn import Bsn
from balie.identity.rules import AUTH_TIME_SKEW, level_from
from balie.identity.tokens import VerifiedToken, header_of, verify_id_token
from balie.settings import Settings

CITIZEN = "citizen"
STAFF = "staff"
METADATA_LIFE = timedelta(hours=1)
KEYS_AGAIN = timedelta(minutes=1)
ASSERTION_LIFE = timedelta(minutes=1)
BUILT_IN = "/proef-inlog/"
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True)
class Provider:
    """What is agreed with one provider."""

    name: str
    issuer: str
    client_id: str
    redirect_uri: str
    client_key: ECKey | RSAKey | None
    client_secret: str | None
    claims_request: Mapping[str, Any]
    level_map: Mapping[str, str]
    asks_level: bool
    algorithms: tuple[str, ...] = ("RS256", "PS256", "ES256")
    clock_skew_s: int = 60

    def __repr__(self) -> str:
        return f"Provider({self.name})"

    def level_of(self, claims: Mapping[str, Any]) -> AssuranceLevel:
        """The level in the claims by this provider's map; where none is asked, none."""
        return level_from(claims.get("acr"), self.level_map) if self.asks_level else AssuranceLevel.NONE

    def acr_values(self, minimum: AssuranceLevel) -> str:
        """The provider's words for this level and those above."""
        words = (w for w, level in self.level_map.items() if AssuranceLevel.from_word(level) >= minimum)
        return " ".join(words) if self.asks_level else ""


@dataclass(frozen=True)
class Secrets:
    """The fresh secrets of one attempt: 256 bits each."""

    state: str
    nonce: str
    verifier: str
    cookie: str

    @classmethod
    def fresh(cls) -> Secrets:
        return cls(*(secrets.token_urlsafe(32) for _ in range(4)))

    def __repr__(self) -> str:
        return "Secrets(…)"


@dataclass(frozen=True)
class ProvenPerson:
    """What a sign-in of a citizen proved."""

    issuer: str
    subject: str
    name: str
    level: AssuranceLevel
    auth_time: datetime
    bsn: Bsn | None


class RelyingParty:
    """Us, towards one provider. Metadata and keys are read when first needed and kept for an hour."""

    def __init__(self, provider: Provider, http: Http) -> None:
        self.provider = provider
        self._http = http
        self._metadata: dict[str, Any] = {}
        self._metadata_at: datetime | None = None
        self._keys = KeySet([])
        self._keys_at: datetime | None = None

    async def metadata(self, now: datetime) -> Mapping[str, Any]:
        """The provider's metadata, whose issuer must be literally ours; raises ProviderUnavailable."""
        if self._metadata_at is None or now - self._metadata_at >= METADATA_LIFE:
            found = _object(await self._get(self.provider.issuer + "/.well-known/openid-configuration"))
            if found.get("issuer") != self.provider.issuer:
                raise ProviderUnavailable
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                if not _is_endpoint(found.get(name), self.provider.issuer):
                    raise ProviderUnavailable
            self._metadata, self._metadata_at = found, now
        return self._metadata

    def authorization_url(
        self,
        metadata: Mapping[str, Any],
        attempt: Secrets,
        *,
        minimum_level: AssuranceLevel,
        is_fresh: bool,
        language: str,
    ) -> str:
        """The address at the provider where this attempt goes on; `is_fresh` asks for a new sign-in there."""
        query = {
            "response_type": "code",
            "response_mode": "query",
            "client_id": self.provider.client_id,
            "redirect_uri": self.provider.redirect_uri,
            "scope": "openid",
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": challenge_of(attempt.verifier),
            "code_challenge_method": "S256",
            "claims": json.dumps(self.provider.claims_request),
            "acr_values": self.provider.acr_values(minimum_level),
            "ui_locales": language,
        }
        if is_fresh:
            query |= {"prompt": "login", "max_age": "0"}
        endpoint = str(metadata["authorization_endpoint"])
        mark = "&" if urlsplit(endpoint).query else "?"
        return endpoint + mark + urlencode({name: value for name, value in query.items() if value})

    async def id_token(self, code: str, verifier: str, now: datetime) -> str:
        """The ID token for a code; raises ProviderUnavailable. Nothing else of the answer is kept."""
        endpoint = (await self.metadata(now))["token_endpoint"]
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.provider.redirect_uri,
            "code_verifier": verifier,
            "client_id": self.provider.client_id,
        }
        try:
            answer = await self._http.post(endpoint, form=form | self._client_proof(now))
        except NoAnswer:
            raise ProviderUnavailable from None
        token = _object(answer).get("id_token")
        if not isinstance(token, str):
            raise ProviderUnavailable
        return token

    async def keys_for(self, token: str, now: datetime) -> KeySet:
        """The provider's keys, read once more when the token names one that is not there."""
        kid = header_of(token).get("kid")
        age = now - self._keys_at if self._keys_at is not None else None
        is_unknown = kid is not None and all(key.kid != kid for key in self._keys.keys)
        if age is None or age >= METADATA_LIFE or (is_unknown and age >= KEYS_AGAIN):
            found = await self._get((await self.metadata(now))["jwks_uri"])
            try:
                self._keys, self._keys_at = KeySet.import_key_set(_object(found)), now  # type: ignore[arg-type]
            except (JoseError, ValueError, KeyError, TypeError):
                raise ProviderUnavailable from None
        return self._keys

    def verify(
        self, token: str, keys: KeySet, *, nonce: str, minimum: AssuranceLevel, seen: set[str], now: datetime
    ) -> VerifiedToken:
        """verify_id_token() with what is agreed with this provider."""
        return verify_id_token(
            token=token,
            keys=keys,
            algorithms=self.provider.algorithms,
            issuer=self.provider.issuer,
            client_id=self.provider.client_id,
            nonce=nonce,
            now=now,
            clock_skew_s=self.provider.clock_skew_s,
            seen_jtis=seen,
            level_of=self.provider.level_of,
            minimum_level=minimum,
        )

    def _client_proof(self, now: datetime) -> dict[str, str]:
        if self.provider.client_key is None:
            return {"client_secret": self.provider.client_secret or ""}
        key, me, at = self.provider.client_key, self.provider.client_id, int(now.timestamp())
        header = {"alg": "ES256" if isinstance(key, ECKey) else "RS256", "kid": key.kid or key.thumbprint()}
        claims = {
            "iss": me,
            "sub": me,
            "aud": self.provider.issuer,
            "jti": secrets.token_urlsafe(32),
            "iat": at,
            "exp": at + int(ASSERTION_LIFE.total_seconds()),
        }
        return {"client_assertion_type": _ASSERTION_TYPE, "client_assertion": jwt.encode(header, claims, key)}

    async def _get(self, url: str) -> Answer:
        try:
            return await self._http.get(url)
        except NoAnswer:
            raise ProviderUnavailable from None


class RelyingParties:
    """Both relying parties, by the name of their provider."""

    def __init__(self, providers: Mapping[str, Provider], http: Http) -> None:
        self._parties = {name: RelyingParty(provider, http) for name, provider in providers.items()}

    def __getitem__(self, name: str) -> RelyingParty:
        return self._parties[name]


def challenge_of(verifier: str) -> str:
    """The S256 challenge of PKCE."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def proven_person(token: VerifiedToken, issuer: str, started_at: datetime) -> ProvenPerson:
    """Who signed in; raises BsnUnusable, NotFresh, RepresentationNotSupported."""
    claims = token.claims
    if claims.get("represents") is not None or claims.get("act") is not None:
        raise RepresentationNotSupported
    auth_time = claims.get("auth_time")
    if not isinstance(auth_time, int) or isinstance(auth_time, bool):
        raise NotFresh
    at = datetime.fromtimestamp(auth_time, UTC)
    if at < started_at - AUTH_TIME_SKEW:
        raise NotFresh
    name = claims.get("name")
    bsn = claims.get("bsn")
    return ProvenPerson(
        issuer=issuer,
        subject=claims["sub"],
        name=name[:200] if isinstance(name, str) else "",
        level=token.level,
        auth_time=at,
        bsn=Bsn(bsn if isinstance(bsn, str) else ""),
    )


def providers_from(settings: Settings) -> dict[str, Provider]:
    """Both providers as the settings say; in the demo the built-in ones, which production refuses."""
    issuers = {CITIZEN: settings.citizen_issuer, STAFF: settings.staff_issuer}
    if not settings.demo and any(BUILT_IN in issuer for issuer in issuers.values()):
        raise ValueError("the test identity provider is for the demo only")
    built_in = settings.public_origin + BUILT_IN
    citizen_claims = {"id_token": {"bsn": {"essential": True}, "name": None, "acr": {"essential": True}}}
    return {
        CITIZEN: Provider(
            CITIZEN,
            settings.citizen_issuer or built_in + "burger",
            settings.citizen_client_id,
            settings.public_origin + "/inloggen/burger/terug",
            _client_key(settings, settings.citizen_client_key, settings.citizen_client_secret, CITIZEN),
            settings.citizen_client_secret.get_secret_value() if settings.citizen_client_secret else None,
            citizen_claims,
            settings.citizen_level_map,
            asks_level=True,
        ),
        STAFF: Provider(
            STAFF,
            settings.staff_issuer or built_in + "medewerker",
            settings.staff_client_id,
            settings.public_origin + "/inloggen/medewerker/terug",
            _client_key(settings, settings.staff_client_key, settings.staff_client_secret, STAFF),
            settings.staff_client_secret.get_secret_value() if settings.staff_client_secret else None,
            {"id_token": {"name": None, settings.staff_role_claim: None, settings.staff_desk_claim: None}},
            {},
            asks_level=False,
        ),
    }


def _client_key(settings: Settings, path: Path | None, secret: object, name: str) -> ECKey | RSAKey | None:
    if path is None and secret is not None:
        return None
    if path is None:
        if not settings.demo:
            raise ValueError(f"BALIE_{name.upper()}_CLIENT_KEY or _CLIENT_SECRET is required outside the demo")
        path = settings.keys_dir / f"client-{name}.jwk"
        if not path.exists():
            _make_client_key(path)
    if path.stat().st_mode & 0o077:
        raise PermissionError(f"{path.name} may be read by others")
    data = json.loads(path.read_text())
    return RSAKey.import_key(data) if data.get("kty") == "RSA" else ECKey.import_key(data)


def _make_client_key(path: Path) -> None:
    # Two processes may start at once: whoever links first wins, both read the winner's key.
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(key.as_dict(private=True), file)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def registration(provider: Provider) -> dict[str, Any]:
    """What a provider must know of us: client id, address to come back to, public key."""
    key = provider.client_key
    return {
        "provider": provider.name,
        "client_id": provider.client_id,
        "redirect_uris": [provider.redirect_uri],
        "jwks": {"keys": [key.as_dict(private=False)] if key is not None else []},
    }


def _object(answer: Answer) -> dict[str, Any]:
    try:
        found = answer.json()
    except (ValueError, RecursionError):
        raise ProviderUnavailable from None
    if answer.status != 200 or not isinstance(found, dict):
        raise ProviderUnavailable
    return found


def _is_endpoint(address: Any, issuer: str) -> bool:
    # Endpoints speak TLS; over plain http (the demo on loopback) they stay at the issuer's own origin.
    if not isinstance(address, str):
        return False
    parts, own = urlsplit(address), urlsplit(issuer)
    return parts.scheme == "https" or (parts.scheme, parts.netloc) == (own.scheme, own.netloc) == ("http", own.netloc)
