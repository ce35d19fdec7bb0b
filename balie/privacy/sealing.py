"""Seals single values (BSN, names, keys), keyed hashes, derived keys; keys by version."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_KEY_FILES = ("master", "link", "pepper")
_NONCE = 24


class SealBroken(Exception):
    """A sealed value does not open: changed, moved to another place, or of another key."""


class Keyring:
    """The installation's keys: `master` seals, `link` makes tokens, `pepper` makes indexes."""

    def __init__(self, keys: dict[str, bytes], version: int = 1) -> None:
        self._keys = keys
        self.version = version

    def seal(self, value: str | bytes, table: str, row: str, column: str) -> bytes:
        """Encrypt a value for one place (AES-256-GCM under a key of its own per value).

        The place is authenticated: moved to another row or column it no longer opens.
        """
        data = value.encode() if isinstance(value, str) else value
        nonce = secrets.token_bytes(_NONCE)
        version = self.version.to_bytes(2, "big")
        cipher = AESGCM(self._value_key(nonce))
        return version + nonce + cipher.encrypt(nonce[12:], data, self._place(table, row, column, version))

    def unseal_bytes(self, sealed: bytes, table: str, row: str, column: str) -> bytes:
        """The value that `seal` was given; raises SealBroken."""
        version, nonce, rest = sealed[:2], sealed[2 : 2 + _NONCE], sealed[2 + _NONCE :]
        try:
            cipher = AESGCM(self._value_key(nonce))
            return cipher.decrypt(nonce[12:], rest, self._place(table, row, column, version))
        except (InvalidTag, ValueError) as error:
            raise SealBroken(f"{table}.{column}") from error

    def unseal(self, sealed: bytes, table: str, row: str, column: str) -> str:
        """`unseal_bytes` as text."""
        return self.unseal_bytes(sealed, table, row, column).decode()

    def keyed_hash(self, label: str, text: str) -> str:
        """HMAC-SHA-256 under the pepper, 64 hex characters: finds a value without holding it."""
        return hmac.new(self._keys["pepper"], f"{label}\0{text}".encode(), hashlib.sha256).hexdigest()

    def link_token(self, text: str) -> bytes:
        """HMAC-SHA-256 under the link key, 32 bytes."""
        return hmac.new(self._keys["link"], text.encode(), hashlib.sha256).digest()

    def derive(self, label: str) -> bytes:
        """A 32-byte key for one use, from the master key (HKDF)."""
        return HKDF(SHA256(), 32, salt=None, info=f"balie {label}".encode()).derive(self._keys["master"])

    def _value_key(self, nonce: bytes) -> bytes:
        return HKDF(SHA256(), 32, salt=nonce, info=b"balie value").derive(self._keys["master"])

    @staticmethod
    def _place(table: str, row: str, column: str, version: bytes) -> bytes:
        return "\0".join((table, row, column)).encode() + version

    def __repr__(self) -> str:
        return f"Keyring(version={self.version})"


def load_keyring(folder: Path, may_make: bool) -> Keyring:
    """Read the key files; `may_make` (demo) makes those that are missing.

    Raises FileNotFoundError for a missing key and PermissionError for one that others may read.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Keyring({name: _read_key(folder / f"{name}.key", may_make) for name in _KEY_FILES})


def _read_key(path: Path, may_make: bool) -> bytes:
    if not path.exists() and may_make:
        _make_key(path)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise PermissionError(f"{path.name} may be read by others")
    key = bytes.fromhex(path.read_text().strip())
    if len(key) < 16:
        raise ValueError(f"{path.name} is shorter than 128 bits")
    return key


def _make_key(path: Path) -> None:
    # Two processes may start at once: whoever links first wins, both read the winner's key.
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(32))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
