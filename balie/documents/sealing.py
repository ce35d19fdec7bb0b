"""One format for every stored byte: chunked AES-256-GCM with key commitment (C2SP chunked-encryption).

Object = 24-byte random salt, 32-byte commitment, chunks of 16,384 bytes + 16-byte tag; the last chunk is always
shorter, so cutting and adding are noticed. The context names the place, so a moved object does not open.
"""

import hmac
import os
from collections.abc import AsyncIterator, Iterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

CHUNK = 16_384
TAG = 16
SALT = 24
COMMITMENT = 32
HEAD = SALT + COMMITMENT
SEALED_CHUNK = CHUNK + TAG
_LABEL = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00"


class SealBroken(Exception):
    """The object was cut, changed, moved, or belongs to another key."""


def context(kind: str, object_id: str, part: str) -> bytes:
    """The place that an object belongs to; part of the key, never stored."""
    return b"\x1f".join(word.encode() for word in ("balie/1", kind, object_id, part))


def sealed_size(size: int) -> int:
    """How many bytes a plaintext of this size takes in the store."""
    return HEAD + size + (size // CHUNK + 1) * TAG


class _Keys:
    def __init__(self, key: bytes, salt: bytes, place: bytes) -> None:
        if len(key) != 32 or len(salt) != SALT:
            raise ValueError("a key has 32 bytes and a salt 24")
        derived = HKDFExpand(SHA512(), 32 + 12 + COMMITMENT, _LABEL + salt + place).derive(key)
        self.cipher = AESGCM(derived[:32])
        self.base = int.from_bytes(derived[32:44], "big")
        self.commitment = derived[44:]

    def nonce(self, number: int) -> bytes:
        return (self.base ^ number).to_bytes(12, "big")


class Sealer:
    """Seals a stream: feed() as bytes come, then close() exactly once."""

    def __init__(self, key: bytes, place: bytes) -> None:
        salt = os.urandom(SALT)
        self._keys = _Keys(key, salt, place)
        self._head = salt + self._keys.commitment
        self._number = 0
        self._rest = bytearray()

    def feed(self, plain: bytes) -> bytes:
        """What can be written now; the first call starts with the head."""
        self._rest += plain
        ready = bytearray(self._take_head())
        while len(self._rest) >= CHUNK:
            ready += self._seal(bytes(self._rest[:CHUNK]))
            del self._rest[:CHUNK]
        return bytes(ready)

    def close(self) -> bytes:
        """The last, shorter chunk."""
        ready = self._take_head() + self._seal(bytes(self._rest))
        self._rest.clear()
        return ready

    def _take_head(self) -> bytes:
        head, self._head = self._head, b""
        return head

    def _seal(self, chunk: bytes) -> bytes:
        sealed = self._keys.cipher.encrypt(self._keys.nonce(self._number), chunk, None)
        self._number += 1
        return sealed


class Opener:
    """Opens a stream; no byte leaves before its chunk is verified, and close() tells whether all of it came."""

    def __init__(self, key: bytes, place: bytes, head: bytes, first_chunk: int = 0) -> None:
        if len(head) != HEAD:
            raise SealBroken("the head is cut")
        self._keys = _Keys(key, head[:SALT], place)
        if not hmac.compare_digest(self._keys.commitment, head[SALT:]):
            raise SealBroken("another key or another place")
        self._number = first_chunk
        self._rest = bytearray()

    def feed(self, sealed: bytes) -> Iterator[bytes]:
        self._rest += sealed
        while len(self._rest) >= SEALED_CHUNK:
            yield self._open(bytes(self._rest[:SEALED_CHUNK]))
            del self._rest[:SEALED_CHUNK]

    def close(self) -> bytes:
        """The last chunk; what is missing or too short is a cut."""
        if len(self._rest) < TAG:
            raise SealBroken("the end is cut")
        return self._open(bytes(self._rest))

    def _open(self, sealed: bytes) -> bytes:
        try:
            chunk = self._keys.cipher.decrypt(self._keys.nonce(self._number), sealed, None)
        except InvalidTag as wrong:
            raise SealBroken("a chunk was changed") from wrong
        self._number += 1
        return chunk


def seal_whole(key: bytes, place: bytes, plain: bytes) -> bytes:
    sealer = Sealer(key, place)
    return sealer.feed(plain) + sealer.close()


def open_whole(key: bytes, place: bytes, sealed: bytes) -> bytes:
    opener = Opener(key, place, sealed[:HEAD])
    return b"".join(opener.feed(sealed[HEAD:])) + opener.close()


async def open_stream(key: bytes, place: bytes, sealed: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Plain chunks in order; raises SealBroken at the first one that is not ours."""
    opener: Opener | None = None
    head = b""
    async for block in sealed:
        if opener is None:
            head += block
            if len(head) < HEAD:
                continue
            opener, block = Opener(key, place, head[:HEAD]), head[HEAD:]
        for chunk in opener.feed(block):
            yield chunk
    if opener is None:
        raise SealBroken("the head is cut")
    last = opener.close()
    if last:
        yield last
