"""One appointment, whole: from booking to contact history, in two real browsers."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2

from tests.browsers import RECEIVED, hears, sees, until
from tests.faces import ANNA, FATIMA
from tests.journeys.people import Citizen, Staff, both, into_conversation, sign_in_with_digid
from tests.launch import ROOT, Server, free_port, running

API = "/klantinteracties/api/v1"
BSN = "999990019"
POSTED = "8000000001"
PERSON = {
    "hadBetrokkene__wasPartij__partijIdentificator__codeObjecttype": "natuurlijk_persoon",
    "hadBetrokkene__wasPartij__partijIdentificator__codeRegister": "brp",
    "hadBetrokkene__wasPartij__partijIdentificator__codeSoortObjectId": "bsn",
    "hadBetrokkene__wasPartij__partijIdentificator__objectId": BSN,
}
TEXT_OF = "() => [...document.querySelectorAll('[data-entries] > li')].map((e) => e.innerText).join('\\n')"


def api_token(server: Server) -> str:
    """A token for another channel, made by the operator's command."""
    env = {
        **server.environment,
        "PATH": "/usr/bin:/bin",
        "BALIE_DEMO": "true",
        "BALIE_DATA_DIR": str(server.folder / "data"),
        "BALIE_KEYS_DIR": str(server.folder / "keys"),
    }
    command = [sys.executable, "-m", "balie", "api-client", "Telefoon", "--domain", "burgerzaken"]
    return subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True, text=True).stdout.strip()


async def contacts_of_fatima(server: Server, token: str) -> list[dict[str, Any]]:
    """What another channel reads."""
    headers = {"Authorization": f"Token {token}"}
    async with httpx2.AsyncClient(base_url=server.origin, headers=headers, timeout=10) as client:
        answer = await client.get(
            f"{API}/klantcontacten", params={**PERSON, "expand": "hadBetrokkenen,omvatteBijlagen"}
        )
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


async def post_contact(server: Server, token: str, partij: str) -> None:
    """Another channel writes a contact while the two are talking."""
    body = {
        "klantcontact": {
            "kanaal": "Telefoon",
            "onderwerp": "Vraag over openingstijden",
            "inhoud": "Belde zojuist.",
            "indicatieContactGelukt": True,
            "taal": "nld",
            "vertrouwelijk": False,
            "plaatsgevondenOp": datetime.now(UTC).isoformat(),
            "referentienummer": POSTED,
        },
        "betrokkene": {
            "wasPartij": {"uuid": partij},
            "rol": "klant",
            "initiator": True,
            "contactnaam": {"voorletters": "F.", "voornaam": "Fatima", "achternaam": "de Vries"},
        },
    }
    async with httpx2.AsyncClient(base_url=server.origin, headers={"Authorization": f"Token {token}"}) as client:
        assert (await client.post(f"{API}/maak-klantcontact", json=body)).status_code == 201


async def type_and_correct(writer: Any, reader: Any) -> None:
    """Each letter is on the other side before any Enter, and so is a correction."""
    field = writer.locator("textarea[data-own-text]").locator("visible=true")
    await field.click()
    typed = ""
    for letter in "Hallox":
        await field.press_sequentially(letter)
        typed += letter
        await until(reader, TEXT_OF, lambda text, now=typed: now in text)
    await field.press("Backspace")
    await until(reader, TEXT_OF, lambda text: "Hallo" in text and "Hallox" not in text)


async def give_paper(citizen: Citizen, staff: Staff, folder: Path) -> None:
    """Staff ask for the paper, Fatima sends a photo of it, staff look at it, show it and accept it."""
    photo = folder / "brief.png"
    await citizen.page.screenshot(path=str(photo))
    await staff.page.get_by_text("Vraag papieren").first.click()
    await staff.press("Vraag dit")
    await citizen.screen("D1")
    await (
        citizen.page.locator('.screen[data-screen="D1"] input[type=file]').locator("nth=0").set_input_files(str(photo))
    )
    await citizen.screen("D2")
    await citizen.page.locator('[data-screen="D2"] button').locator("visible=true").first.click()
    await citizen.screen("D4")
    documents = staff.page.locator('[data-part="documents"]')
    await documents.get_by_role("button", name="Aannemen").first.wait_for()
    await documents.locator("summary").filter(has_text="Bekijken").first.click()
    await documents.locator("img").first.wait_for()
    await documents.locator("[name=words]").locator("visible=true").first.fill("De brief van de verloskundige.")
    await documents.get_by_role("button", name="Toon").first.click()
    await citizen.screen("C7")
    await documents.get_by_role("button", name="Niet meer tonen").click()
    await documents.get_by_role("button", name="Aannemen").first.click()
    await documents.get_by_text("aangenomen").first.wait_for()


async def whole_run(server: Server, folder: Path) -> None:
    """Sections 2 and 3 of the first whole run, from booking to contact record."""
    began = datetime.now(UTC)
    token = await asyncio.to_thread(api_token, server)
    before = await contacts_of_fatima(server, token)
    assert {contact["kanaal"] for contact in before} == {"Telefoon", "Balie", "Chat"}
    async with both(server, folder) as (citizen, staff):
        await into_conversation(citizen, staff, "Geboorte aangeven")
        await asyncio.gather(sees(citizen.page, ANNA), sees(staff.page, FATIMA))
        await asyncio.gather(hears(citizen.page, ANNA), hears(staff.page, FATIMA))

        await post_contact(server, token, before[0]["_expand"]["hadBetrokkenen"][0]["wasPartij"]["uuid"])

        await citizen.button("Schrijven").click()
        await type_and_correct(citizen.page, staff.page)
        await type_and_correct(staff.page, citizen.page)

        await staff.press("Vraag om in te loggen")
        await sign_in_with_digid(citizen)
        await staff.badge("bevestigd, substantieel")
        await asyncio.gather(sees(citizen.page, ANNA), sees(staff.page, FATIMA))
        await asyncio.gather(hears(citizen.page, ANNA), hears(staff.page, FATIMA))
        earlier = staff.page.locator('[data-part="earlier"]')
        await earlier.get_by_text("Vraag over de naam van het kind").wait_for()
        await earlier.get_by_text("Parkeervergunning").wait_for()
        await earlier.get_by_text("Vraag over openingstijden").wait_for()

        await give_paper(citizen, staff, folder)
        await hold_and_resume(citizen, staff)

        await staff.press("Ophangen")
        await citizen.screen("S9")
        await citizen.page.get_by_text("Anna schrijft nog op wat is afgesproken").wait_for()
        await staff.finish("helped", "U krijgt binnen een week een brief.")
        await citizen.page.get_by_text("U krijgt binnen een week een brief.").wait_for()
    check_record(before, await contacts_of_fatima(server, token), began)


async def hold_and_resume(citizen: Citizen, staff: Staff) -> None:
    """On hold nothing is received either way, the citizen reads why and until when; resume needs no new admit."""
    await staff.page.locator("summary").filter(has_text="In de wacht zetten").click()
    await staff.press("Zet in de wacht")
    await citizen.screen("C1")
    assert "collega" in await citizen.page.inner_text('.screen[data-screen="C1"]')
    for page in (citizen.page, staff.page):
        await stands_still(page)
    await staff.press("Hervatten")
    await citizen.screen("S8")
    await asyncio.gather(sees(citizen.page, ANNA), sees(staff.page, FATIMA))
    await asyncio.gather(hears(citizen.page, ANNA), hears(staff.page, FATIMA))


async def stands_still(page: Any) -> None:
    """Received bytes do not grow over a whole second; within ten seconds that must come."""
    for _ in range(10):
        first = await page.evaluate(RECEIVED)
        await page.wait_for_timeout(1000)
        if await page.evaluate(RECEIVED) == first:
            return
    raise AssertionError("sound or picture still comes in on hold")


def check_record(before: list[dict[str, Any]], after: list[dict[str, Any]], began: datetime) -> None:
    """Exactly one record more, and it says what happened."""
    known = {contact["uuid"] for contact in before}
    made = [c for c in after if c["uuid"] not in known and c["referentienummer"] != POSTED]
    assert len(made) == 1, [contact["kanaal"] for contact in made]
    record = made[0]
    assert record["kanaal"] == "Videobellen"
    assert record["metadata"]["uitkomst"] == "helped"
    assert record["metadata"]["niveau"] == "substantial"
    assert record["reactie"] == "U krijgt binnen een week een brief."
    assert record["indicatieContactGelukt"] is True
    at = datetime.fromisoformat(record["plaatsgevondenOp"])
    assert began <= at <= datetime.now(UTC)
    expanded = record["_expand"]
    assert len(expanded["hadBetrokkenen"]) == 1
    assert expanded["hadBetrokkenen"][0]["wasPartij"] is not None
    assert len(expanded["omvatteBijlagen"]) == 1


async def test_a_citizen_is_helped_from_booking_to_contact_history(server: Server, tmp_path: Path) -> None:
    await whole_run(server, tmp_path)


async def test_the_same_with_the_identity_provider_in_a_process_of_its_own(tmp_path: Path) -> None:
    port = free_port()
    issuer = f"http://127.0.0.1:{port}/proef-inlog"
    environment = {"BALIE_CITIZEN_ISSUER": f"{issuer}/burger", "BALIE_STAFF_ISSUER": f"{issuer}/medewerker"}
    with running(**environment) as server:
        provider = start_provider(server, port, tmp_path)
        try:
            await whole_run(server, tmp_path)
        finally:
            provider.terminate()
            provider.wait(10)


def start_provider(server: Server, port: int, folder: Path) -> subprocess.Popen[bytes]:
    """The test provider alone, knowing the server's two clients by their public keys."""
    clients = folder / "clients.json"
    code = (
        "import json, sys; from balie.settings import Settings;"
        "from balie.identity.oidc import providers_from, registration;"
        "print(json.dumps([registration(p) for p in providers_from(Settings()).values()]))"
    )
    env = {
        "PATH": "/usr/bin:/bin",
        "BALIE_DEMO": "true",
        "BALIE_PORT": str(server.port),
        "BALIE_DATA_DIR": str(server.folder / "data"),
        "BALIE_KEYS_DIR": str(server.folder / "keys"),
        **server.environment,
    }
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, check=True, capture_output=True, text=True)
    clients.write_text(json.dumps(json.loads(told.stdout)))
    command = [sys.executable, "-m", "balie.demo.identity_provider", "--port", str(port), "--clients", str(clients)]
    return subprocess.Popen(command, cwd=ROOT, env=env)
