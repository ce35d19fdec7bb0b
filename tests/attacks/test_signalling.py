"""T15 and T9 on the whole application: odd sockets end with the right code, tell no content, and others live on."""

from __future__ import annotations

import io
import json

import aiohttp
import pytest

from balie.actors import ANONYMOUS
from balie.identity import service as identity
from balie.ids import SessionId, new_id
from balie.privacy.purposes import HELP_CITIZEN
from tests.house.whole import House

SECRET = "geheim-van-fatima"
ODD = [
    "[" * 5000 + "]" * 5000,
    '{"v":1,"type":"' + SECRET + '"}',
    '{"v":1,"seq":1,"type":"signal","to":"staff","description":{"type":"offer","sdp":"' + "m=audio\\r\\n" * 900 + '"}}',
    '{"v":1,"seq":2,"type":"text","text":"\\ud800' + SECRET + '"}',
    '{"v":1,"seq":3,"type":"text","text":"\\u0000' + SECRET + '"}',
    '{"v":1,"seq":-1,"type":"state"}',
    '{"v":1,"seq":1e999,"type":"state"}',
    '{"v":1,"seq":"٣","type":"state"}',
    SECRET + " is no json",
    "null",
    '{"type":{"type":{"type":1}}}',
]


async def connect(house: House, kind: str = "citizen", **headers: str) -> aiohttp.ClientWebSocketResponse:
    """A socket with a fresh ticket of this caller, as its page opens it."""
    caller = house.callers[kind]
    async with house.works.begin(ANONYMOUS, HELP_CITIZEN) as work:
        ticket = await identity.issue_page_ticket(work, SessionId(caller.scope), new_id())
    cookies = "; ".join(f"{name}={value}" for name, value in caller.cookies.items())
    sent = {"Origin": house.origin, "Cookie": cookies, **headers}
    return await house.client.ws_connect(f"{house.origin}/live", headers=sent, protocols=("balie.1", ticket))


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null", "", "http://127.0.0.1.elsewhere.example"])
async def test_t9_a_page_of_another_site_opens_no_socket(house: House, origin: str) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await connect(house, Origin=origin)
    assert refused.value.status == 403


async def test_t9_a_ticket_without_the_cookie_of_its_session_opens_nothing(house: House) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await connect(house, Cookie="balie=" + "x" * 43)
    assert refused.value.status in (401, 403)


@pytest.mark.parametrize("message", ODD, ids=range(len(ODD)))
async def test_t15_an_odd_message_is_refused_and_another_page_lives_on(
    house: House, log_lines: io.StringIO, message: str
) -> None:
    other = await connect(house, "staff")
    odd = await connect(house)
    await odd.send_str(message)
    answer = await odd.receive(timeout=10)
    if answer.type is aiohttp.WSMsgType.TEXT:
        refused = json.loads(answer.data)
        assert "code" in json.dumps(refused) or refused["type"] in ("refused", "error"), refused
    else:
        assert odd.close_code in (1002, 1003, 1007, 1008, 1009), odd.close_code
    await other.ping()
    assert not other.closed
    assert SECRET not in log_lines.getvalue() and "Traceback" not in log_lines.getvalue()
    assert '"fault"' not in log_lines.getvalue()
    await odd.close()
    await other.close()
