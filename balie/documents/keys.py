"""A key of its own per document and per upload, wrapped under the master key; deleting it is the destruction."""

from __future__ import annotations

import os

from balie.documents.rules import WrappedKey
from balie.privacy.sealing import Keyring


def new_key() -> bytes:
    """32 random bytes."""
    return os.urandom(32)


def wrap(keyring: Keyring, key: bytes, table: str, row: str) -> WrappedKey:
    """Wrap a key for one row of `document_key` or `upload`."""
    return WrappedKey(keyring.seal(key, table, row, "wrapped_key"), keyring.version)


def unwrap(keyring: Keyring, wrapped: bytes, table: str, row: str) -> bytes:
    """The key itself; raises SealBroken when row or master key is another."""
    return keyring.unseal_bytes(wrapped, table, row, "wrapped_key")
