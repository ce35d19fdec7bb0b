"""Real Chromium for the tests: with a face and a voice fed in, and eyes and ears on what the page shows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, Playwright

from tests.faces import Look, write_picture, write_sound
from tests.machine import find

WITHIN_MS = 10_000
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--autoplay-policy=no-user-gesture-required",
    "--mute-audio",
    "--allow-loopback-in-peer-connection",
]
PHONE = {"viewport": {"width": 360, "height": 640}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
DESK = {"viewport": {"width": 1440, "height": 900}}

# The visible remote picture: its size on the screen and the colour beside the head; None while there is none.
SEEN = """() => {
  const video = [...document.querySelectorAll('[data-stage] video')].find((v) => !v.hasAttribute('data-own'));
  if (!video || !video.videoWidth || video.paused) return null;
  const box = video.getBoundingClientRect();
  if (box.width < 40 || box.height < 40 || !video.checkVisibility({ visibilityProperty: true })) return null;
  const canvas = document.createElement('canvas');
  canvas.width = 64; canvas.height = 48;
  const pen = canvas.getContext('2d');
  pen.drawImage(video, 0, 0, 64, 48);
  const [r, g, b] = pen.getImageData(4, 4, 8, 8).data;
  return { r, g, b, time: video.currentTime };
}"""

# What comes out of the remote element: the strongest frequency in Hz and its level in dB.
HEARD = """async () => {
  const element = [...document.querySelectorAll('[data-stage] audio, [data-stage] video')]
    .find((e) => !e.hasAttribute('data-own') && !e.muted && e.srcObject?.getAudioTracks().length && !e.paused);
  if (!element) return null;
  const audio = new AudioContext({ sampleRate: 48000 });
  await audio.resume();
  const analyser = audio.createAnalyser();
  analyser.fftSize = 8192; analyser.smoothingTimeConstant = 0.5;
  audio.createMediaStreamSource(new MediaStream(element.srcObject.getAudioTracks())).connect(analyser);
  const levels = new Float32Array(analyser.frequencyBinCount);
  let best = { hz: 0, db: -Infinity };
  for (let i = 0; i < 12; i += 1) {
    await new Promise((resolve) => setTimeout(resolve, 80));
    analyser.getFloatFrequencyData(levels);
    const at = levels.indexOf(levels.reduce((a, b) => Math.max(a, b), -Infinity));
    if (levels[at] > best.db) best = { hz: at * 48000 / 8192, db: levels[at] };
  }
  await audio.close();
  return Number.isFinite(best.db) ? best : null;
}"""

# Every peer connection of the page, so that a test reads what the browser itself counted.
SPY = """
(() => {
  const Real = RTCPeerConnection;
  window.testConnections = [];
  window.RTCPeerConnection = class extends Real {
    constructor(...all) { super(...all); window.testConnections.push(this); }
  };
})();
"""
RECEIVED = """async () => {
  let bytes = 0;
  for (const connection of window.testConnections) {
    if (connection.connectionState === 'closed') continue;
    for (const report of (await connection.getStats()).values()) {
      if (report.type === 'inbound-rtp') bytes += report.bytesReceived;
    }
  }
  return bytes;
}"""


def chromium() -> str:
    """The machine's Chromium."""
    path = find("chromium")
    assert path is not None
    return path


@asynccontextmanager
async def browser_of(playwright: Playwright, look: Look, folder: Path, *more: str) -> AsyncIterator[Browser]:
    """A Chromium with this face before the camera and this voice before the microphone."""
    picture = write_picture(look, folder / f"{look.name}.y4m")
    sound = write_sound(look, folder / f"{look.name}.wav")
    flags = [
        *FLAGS,
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={picture}",
        f"--use-file-for-fake-audio-capture={sound}",
        *more,
    ]
    browser = await playwright.chromium.launch(executable_path=chromium(), args=flags)
    try:
        yield browser
    finally:
        await browser.close()


async def context_of(browser: Browser, **options: Any) -> BrowserContext:
    """A fresh browser profile whose pages fail the test when something is refused or thrown."""
    context = await browser.new_context(locale="nl-NL", permissions=["camera", "microphone"], **options)
    context.set_default_timeout(WITHIN_MS)
    await context.add_init_script(SPY)
    return context


class Watch:
    """What went wrong in a page without anybody looking: thrown errors and refused content."""

    def __init__(self, page: Page) -> None:
        self.faults: list[str] = []
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", self._heard)

    def _heard(self, message: Any) -> None:
        if message.type == "error" and "Content Security Policy" in message.text:
            self.faults.append(message.text)


def is_colour_of(seen: dict[str, float] | None, look: Look) -> bool:
    """Whether the ground beside the head is that of `look`, as far as a video codec keeps colours."""
    if seen is None:
        return False
    return all(abs(seen[part] - wanted) < 45 for part, wanted in zip("rgb", look.colour, strict=True))


async def until(page: Page, script: str, holds: Any, within_ms: int = WITHIN_MS) -> Any:
    """Evaluate until `holds(value)`; fails with the last value after `within_ms`."""
    waited, value = 0, None
    while waited <= within_ms:
        value = await page.evaluate(script)
        if holds(value):
            return value
        await page.wait_for_timeout(100)
        waited += 100
    raise AssertionError(f"it did not happen within {within_ms} ms; last seen: {value}")


async def sees(page: Page, look: Look) -> None:
    """Assert that the visible remote element shows this face, and that the picture moves."""
    first = await until(page, SEEN, lambda seen: is_colour_of(seen, look))
    await until(page, SEEN, lambda seen: is_colour_of(seen, look) and seen["time"] > first["time"])


async def hears(page: Page, look: Look) -> None:
    """Assert that the remote element sounds with this voice."""
    await until(page, HEARD, lambda heard: heard is not None and abs(heard["hz"] - look.tone_hz) < 30)
