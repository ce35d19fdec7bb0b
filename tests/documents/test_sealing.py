"""The format of every stored byte."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from balie.documents.keys import new_key, unwrap, wrap
from balie.documents.sealing import CHUNK, HEAD, SealBroken, context, open_whole, seal_whole, sealed_size
from balie.documents.vault import Missing, Vault, new_object_name
from balie.privacy.sealing import Keyring
from balie.privacy.sealing import SealBroken as ValueBroken

KEY = bytes(range(32))
PLACE = context("document", "7c6c", "original")
SIZES = (0, 1, 16383, 16384, 16385, 49152, 49159)


@pytest.mark.parametrize("size", SIZES)
def test_what_was_sealed_opens_again_at_every_size(size: int) -> None:
    plain = os.urandom(size)
    sealed = seal_whole(KEY, PLACE, plain)
    assert open_whole(KEY, PLACE, sealed) == plain
    assert len(sealed) == sealed_size(size) == HEAD + size + (size // CHUNK + 1) * 16


@pytest.mark.parametrize("size", SIZES)
def test_a_cut_extended_or_changed_object_does_not_open(size: int) -> None:
    sealed = seal_whole(KEY, PLACE, os.urandom(size))
    cuts = {len(sealed) - 1, len(sealed) - 16, HEAD + 16400, HEAD + 32800, 55, 0}
    for cut in (c for c in cuts if 0 <= c < len(sealed)):
        with pytest.raises(SealBroken):
            open_whole(KEY, PLACE, sealed[:cut])
    for more in (b"\0", sealed[HEAD:], b"\0" * 16400):
        with pytest.raises(SealBroken):
            open_whole(KEY, PLACE, sealed + more)
    for place in {0, 24, 55, HEAD, len(sealed) - 1}:
        bad = bytearray(sealed)
        bad[place] ^= 1
        with pytest.raises(SealBroken):
            open_whole(KEY, PLACE, bytes(bad))


def test_swapped_chunks_another_place_and_another_key_are_noticed() -> None:
    sealed = seal_whole(KEY, PLACE, os.urandom(3 * CHUNK + 5))
    one, two = sealed[HEAD : HEAD + 16400], sealed[HEAD + 16400 : HEAD + 32800]
    with pytest.raises(SealBroken):
        open_whole(KEY, PLACE, sealed[:HEAD] + two + one + sealed[HEAD + 32800 :])
    with pytest.raises(SealBroken):
        open_whole(KEY, context("document", "7c6c", "page/1"), sealed)
    with pytest.raises(SealBroken):
        open_whole(new_key(), PLACE, sealed)


def test_the_same_bytes_sealed_twice_share_nothing() -> None:
    plain = b"uittreksel " * 4000
    one, two = seal_whole(KEY, PLACE, plain), seal_whole(KEY, PLACE, plain)
    assert one[:24] != two[:24]
    windows = {plain[at : at + 16] for at in range(0, 200)}
    assert not any(w in one or w in two for w in windows)


def test_a_wrapped_key_opens_only_in_its_own_row(keyring: Keyring) -> None:
    key = new_key()
    wrapped = wrap(keyring, key, "document_key", "one")
    assert unwrap(keyring, wrapped.wrapped, "document_key", "one") == key
    with pytest.raises(ValueBroken):
        unwrap(keyring, wrapped.wrapped, "document_key", "two")
    with pytest.raises(ValueBroken):
        unwrap(keyring, wrapped.wrapped, "upload", "one")
    older = Keyring({"master": b"y" * 32, "link": b"l" * 32, "pepper": b"p" * 32}, version=2)
    with pytest.raises(ValueBroken):
        unwrap(older, wrapped.wrapped, "document_key", "one")


async def test_the_vault_keeps_whole_objects_only(tmp_path: Path) -> None:
    from balie.documents.sealing import Sealer

    vault = Vault(tmp_path / "vault")
    name = new_object_name()
    async with vault.writer(name, Sealer(KEY, PLACE)) as writer:
        await writer.write(b"half of it")
    with pytest.raises(Missing):
        await vault.read(name, KEY, PLACE)
    assert await vault.names() == set()
    async with vault.writer(name, Sealer(KEY, PLACE)) as writer:
        await writer.write(b"all " * 100_000)
        await writer.keep()
    assert await vault.read(name, KEY, PLACE) == b"all " * 100_000
    path = vault.path(name)
    assert path.stat().st_mode & 0o777 == 0o600 and vault.folder.stat().st_mode & 0o777 == 0o700
    await vault.remove(name)
    await vault.remove(name)
    assert await vault.names() == set()


async def test_parts_of_a_document_go_together(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "vault")
    name = new_object_name()
    for part in ("original", "page-1"):
        await vault.put(f"{name}/{part}", KEY, PLACE, part.encode())
    assert await vault.read(f"{name}/page-1", KEY, PLACE) == b"page-1"
    await vault.remove(name)
    assert not list(vault.folder.glob("*/*"))


def test_a_name_that_is_not_ours_is_no_path(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "vault")
    for name in ("../x", "a" * 32 + "/../y", "A" * 32, "", "a" * 32 + "/page-1/x"):
        with pytest.raises(ValueError):
            vault.path(name)
