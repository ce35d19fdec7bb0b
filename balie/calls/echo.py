"""`balie media`: the far end of the check, a process of its own; answers, receives, counts, drops, forgets.

It reads commands as lines of JSON and writes answers the same way, and ends when its pipe closes. It opens
no data channel, contacts only addresses that it may contact, and sends nothing to a third party.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import logging
import os
import re
import sys
from typing import Any

import ifaddr
from aiortc import (
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError

LIFE_S = 30
ANSWER_WITHIN_S = 8
LOUD = 104  # −50 dBFS of a 16-bit sample
START_KBPS = 1500
VP8 = re.compile(r"a=rtpmap:([0-9]{1,3}) VP8/90000\r\n")
LONGEST_LINE = 256 * 1024


class Refused(Exception):
    """An offer that this end does not take."""


def usable_offer(sdp: str, sources: list[str], is_demo: bool) -> str:
    """The offer without candidates that must not be contacted; raises Refused for what is no check."""
    lines = sdp.replace("\r\n", "\n").strip().split("\n")
    media = [line.split(" ")[0] for line in lines if line.startswith("m=")]
    if not media or set(media) - {"m=audio", "m=video"} or len(set(media)) != len(media):
        raise Refused
    near = {address for address in sources if _is_address(address)}
    if is_demo:
        near |= _own_addresses()
    kept = [line for line in lines if not line.startswith("a=candidate:") or _may_contact(line, near, is_demo)]
    # With send times aiortc tells the browser a rate far below what the way can carry (200 kbit/s on loopback).
    kept = [line for line in kept if not (line.startswith("a=extmap:") and line.endswith("abs-send-time"))]
    if not any(line.startswith("a=candidate:") for line in kept):
        kept = _with_waiting_place(kept, near)
    return "\r\n".join(kept) + "\r\n"


def with_start_rate(sdp: str) -> str:
    """The answer, asking the browser to begin at a rate that shows within seconds what the way can carry."""
    return VP8.sub(rf"\g<0>a=fmtp:\g<1> x-google-start-bitrate={START_KBPS}\r\n", sdp)


def _with_waiting_place(lines: list[str], near: set[str]) -> list[str]:
    # aioice gives up at once when it has nobody to call; with the page's own address it waits to be called.
    places = [f"a=candidate:0 1 udp 1 {address} 9 typ host" for address in sorted(near)[:2]]
    return [found for line in lines for found in ([line, *places] if line.startswith("a=mid:") else [line])]


def _may_contact(line: str, near: set[str], is_demo: bool) -> bool:
    parts = line.split(" ")
    if len(parts) < 8 or parts[2].lower() != "udp" or not _is_address(parts[4]):
        return False  # names (mDNS, DNS) are never looked up
    address = ipaddress.ip_address(parts[4])
    if parts[4] in near or (is_demo and address.is_loopback):
        return True
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _own_addresses() -> set[str]:
    found = set()
    for adapter in ifaddr.get_adapters():
        for place in adapter.ips:
            found.add(place.ip if isinstance(place.ip, str) else place.ip[0])
    return found


class Peer:
    """One check: a connection that only receives."""

    def __init__(self, ice: list[dict[str, Any]]) -> None:
        servers = [RTCIceServer(s["urls"], s.get("username"), s.get("credential")) for s in ice]
        # Without a list of servers aiortc asks a third party; without MAX_BUNDLE a second m-line may never flow.
        self.connection = RTCPeerConnection(
            RTCConfiguration(iceServers=servers, bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        )
        self.seen = {"frames": 0, "width": 0, "height": 0, "audio_packets": 0, "sound": False}
        self._tasks: set[asyncio.Task[None]] = set()
        self.connection.on("track", self._begin)

    def _begin(self, track: MediaStreamTrack) -> None:
        # What is not consumed piles up in memory.
        task = asyncio.create_task(self._consume(track))
        self._tasks.add(task)

    async def _consume(self, track: MediaStreamTrack) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                self._count(track.kind, await track.recv())

    def _count(self, kind: str, frame: Any) -> None:
        if kind == "video":
            self.seen["frames"] += 1
            self.seen["width"], self.seen["height"] = frame.width, frame.height
            return
        self.seen["audio_packets"] += 1
        if not self.seen["sound"]:
            samples = memoryview(bytes(frame.planes[0])).cast("h")
            self.seen["sound"] = max(samples[::4], default=0) > LOUD

    async def answer(self, sdp: str) -> str:
        """The whole answer, candidates included."""
        await self.connection.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="offer"))
        await self.connection.setLocalDescription(await self.connection.createAnswer())
        text: str = self.connection.localDescription.sdp
        return text

    async def report(self) -> dict[str, Any]:
        """What came in until now."""
        received = lost = 0
        for stat in (await self.connection.getStats()).values():
            if stat.type == "inbound-rtp":
                received += stat.packetsReceived
                lost += stat.packetsLost
        is_connected = self.connection.connectionState == "connected"
        return {**self.seen, "connected": is_connected, "packets": received, "lost": max(0, lost)}

    async def close(self) -> None:
        """End the connection and what it received."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.connection.close()


class Echo:
    """The checks that run now."""

    def __init__(self) -> None:
        self._peers: dict[str, Peer] = {}

    async def obey(self, command: dict[str, Any]) -> dict[str, Any]:
        """Do one command: `offer`, `report`, `close` or `ping`."""
        name, check = command.get("do"), str(command.get("check", ""))
        if name == "offer":
            return await self._offer(check, command)
        if name == "report":
            peer = self._peers.get(check)
            return {"report": await peer.report() if peer else None}
        if name == "close":
            await self._close(check)
        return {}

    async def _offer(self, check: str, command: dict[str, Any]) -> dict[str, Any]:
        try:
            sdp = usable_offer(command["sdp"], command.get("sources", []), bool(command.get("is_demo")))
        except Refused:
            return {"error": "bad_field"}
        peer = self._peers[check] = Peer(command.get("ice", []))
        asyncio.get_running_loop().call_later(LIFE_S, lambda: _spawn(self._close(check)))
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                answer = await peer.answer(sdp)
        except TimeoutError:
            await self._close(check)
            return {"error": "unavailable"}
        except Exception:  # an offer that aiortc cannot read raises anything
            await self._close(check)
            return {"error": "bad_field"}
        if "a=candidate:" not in answer:
            await self._close(check)
            return {"error": "unavailable"}
        return {"sdp": with_start_rate(answer)}

    async def _close(self, check: str) -> None:
        peer = self._peers.pop(check, None)
        if peer is not None:
            await peer.close()

    async def stop(self) -> None:
        """Close every check."""
        for check in list(self._peers):
            await self._close(check)


_running: set[asyncio.Task[None]] = set()


def _spawn(what: Any) -> None:
    task = asyncio.ensure_future(what)
    _running.add(task)
    task.add_done_callback(_running.discard)


async def serve() -> None:
    """Obey the lines on standard input until it closes."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=LONGEST_LINE)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    echo = Echo()

    async def obey(line: bytes) -> None:
        try:
            command = json.loads(line)
            answer = await echo.obey(command)
        except Exception as error:  # one bad line must not end the process
            command, answer = {}, {"error": type(error).__name__}
        os.write(1, json.dumps({"id": command.get("id"), **answer}).encode() + b"\n")

    while line := await reader.readline():
        _spawn(obey(line))
    await echo.stop()


def main() -> None:
    """Run until the parent goes."""
    logging.disable(logging.CRITICAL)  # addresses and descriptions stand in these logs
    with contextlib.suppress(KeyboardInterrupt):
        try:
            import uvloop
        except ImportError:
            asyncio.run(serve())
        else:
            uvloop.run(serve())


if __name__ == "__main__":
    main()
