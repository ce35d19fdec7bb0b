"""Draws the faces (y4m) and makes the tones (wav) that stand in for cameras and microphones in the tests."""

from __future__ import annotations

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

WIDTH, HEIGHT, FRAMES_PER_S = 640, 480, 30
SECONDS = 2
SAMPLES_PER_S = 48_000

Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Look:
    """Whom a test can tell apart: the colour behind the face and the tone of the voice."""

    name: str
    colour: tuple[int, int, int]
    tone_hz: int


FATIMA = Look("fatima", (20, 150, 70), 440)
ANNA = Look("anna", (30, 70, 190), 1000)


def draw(look: Look, turn: float) -> Picture:
    """One frame: a head that sways on a plain ground; `turn` 0…1 is where in the sway."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    frame = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    frame[:] = look.colour
    middle = WIDTH / 2 + 12 * np.sin(2 * np.pi * turn)
    shoulders = ((x - middle) / 190) ** 2 + ((y - HEIGHT) / 130) ** 2 < 1
    head = ((x - middle) / 85) ** 2 + ((y - 215) / 110) ** 2 < 1
    hair = (((x - middle) / 96) ** 2 + ((y - 190) / 112) ** 2 < 1) & (y < 190)
    frame[shoulders] = (90, 80, 100)
    frame[head] = (205, 160, 130)
    frame[hair] = (50, 35, 30)
    for side in (-1, 1):
        frame[((x - middle - side * 34) / 11) ** 2 + ((y - 215) / 7) ** 2 < 1] = (30, 25, 25)
    open_by = 5 + 7 * abs(np.sin(6 * np.pi * turn))
    frame[((x - middle) / 30) ** 2 + ((y - 275) / open_by) ** 2 < 1] = (140, 50, 50)
    return frame


def _planes(frame: Picture) -> bytes:
    red, green, blue = (frame[..., i].astype(np.float32) for i in range(3))
    luma = 16 + 0.257 * red + 0.504 * green + 0.098 * blue
    blueness = 128 - 0.148 * red - 0.291 * green + 0.439 * blue
    redness = 128 + 0.439 * red - 0.368 * green - 0.071 * blue
    parts = (luma, blueness[::2, ::2], redness[::2, ::2])
    return b"".join(part.clip(0, 255).astype(np.uint8).tobytes() for part in parts)


def write_picture(look: Look, path: Path) -> Path:
    """A y4m file for `--use-file-for-fake-video-capture`."""
    count = FRAMES_PER_S * SECONDS
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{FRAMES_PER_S}:1 Ip A1:1 C420jpeg\n".encode())
        for number in range(count):
            file.write(b"FRAME\n" + _planes(draw(look, number / count)))
    return path


def write_sound(look: Look, path: Path) -> Path:
    """A wav file for `--use-file-for-fake-audio-capture`: beeps, since a steady tone is taken for noise."""
    time = np.arange(SAMPLES_PER_S * SECONDS) / SAMPLES_PER_S
    beep = (np.sin(2 * np.pi * 4 * time) > 0).astype(np.float32)
    samples = 0.5 * beep * np.sin(2 * np.pi * look.tone_hz * time)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLES_PER_S)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path
