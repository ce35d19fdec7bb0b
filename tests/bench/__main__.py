"""`make bench`: measures on this machine, both browsers on it as well, and prints a table."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from balie.__main__ import make_works
from balie.actors import RUN_SERVICE, system
from balie.booking import service as booking
from balie.booking.holding import Wish, find_slots
from balie.booking.rules import Audience, Needs
from balie.demo.fill import DESK, fill
from balie.migrate import migrate
from balie.settings import Settings
from tests.browsers import RECEIVED
from tests.journeys.people import Citizen, Staff, both
from tests.launch import running

CALLS = 10
FIRST_FRAME = """async () => {
  const shown = [...document.querySelectorAll('button')].filter((button) => button.checkVisibility());
  const begin = shown.find((button) => button.innerText.trim() === 'Ja, begin');
  const started = performance.now();
  begin.click();
  while (performance.now() - started < 20000) {
    const video = [...document.querySelectorAll('[data-stage] video')].find((v) => !v.hasAttribute('data-own'));
    if (video?.videoWidth && video.currentTime > 0) return performance.now() - started;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return NaN;
}"""


def row(name: str, values: Sequence[float], unit: str = "ms") -> str:
    """One line of the table: median and the worst of twenty."""
    ordered = sorted(values)
    high = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return f"{name:<52}{len(values):>5}{statistics.median(ordered):>10.0f}{high:>10.0f}  {unit}"


async def one_call(citizen: Citizen, staff: Staff) -> tuple[float, float]:
    """From the tap on "Ja, begin" to the first frame, and from *Ga verder* to the waiting room."""
    await citizen.book("Vraag over mijn aanvraag")
    began = time.perf_counter()
    await citizen.to_waiting_room()
    waited = (time.perf_counter() - began) * 1000
    await staff.admit_next()
    await citizen.screen("S7")
    first_frame: float = await citizen.page.evaluate(FIRST_FRAME)
    await staff.state("in_conversation")
    assert await citizen.page.evaluate(RECEIVED) > 0
    await staff.press("Ophangen")
    await staff.finish("helped", "Uw vraag is beantwoord.")
    await citizen.page.goto("about:blank")
    await citizen.page.context.clear_cookies()
    return first_frame, waited


async def calls() -> list[str]:
    """Whole visits, one after another."""
    frames, waits = [], []
    with tempfile.TemporaryDirectory() as folder, running(BALIE_HOLDS_PER_NETWORK="1000") as server:
        async with both(server, Path(folder)) as (citizen, staff):
            await staff.sign_in()
            await staff.open_counter()
            for number in range(CALLS):
                citizen.mobile = f"06 1{number:07}"
                first_frame, waited = await one_call(citizen, staff)
                frames.append(first_frame)
                waits.append(waited)
    return [
        row("tap on Ja, begin to first remote frame", frames),
        row("link to waiting room, as fast as a script taps", waits),
    ]


async def slots() -> list[str]:
    """Free times of a month for one product."""
    with tempfile.TemporaryDirectory() as folder:
        works = make_works(Settings(demo=True, data_dir=Path(folder), keys_dir=Path(folder) / "keys"))
        await migrate(works.engine)
        await fill(works)
        took = []
        for _ in range(20):
            async with works.begin(system("bench"), RUN_SERVICE, writes=False) as work:
                product = (await booking.products(work))[0]
                began = time.perf_counter()
                today = work.now.date()
                wish = Wish(DESK, ((product, 1),), Needs(), Audience.CITIZEN)
                await find_slots(work, wish, today, today + timedelta(days=30))
                took.append((time.perf_counter() - began) * 1000)
        await works.engine.dispose()
    return [row("free times of a month, open day and night", took)]


async def main() -> None:
    """Print the table."""
    print(f"{'':<52}{'runs':>5}{'p50':>10}{'p95':>10}")
    for part in (slots, calls):
        for line in await part():
            print(line, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
