"""Other channels read and write the same contacts."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import func, select

from balie.actors import system
from balie.db import metadata
from balie.history import channels, service, store, wiring
from balie.history.api import api_client_of
from balie.history.rules import Outcome
from balie.identity import service as identity
from balie.identity.bsn import Bsn
from balie.ids import CitizenId, VisitId, new_id
from balie.privacy.purposes import HELP_CITIZEN, RECORD_CONTACT
from balie.privacy.store import processing_log
from balie.web import logs, openapi
from balie.web.application import assemble
from balie.web.keys import ACTOR, CSRF_SCOPE
from balie.work import Works
from tests.conftest import Clock
from tests.history.builders import ANNA, ANNA_ID, a_closed_visit, a_party

BSN = "999990019"
ROOT = "/klantinteracties/api/v1"
PERSON = "hadBetrokkene__wasPartij__partijIdentificator__"
FATIMA = {
    PERSON + "codeObjecttype": "natuurlijk_persoon",
    PERSON + "codeRegister": "brp",
    PERSON + "codeSoortObjectId": "bsn",
    PERSON + "objectId": BSN,
}
Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def citizen_id(works: Works) -> CitizenId:
    """Fatima, known by her number."""
    async with works.begin(system("test"), RECORD_CONTACT) as work:
        return await identity.make_citizen(work, issuer=None, subject=None, bsn=Bsn(BSN), name="Fatima de Vries")


async def token_for(works: Works, **changes: Any) -> str:
    values = {"name": "Klantcontact", "channel": "telefoon", "domain": "burgerzaken", "rate_per_s": 1000, **changes}
    async with works.begin(system("test"), RECORD_CONTACT) as work:
        return (await channels.make_api_client(work, **values))[1]


@pytest.fixture
async def client(works: Works) -> AsyncIterator[Client]:
    """An application with the API, and a client with a token."""

    async def identify(request: web.Request) -> None:
        request[ACTOR] = await api_client_of(request, works)
        request[CSRF_SCOPE] = "test"

    app = assemble(works, [wiring.feature(), openapi.feature()], identify, b"k" * 32)
    headers = {"Authorization": f"Token {await token_for(works)}"}
    async with TestClient(TestServer(app), headers=headers) as made:
        yield made


def a_body(citizen_id: str | None = None, **changes: Any) -> dict[str, Any]:
    contact = {
        "kanaal": "telefoon",
        "onderwerp": "Vraag over de naam van een kind",
        "inhoud": "Belde over de naam.",
        "reactie": "Neem het formulier mee.",
        "indicatieContactGelukt": True,
        "taal": "nld",
        "vertrouwelijk": False,
        "plaatsgevondenOp": "2026-11-27T10:15:00+01:00",
        **changes,
    }
    party = {
        "wasPartij": {"uuid": citizen_id} if citizen_id else None,
        "rol": "klant",
        "initiator": True,
        "contactnaam": {"voornaam": "Fatima", "voorvoegselAchternaam": "de", "achternaam": "Vries"},
    }
    return {"klantcontact": contact, "betrokkene": party}


async def ask(client: Client, path: str, **options: Any) -> tuple[int, dict[str, Any]]:
    async with client.get(ROOT + path, **options) as response:
        kind = "application/json" if response.status == 200 else "application/problem+json"
        assert response.content_type == kind
        return response.status, await response.json()


async def post(client: Client, body: Any) -> tuple[int, dict[str, Any]]:
    async with client.post(f"{ROOT}/maak-klantcontact", json=body) as response:
        return response.status, await response.json()


async def test_a_record_of_a_visit_is_read_back_by_person_and_by_number(
    works: Works, client: Client, citizen_id: CitizenId
) -> None:
    async with works.begin(ANNA, RECORD_CONTACT) as work:
        kept = await service.record_visit(work, a_closed_visit(parties=(a_party(citizen_id),)))
    status, page = await ask(client, "/klantcontacten", params={**FATIMA, "expand": "hadBetrokkenen,omvatteBijlagen"})
    assert (status, page["count"], page["next"], page["previous"]) == (200, 1, None, None)
    (found,) = page["results"]
    assert (found["kanaal"], found["onderwerp"], found["reactie"]) == (
        "Videobellen",
        "Geboorte aangeven",
        "De akte ligt maandag klaar.",
    )
    assert found["metadata"] == {"uitkomst": "helped", "niveau": "substantial"}
    assert (found["plaatsgevondenOp"], found["indicatieContactGelukt"]) == ("2026-12-04T13:31:00Z", True)
    (party,) = found["_expand"]["hadBetrokkenen"]
    assert (party["wasPartij"]["uuid"], party["volledigeNaam"], party["rol"]) == (
        citizen_id,
        "Fatima de Vries",
        "klant",
    )
    assert party["contactnaam"]["voorvoegselAchternaam"] == "de"
    (paper,) = found["_expand"]["omvatteBijlagen"]
    assert paper["bijlageidentificator"]["codeObjecttype"] == "enkelvoudiginformatieobject"
    _, by_number = await ask(client, "/klantcontacten", params={"referentienummer": kept.reference})
    assert [each["uuid"] for each in by_number["results"]] == [kept.id]
    _, one = await ask(client, f"/klantcontacten/{kept.id}", params={"expand": "omvatteBijlagen"})
    assert one["_expand"]["omvatteBijlagen"] == [paper]
    assert BSN not in str(one)


async def test_a_contact_of_another_channel_is_in_the_list_of_staff(
    works: Works, client: Client, citizen_id: CitizenId
) -> None:
    status, made = await post(client, a_body(citizen_id))
    assert status == 201
    assert made["betrokkene"]["wasPartij"]["uuid"] == citizen_id
    assert made["klantcontact"]["plaatsgevondenOp"] == "2026-11-27T09:15:00Z"
    assert len(made["klantcontact"]["referentienummer"]) == 10
    async with works.begin(ANNA, HELP_CITIZEN) as work:
        (line,) = await service.earlier_contacts(work, citizen_id, own_domains={"burgerzaken"})
    assert (line.channel, line.topic, line.answer) == (
        "telefoon",
        "Vraag over de naam van een kind",
        "Neem het formulier mee.",
    )


async def test_an_outcome_and_a_subject_may_come_along(client: Client) -> None:
    body = a_body(metadata={"uitkomst": "follow_up", "anders": "x"}, indicatieContactGelukt=None)
    body["betrokkene"] = None
    body["onderwerpobject"] = {"onderwerpobjectidentificator": {"objectId": "Z-1", "codeObjecttype": "zgw-Zaak"}}
    status, made = await post(client, body)
    assert (status, made["betrokkene"]) == (201, None)
    assert made["klantcontact"]["metadata"] == {"uitkomst": Outcome.FOLLOW_UP}
    assert made["klantcontact"]["indicatieContactGelukt"] is True
    assert made["onderwerpobject"]["onderwerpobjectidentificator"]["objectId"] == "Z-1"


@pytest.mark.parametrize("header", ["", "Token wrong", "Bearer x", "Token "])
async def test_a_wrong_token_is_401(client: Client, header: str) -> None:
    status, problem = await ask(client, "/klantcontacten", params=FATIMA, headers={"Authorization": header})
    assert (status, problem["status"], problem["code"]) == (401, 401, "not_signed_in")


async def test_a_client_whose_time_ended_or_who_comes_from_elsewhere_is_401(
    works: Works, client: Client, clock: Clock
) -> None:
    for changes in ({"ends_at": clock.now}, {"networks": ["10.0.0.0/8"]}):
        headers = {"Authorization": f"Token {await token_for(works, **changes)}"}
        assert (await ask(client, "/klantcontacten", params=FATIMA, headers=headers))[0] == 401


async def test_a_client_does_only_what_it_may(works: Works, client: Client) -> None:
    writer = {"Authorization": f"Token {await token_for(works, may_read=False)}"}
    assert (await ask(client, "/klantcontacten", params=FATIMA, headers=writer))[0] == 403
    reader = {"Authorization": f"Token {await token_for(works, may_write=False)}"}
    async with client.post(f"{ROOT}/maak-klantcontact", json=a_body(), headers=reader) as response:
        assert response.status == 403


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "nonFieldErrors"),
        ({"page": "1"}, "nonFieldErrors"),
        ({PERSON + "objectId": BSN}, PERSON + "codeRegister"),
        ({**FATIMA, "kanaal": "telefoon"}, "kanaal"),
        ({**FATIMA, "expand": "wasPartij"}, "expand"),
        ({**FATIMA, "page": "+1"}, "page"),
        ({**FATIMA, "page": "1_0"}, "page"),
        ({**FATIMA, "page": "١"}, "page"),
        ({**FATIMA, "pageSize": "0"}, "pageSize"),
    ],
)
async def test_a_list_names_a_person_or_a_number_and_nothing_unknown(
    client: Client, query: dict[str, str], field: str
) -> None:
    status, problem = await ask(client, "/klantcontacten", params=query)
    assert (status, problem["status"]) == (400, 400)
    assert field in {each["name"] for each in problem["invalidParams"]}


async def test_what_does_not_exist_is_404_and_what_is_not_possible_405(client: Client) -> None:
    for path in (f"/klantcontacten/{new_id()}", "/klantcontacten/x", "/partijen", "/"):
        status, problem = await ask(client, path)
        assert (status, problem["status"]) == (404, 404)
    async with client.delete(f"{ROOT}/klantcontacten/{new_id()}") as response:
        assert (response.status, (await response.json())["status"]) == (405, 405)


@pytest.mark.parametrize("bsn", ["999990018", "1", "x", "999990019 "])
async def test_a_number_that_is_none_is_400_and_an_unknown_one_an_empty_list(client: Client, bsn: str) -> None:
    status, problem = await ask(client, "/klantcontacten", params={**FATIMA, PERSON + "objectId": bsn})
    assert status == 400 and bsn not in str(problem).replace("'status': 400", "")
    assert (await ask(client, "/klantcontacten", params=FATIMA))[1]["results"] == []
    other = {**FATIMA, PERSON + "codeSoortObjectId": "kvk"}
    assert (await ask(client, "/klantcontacten", params=other))[1]["count"] == 0


async def test_pages_follow_each_other_to_the_end(client: Client, citizen_id: CitizenId) -> None:
    for day in range(1, 6):
        await post(client, a_body(citizen_id, plaatsgevondenOp=f"2026-11-0{day}T10:00:00Z"))
    seen: list[str] = []
    query: dict[str, str] = {**FATIMA, "pageSize": "2"}
    for number in (1, 2, 3):
        _, page = await ask(client, "/klantcontacten", params={**query, "page": str(number)})
        assert page["count"] == 5
        assert (page["next"] is None) is (number == 3) and (page["previous"] is None) is (number == 1)
        seen += [each["plaatsgevondenOp"][8:10] for each in page["results"]]
    assert seen == ["05", "04", "03", "02", "01"]
    assert (await ask(client, "/klantcontacten", params={**query, "page": "4"}))[0] == 404


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kanaal": ""}, "klantcontact.kanaal"),
        ({"kanaal": "k" * 51}, "klantcontact.kanaal"),
        ({"onderwerp": None}, "klantcontact.onderwerp"),
        ({"onderwerp": "o" * 201}, "klantcontact.onderwerp"),
        ({"inhoud": "i" * 1001}, "klantcontact.inhoud"),
        ({"reactie": "r" * 4001}, "klantcontact.reactie"),
        ({"taal": "nederlands"}, "klantcontact.taal"),
        ({"vertrouwelijk": "misschien"}, "klantcontact.vertrouwelijk"),
        ({"plaatsgevondenOp": "gisteren"}, "klantcontact.plaatsgevondenOp"),
        ({"plaatsgevondenOp": "2026-11-27T10:15:00"}, "klantcontact.plaatsgevondenOp"),
        ({"referentienummer": "12345678901"}, "klantcontact.referentienummer"),
        ({"referentienummer": "A1"}, "klantcontact.referentienummer"),
        ({"referentienummer": "1\n"}, "klantcontact.referentienummer"),
        ({"onderwerp": "Vraag\0"}, "body"),
        ({"inhoud": f"nummer {BSN}"}, "klantcontact.inhoud"),
    ],
)
async def test_each_wrong_field_is_named(client: Client, changes: dict[str, Any], field: str) -> None:
    status, problem = await post(client, a_body(**changes))
    assert (status, problem["status"]) == (400, 400)
    assert field in {each["name"] for each in problem["invalidParams"]}
    assert BSN not in str(problem)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"klantcontact": 3}', b"\xff\xfe"])
async def test_a_body_that_cannot_be_read_is_400(client: Client, body: bytes) -> None:
    async with client.post(f"{ROOT}/maak-klantcontact", data=body) as response:
        assert response.status == 400
        assert response.content_type == "application/problem+json"


async def test_a_body_that_is_too_long_is_413(client: Client) -> None:
    async with client.post(f"{ROOT}/maak-klantcontact", data=b" " * (64 * 1024 + 1)) as response:
        assert response.status == 413


async def test_a_person_nobody_knows_is_400(client: Client) -> None:
    for unknown in (new_id(), "x"):
        status, problem = await post(client, a_body(unknown))
        assert status == 400
        assert problem["invalidParams"][0]["name"] == "betrokkene.wasPartij.uuid"


async def test_the_same_number_eight_times_at_once_is_one_contact(works: Works, client: Client) -> None:
    answers = await asyncio.gather(*(post(client, a_body(referentienummer="4711")) for _ in range(8)))
    assert sorted(status for status, _ in answers) == [201] + [400] * 7
    assert all(a["invalidParams"][0]["code"] == "unique" for status, a in answers if status == 400)
    async with works.begin(system("test"), HELP_CITIZEN) as work:
        assert await work.db.scalar(select(func.count()).select_from(store.contact_record)) == 1


async def test_another_domain_reads_date_and_department_and_nothing_confidential(
    works: Works, client: Client, citizen_id: CitizenId
) -> None:
    _, open_one = await post(client, a_body(citizen_id))
    _, confidential = await post(client, a_body(citizen_id, vertrouwelijk=True))
    other = {"Authorization": f"Token {await token_for(works, domain='werk en inkomen')}"}
    _, page = await ask(client, "/klantcontacten", params={**FATIMA, "expand": "hadBetrokkenen"}, headers=other)
    assert page["count"] == 1
    (found,) = page["results"]
    assert (found["uuid"], found["onderwerp"]) == (open_one["klantcontact"]["uuid"], "Contact bij andere afdeling")
    assert (found["reactie"], found["metadata"], found["_expand"]["hadBetrokkenen"]) == ("", {}, [])
    assert "naam" not in found["inhoud"]
    hidden = f"/klantcontacten/{confidential['klantcontact']['uuid']}"
    assert (await ask(client, hidden, headers=other))[0] == 404
    assert (await ask(client, hidden))[0] == 200


async def test_each_reading_about_a_person_writes_the_processing_log(
    works: Works, client: Client, citizen_id: CitizenId
) -> None:
    _, made = await post(client, a_body(citizen_id))
    paths = ("/klantcontacten", FATIMA), (f"/klantcontacten/{made['klantcontact']['uuid']}", {})
    for path, query in paths:
        before = await lines(works)
        await ask(client, path, params=query)
        assert await lines(works) == before + 1


async def lines(works: Works) -> int:
    async with works.begin(system("test"), HELP_CITIZEN) as work:
        return int(await work.db.scalar(select(func.count()).select_from(processing_log)))


async def test_nothing_of_a_request_reaches_the_log(client: Client, log_lines: io.StringIO) -> None:
    await ask(client, "/klantcontacten", params=FATIMA)
    await ask(client, "/klantcontacten", params={**FATIMA, "x": BSN})
    assert log_lines.getvalue().count("history.list_contacts") == 2
    assert BSN not in log_lines.getvalue()
    assert logs.REDACTIONS.total == 0


async def test_the_rate_of_a_client_is_bounded(works: Works, client: Client) -> None:
    headers = {"Authorization": f"Token {await token_for(works, rate_per_s=2)}"}
    statuses = [(await ask(client, "/klantcontacten", params=FATIMA, headers=headers))[0] for _ in range(4)]
    assert statuses[:2] == [200, 200] and 429 in statuses


async def test_the_openapi_document_describes_what_is_served(client: Client) -> None:
    async with client.get("/api/v1/openapi.json", headers={"Authorization": ""}) as response:
        whole = await response.json()
    status, part = await ask(client, "/openapi.json", headers={"Authorization": ""})
    assert (status, part) == (200, whole)
    assert set(whole["paths"]) == {
        f"{ROOT}/klantcontacten",
        f"{ROOT}/klantcontacten/{{uuid}}",
        f"{ROOT}/maak-klantcontact",
    }
    names = {each["name"] for each in whole["paths"][f"{ROOT}/klantcontacten"]["get"]["parameters"]}
    assert set(FATIMA) | {"referentienummer", "page", "pageSize", "expand"} == names
    assert "_expand" in whole["components"]["schemas"]["Klantcontact"]["properties"]
    assert {"MaakKlantcontact", "NewKlantcontact", "Problem"} <= set(whole["components"]["schemas"])


async def test_the_number_of_a_person_stands_in_no_table_but_sealed(
    works: Works, client: Client, citizen_id: CitizenId
) -> None:
    await post(client, a_body(citizen_id))
    await ask(client, "/klantcontacten", params=FATIMA)
    async with works.begin(ANNA, RECORD_CONTACT) as work:
        await service.save_draft(work, VisitId(new_id()), ANNA_ID, {"note": f"typt {BSN}"})
        await service.record_visit(work, a_closed_visit(parties=(a_party(citizen_id),)))
        for name, table in metadata.tables.items():
            rows = (await work.db.execute(select(table))).all()
            assert not any(BSN in str(value) or BSN.encode() in _bytes(value) for row in rows for value in row), name


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""
