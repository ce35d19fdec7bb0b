"""Only the untouched ID token passes, and every rule is needed: taken away, its own bad token gets through."""

from __future__ import annotations

import ast
import base64
import hashlib
import hmac
import inspect
import json
import types
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from balie.actors import AssuranceLevel
from balie.errors import BalieError, LevelTooLow, LevelUnknown, TokenRefused
from balie.identity import tokens
from balie.identity.rules import level_from
from balie.identity.tokens import VerifiedToken, verify_id_token

NOW = datetime(2026, 12, 4, 13, 0, tzinfo=UTC)
AT = int(NOW.timestamp())
KEY = RSAKey.generate_key(2048, {"use": "sig"}, auto_kid=True)
OTHER_KEY = RSAKey.generate_key(2048, {"use": "sig", "kid": KEY.kid})
KEYS = KeySet([RSAKey.import_key(KEY.as_dict(private=False))])
LEVELS = {"laag": "low", "midden": "substantial", "hoog": "high"}
CLAIMS: dict[str, Any] = {
    "iss": "https://digid.example",
    "sub": "a1b2",
    "aud": "balie",
    "iat": AT - 2,
    "exp": AT + 300,
    "nonce": "n" * 43,
    "jti": "once",
    "acr": "midden",
}
HEADER = {"alg": "RS256", "kid": KEY.kid}
Verify = Callable[..., VerifiedToken]


def level_of(claims: Any) -> AssuranceLevel:
    return level_from(claims.get("acr"), LEVELS)


def arguments(token: str, **changed: Any) -> dict[str, Any]:
    return {
        "token": token,
        "keys": KEYS,
        "algorithms": ("RS256", "PS256", "ES256"),
        "issuer": "https://digid.example",
        "client_id": "balie",
        "nonce": "n" * 43,
        "now": NOW,
        "clock_skew_s": 60,
        "seen_jtis": {"seen"},
        "level_of": level_of,
        "minimum_level": AssuranceLevel.SUBSTANTIAL,
    } | changed


def signed(claims: dict[str, Any] | None = None, header: dict[str, Any] | None = None, key: Any = KEY) -> str:
    head = HEADER | (header or {})
    return jwt.encode(head, CLAIMS | (claims or {}), key, algorithms=[head["alg"]])


def without(name: str) -> str:
    return jwt.encode(HEADER, {n: v for n, v in CLAIMS.items() if n != name}, KEY)


def raw(header: dict[str, Any], claims: dict[str, Any]) -> str:
    parts = (base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode() for p in (header, claims))
    return ".".join((*parts, ""))


def signed_with_the_public_key_as_a_secret() -> str:
    """The known confusion: HMAC with what everybody can read."""
    body = raw({"alg": "HS256", "kid": KEY.kid}, CLAIMS)[:-1]
    proof = hmac.new(KEY.as_pem(private=False), body.encode(), hashlib.sha256).digest()
    return body + "." + base64.urlsafe_b64encode(proof).rstrip(b"=").decode()


# For each rule of verify_id_token the tokens that this rule, and no other, refuses.
BAD: dict[str, list[str]] = {
    "size": [signed({"note": "x" * 64 * 1024})],
    "algorithm": [signed(header={"alg": "RS512"})],
    "header": [
        signed(header={"jku": "https://elders.example/keys"}),
        signed(header={"jwk": ECKey.generate_key("P-256").as_dict(private=False)}),
        signed(header={"x5u": "https://elders.example/cert"}),
        signed(header={"b64": True}),
    ],
    "issuer": [signed({"iss": "https://elders.example"}), without("iss")],
    "audience": [
        signed({"aud": "somebody-else", "azp": "balie"}),
        signed({"aud": ["somebody-else"], "azp": "balie"}),
    ],
    "authorized_party": [signed({"aud": ["balie", "somebody-else"]})],
    "other_party": [signed({"azp": "somebody-else"})],
    "expired": [signed({"exp": AT - 61}), without("exp"), signed({"exp": "soon"}), signed({"exp": True})],
    "not_yet": [signed({"nbf": AT + 120}), signed({"nbf": "now"})],
    "old": [signed({"iat": AT - 361}), signed({"iat": True})],
    "from_the_future": [signed({"iat": AT + 120})],
    "nonce": [signed({"nonce": "m" * 43}), without("nonce")],
    "jti_form": [signed({"jti": 7})],
    "replayed": [signed({"jti": "seen"})],
    "subject": [without("sub"), signed({"sub": ""}), signed({"sub": 7}), signed({"sub": "x" * 256})],
    "level": [signed({"acr": "laag"})],
}
# The key decides about these; there is no rule to take away but the signature itself.
UNSIGNED = [
    signed(key=OTHER_KEY),
    signed()[:-4] + "AAAA",
    raw({"alg": "none"}, CLAIMS),
    signed_with_the_public_key_as_a_secret(),
    signed(header={"kid": "unknown"}),
    jwt.encode({"alg": "ES256", "kid": KEY.kid}, CLAIMS, ECKey.generate_key("P-256")),
    "",
    "a.b.c",
    "....",
    raw({"alg": "RS256", "kid": KEY.kid}, CLAIMS),
]


def mutated(rule: str) -> Verify:
    """verify_id_token() compiled anew without one of its rules."""
    tree = ast.parse(inspect.getsource(tokens))
    function = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "verify_id_token")
    kept = [statement for statement in function.body if rule_of(statement) != rule]
    assert len(kept) == len(function.body) - 1, rule
    function.body = kept
    module = types.ModuleType("mutated_tokens")
    module.__dict__["__name__"] = tokens.__name__
    exec(compile(tree, tokens.__file__, "exec"), module.__dict__)
    verify: Verify = module.__dict__["verify_id_token"]
    return verify


def rule_of(statement: ast.stmt) -> str | None:
    """The rule that a statement of verify_id_token checks."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        call = statement.value
        if isinstance(call.func, ast.Name) and call.func.id == "require":
            return str(ast.literal_eval(call.args[1]))
    return "level" if isinstance(statement, ast.If) else None


def test_the_true_token_passes_and_tells_its_level() -> None:
    found = verify_id_token(**arguments(signed()))
    assert found.level is AssuranceLevel.SUBSTANTIAL and found.claims["sub"] == "a1b2"
    verify_id_token(**arguments(signed({"aud": ["balie", "ander"], "azp": "balie"})))
    verify_id_token(**arguments(without("jti")))


def test_every_argument_is_asked_for_by_name_and_none_has_a_default() -> None:
    parameters = inspect.signature(verify_id_token).parameters.values()
    assert all(p.kind is p.KEYWORD_ONLY and p.default is p.empty for p in parameters)


@pytest.mark.parametrize("rule", BAD)
def test_a_token_that_breaks_one_rule_is_refused(rule: str) -> None:
    for token in BAD[rule]:
        with pytest.raises((TokenRefused, LevelTooLow)) as refusal:
            verify_id_token(**arguments(token))
        assert getattr(refusal.value, "rule", "level") == rule


@pytest.mark.parametrize("rule", BAD)
def test_a_rule_that_is_taken_away_is_missed(rule: str) -> None:
    weaker = mutated(rule)
    for token in BAD[rule]:
        weaker(**arguments(token))
    for other, bad in BAD.items():
        if other != rule:
            with pytest.raises(BalieError):
                weaker(**arguments(bad[0]))


def test_every_rule_has_a_token_that_only_it_refuses() -> None:
    tree = ast.parse(inspect.getsource(verify_id_token))
    function = tree.body[0]
    assert isinstance(function, ast.FunctionDef)
    assert {rule for rule in map(rule_of, function.body) if rule} == set(BAD)


@pytest.mark.parametrize("token", UNSIGNED)
def test_a_token_that_the_issuer_did_not_sign_is_refused(token: str) -> None:
    with pytest.raises(TokenRefused):
        verify_id_token(**arguments(token))


def test_a_level_outside_the_map_is_unknown_and_never_guessed() -> None:
    for acr in ("zeer hoog", "", 3, None, ["midden"]):
        with pytest.raises(LevelUnknown):
            verify_id_token(**arguments(signed({"acr": acr})))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def passes(claims: dict[str, Any], header: dict[str, Any]) -> bool:
    try:
        token = jwt.encode(header, claims, KEY, algorithms=[header.get("alg", "RS256")])
    except Exception:  # the library itself cannot write this header
        return False
    try:
        verify_id_token(**arguments(token))
    except BalieError:
        return False
    return True


@hypothesis_settings(max_examples=300, deadline=None)
@given(
    names=st.lists(st.sampled_from(sorted(CLAIMS)), min_size=1, max_size=2, unique=True), values=st.tuples(JSON, JSON)
)
def test_one_or_two_changed_claims_are_refused(names: list[str], values: tuple[Any, Any]) -> None:
    changed = CLAIMS | dict(zip(names, values, strict=False))
    assume(changed != CLAIMS)
    means_the_same = (
        changed["iss"] == CLAIMS["iss"]
        and changed["aud"] in ("balie", ["balie"])
        and changed["nonce"] == CLAIMS["nonce"]
        and isinstance(changed["sub"], str)
        and 0 < len(changed["sub"]) <= 255
        and changed["acr"] in ("midden", "hoog")
        and isinstance(changed["jti"], str)
        and changed["jti"] != "seen"
        and all(type(changed[n]) is int for n in ("iat", "exp"))
        and AT - 360 <= changed["iat"] <= AT + 60
        and changed["exp"] > AT - 60
    )
    assert passes(changed, HEADER) is means_the_same


@hypothesis_settings(max_examples=150, deadline=None)
@given(name=st.sampled_from(["alg", "kid", "jku", "jwk", "x5u", "x5c", "crit", "typ", "b64", "zip"]), value=JSON)
def test_a_changed_header_is_refused_or_says_the_same(name: str, value: Any) -> None:
    head = HEADER | {name: value}
    if passes(CLAIMS, head):
        assert name == "typ" or head == HEADER


@hypothesis_settings(max_examples=200, deadline=None)
@given(st.text(max_size=200) | st.from_regex(r"[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,40}"))
def test_no_text_is_a_token_and_none_is_a_fault(text: str) -> None:
    with pytest.raises(TokenRefused):
        verify_id_token(**arguments(text))
