"""A BSN shows itself nowhere, except to who says what for."""

from __future__ import annotations

import copy
import io
import json
import logging
import pickle

import pytest
import structlog
from jinja2 import Environment
from sqlalchemy import text

from balie.actors import system
from balie.db import metadata
from balie.errors import BsnUnusable
from balie.identity import service
from balie.identity.bsn import Bsn
from balie.privacy.purposes import VERIFY_IDENTITY
from balie.privacy.sealing import Keyring
from balie.work import Works

DIGITS = "999990019"


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "999990018",
        "000000000",
        "99999001a",
        "9999900190",
        " 999990019",
        "٩٩٩٩٩٠٠١٩",
        "+99990019",
        "s00000000:999990019",
    ],
)
def test_what_is_no_number_is_refused(wrong: str) -> None:
    with pytest.raises(BsnUnusable):
        Bsn(wrong)


def test_it_has_no_text_form() -> None:
    bsn = Bsn(DIGITS)
    shown = [str(bsn), repr(bsn), f"{bsn}", f"{bsn!r:>40}", repr([bsn]), repr(vars(type(bsn)).get("__slots__"))]
    shown.append(Environment(autoescape=True).from_string("{{ bsn }} {{ [bsn] }}").render(bsn=bsn))
    assert not any("99990019" in each for each in shown)
    assert bsn.masked == "•••••0019"


def test_it_is_not_written_as_json_or_pickled_and_a_copy_hides_as_well() -> None:
    bsn = Bsn(DIGITS)
    for write in (json.dumps, pickle.dumps):
        with pytest.raises(TypeError):
            write(bsn)
    assert copy.deepcopy(bsn) == bsn and repr(copy.copy(bsn)) == "Bsn(…)"
    assert bsn != Bsn("999990007") and bsn != DIGITS and len({bsn, Bsn(DIGITS)}) == 1


def test_a_log_call_gives_no_digits(log_lines: io.StringIO) -> None:
    structlog.get_logger().info("somebody", bsn=Bsn(DIGITS))
    logging.getLogger("balie").warning("somebody %s", Bsn(DIGITS))
    assert "99990019" not in log_lines.getvalue() and "somebody" in log_lines.getvalue()


async def test_the_number_is_found_nowhere_outside_the_sealed_column(works: Works, keyring: Keyring) -> None:
    async with works.begin(system("test"), VERIFY_IDENTITY) as work:
        citizen_id = await service.make_citizen(
            work, issuer="https://digid.example", subject="a1", bsn=Bsn(DIGITS), name="Fatima de Vries"
        )
        assert await service.citizen_by_bsn(work, Bsn(DIGITS)) == citizen_id
        assert await service.bsn_of(work, citizen_id) == Bsn(DIGITS)
    async with works.begin(system("test"), VERIFY_IDENTITY) as work:
        rows = [str(row) for table in metadata.sorted_tables for row in await work.db.execute(table.select())]
    assert any(citizen_id in row for row in rows)
    assert not any(DIGITS in row or "Fatima" in row for row in rows)


async def test_revealing_it_is_written_to_the_processing_log(works: Works) -> None:
    async with works.begin(system("test"), VERIFY_IDENTITY) as work:
        assert await Bsn(DIGITS).reveal(work) == DIGITS
    async with works.begin(system("test"), VERIFY_IDENTITY) as work:
        lines = await work.db.scalar(text("select count(*) from processing_log where name = 'reveal_bsn'"))
    assert lines == 1


async def test_a_number_that_is_no_longer_needed_is_erased_and_its_index_stays(works: Works) -> None:
    async with works.begin(system("test"), VERIFY_IDENTITY) as work:
        citizen_id = await service.make_citizen(
            work, issuer="https://digid.example", subject="a1", bsn=Bsn(DIGITS), name="Fatima de Vries"
        )
        await service.forget_bsn(work, citizen_id)
        assert await service.bsn_of(work, citizen_id) is None
        assert await service.citizen_by_bsn(work, Bsn(DIGITS)) == citizen_id


async def test_the_same_subject_at_two_issuers_is_two_persons(works: Works) -> None:
    async with works.begin(system("test"), VERIFY_IDENTITY) as work:
        made = [
            await service.make_citizen(work, issuer=issuer, subject="a1", bsn=None, name="Fatima de Vries")
            for issuer in ("https://a.example", "https://b.example", "https://a.example")
        ]
    assert made[0] == made[2] != made[1]


async def test_one_subject_with_two_numbers_is_refused(works: Works) -> None:
    async with works.begin(system("test"), VERIFY_IDENTITY) as work:
        person = {"issuer": "https://a.example", "subject": "a1", "name": "Fatima de Vries"}
        await service.make_citizen(work, bsn=Bsn(DIGITS), **person)
        with pytest.raises(BsnUnusable):
            await service.make_citizen(work, bsn=Bsn("999990007"), **person)
