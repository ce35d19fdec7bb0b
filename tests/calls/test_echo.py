"""The echo of the check: a real process, a real peer, and what happens when the process stops or dies."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack

from balie.calls.check import Checks, Echo, EchoUnavailable
from balie.calls.echo import Refused, usable_offer
from balie.errors import BadField, NotFound

FATIMA = "session of Fatima"
CANDIDATE = "a=candidate:1 1 udp 2130706431 {} 50000 typ host"
OFFER = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n{}\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\n"


async def answers(echo: Echo) -> None:
    """Wait until the echo answers."""
    while True:
        try:
            await echo.ask({"do": "ping"})
            return
        except EchoUnavailable:
            await asyncio.sleep(0.05)


@asynccontextmanager
async def an_echo(**options: Any) -> AsyncIterator[Echo]:
    echo = Echo(**options)
    task = asyncio.create_task(echo.run())
    async with asyncio.timeout(10):
        await answers(echo)
    try:
        yield echo
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def a_peer() -> AsyncIterator[RTCPeerConnection]:
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
    peer.addTrack(AudioStreamTrack())
    peer.addTrack(VideoStreamTrack())
    await peer.setLocalDescription(await peer.createOffer())
    try:
        yield peer
    finally:
        await peer.close()


def without_candidates(sdp: str) -> str:
    return "".join(line for line in sdp.splitlines(keepends=True) if not line.startswith("a=candidate:"))


async def received(checks: Checks, check_id: str) -> dict[str, Any]:
    async with asyncio.timeout(10):
        while True:
            report = await checks.report(FATIMA, check_id)
            if report["frames"] and report["audio_packets"]:
                return report
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("hides_its_addresses", [False, True])
async def test_the_echo_receives_sound_and_picture_of_a_real_peer(hides_its_addresses: bool) -> None:
    async with an_echo() as echo, a_peer() as peer:
        checks = Checks(echo, at_once=2)
        sdp = peer.localDescription.sdp
        offer = without_candidates(sdp) if hides_its_addresses else sdp
        check_id, answer = await checks.offer(FATIMA, offer, [], "127.0.0.1", is_demo=True)
        assert "m=application" not in answer
        await peer.setRemoteDescription(RTCSessionDescription(sdp=answer, type="answer"))
        report = await received(checks, check_id)
        assert (report["connected"], report["width"], report["height"]) == (True, 640, 480)
        with pytest.raises(NotFound):
            await checks.report("session of somebody else", check_id)
        await checks.end(FATIMA, check_id)
        with pytest.raises(NotFound):
            await checks.report(FATIMA, check_id)


async def test_only_so_many_checks_run_at_once_and_each_for_half_a_minute() -> None:
    now = [0.0]
    async with an_echo() as echo, a_peer() as peer:
        checks = Checks(echo, at_once=1, clock=lambda: now[0])
        sdp = peer.localDescription.sdp
        await checks.offer(FATIMA, sdp, [], "127.0.0.1", is_demo=True)
        with pytest.raises(EchoUnavailable):
            await checks.offer(FATIMA, sdp, [], "127.0.0.1", is_demo=True)
        now[0] = 31.0
        await checks.offer(FATIMA, sdp, [], "127.0.0.1", is_demo=True)


async def test_an_offer_with_a_data_channel_or_nonsense_is_refused_and_the_echo_lives() -> None:
    async with an_echo() as echo:
        checks = Checks(echo, at_once=4)
        for offer in ("v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n", OFFER, "geen SDP"):
            with pytest.raises(BadField):
                await checks.offer(FATIMA, offer, [], "127.0.0.1", is_demo=True)
        assert await echo.ask({"do": "ping"})


async def test_a_stopped_echo_is_not_waited_for_and_goes_on_when_it_wakes() -> None:
    async with an_echo(answer_within_s=0.3) as echo:
        assert echo.pid is not None
        os.kill(echo.pid, signal.SIGSTOP)
        try:
            async with asyncio.timeout(10):
                with pytest.raises(EchoUnavailable):
                    await echo.ask({"do": "ping"})
        finally:
            os.kill(echo.pid, signal.SIGCONT)
        async with asyncio.timeout(10):
            assert await echo.ask({"do": "ping"})


async def test_an_echo_that_stays_silent_is_replaced() -> None:
    now = [0.0]
    async with an_echo(answer_within_s=0.3, restart_after_s=0.0, clock=lambda: now[0]) as echo:
        first = echo.pid
        assert first is not None
        os.kill(first, signal.SIGSTOP)
        for _ in range(2):
            with pytest.raises(EchoUnavailable):
                await echo.ask({"do": "ping"})
            now[0] += 31
        async with asyncio.timeout(10):
            await answers(echo)
            assert echo.pid != first


async def test_a_killed_echo_makes_a_check_unavailable_at_once_and_comes_back() -> None:
    async with an_echo(restart_after_s=0.2) as echo:
        assert echo.pid is not None
        os.kill(echo.pid, signal.SIGKILL)
        async with asyncio.timeout(5):
            with pytest.raises(EchoUnavailable):
                await echo.ask({"do": "ping"})
        async with asyncio.timeout(10):
            await answers(echo)


async def test_the_echo_ends_when_its_pipe_closes() -> None:
    process = await asyncio.create_subprocess_exec(
        *Echo()._command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    process.stdin.close()
    async with asyncio.timeout(10):
        assert await process.wait() == 0


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.0.0.8", "172.16.3.4", "192.168.1.9", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
        *("224.0.0.1", "240.0.0.1", "::1", "fe80::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "192.0.2.77"),
        *("fatima.local", "localhost", "2130706433"),
    ],
)
def test_addresses_that_are_not_public_are_never_contacted(address: str) -> None:
    kept = usable_offer(OFFER.format(CANDIDATE.format(address)), ["8.8.4.4"], is_demo=False)
    assert f" {address} " not in kept
    assert " 8.8.4.4 9 typ host" in kept  # only the page's own address, so that it can be waited for


def test_public_addresses_and_that_of_the_request_stay() -> None:
    both = CANDIDATE.format("8.8.8.8") + "\r\n" + CANDIDATE.format("192.168.1.9")
    kept = usable_offer(OFFER.format(both), ["192.168.1.9"], is_demo=False)
    assert " 8.8.8.8 50000" in kept and " 192.168.1.9 50000" in kept


def test_tcp_candidates_and_a_kind_that_comes_twice_are_not_taken() -> None:
    assert "tcp" not in usable_offer(
        OFFER.format("a=candidate:1 1 tcp 1 8.8.8.8 9 typ host tcptype active"), [], is_demo=False
    )
    with pytest.raises(Refused):
        usable_offer(OFFER.format("m=audio 9 UDP/TLS/RTP/SAVPF 111"), [], is_demo=False)


async def test_the_browser_is_not_held_back_by_what_the_echo_estimates() -> None:
    times = "a=extmap:3 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
    assert "abs-send-time" not in usable_offer(OFFER.format(times), [], is_demo=False)
    async with an_echo() as echo, a_peer() as peer:
        _, answer = await Checks(echo, 1).offer(FATIMA, peer.localDescription.sdp, [], "127.0.0.1", is_demo=True)
    assert "VP8/90000\r\na=fmtp:97 x-google-start-bitrate=1500\r\n" in answer
