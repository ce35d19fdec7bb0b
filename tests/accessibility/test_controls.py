"""A planted fault turns each gate red: what the gates would miss, they would miss everywhere."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, async_playwright

from tests.accessibility.looking import NARROW, PHONE, axe_of, measured, targets_of
from tests.accessibility.register import Entry
from tests.browsers import FLAGS, chromium
from tests.launch import Server
from tests.leaving_out import leave_out
from tests.machine import find

pytestmark = pytest.mark.browser
ENTRY = Entry("S6", "one-before", "simplified", "citizen")
# Each plants one thing in `main`; styles go in as the content policy allows.
GREY_TEXT = "main.append(made('p', 'Grijze tekst', { color: '#c0c0c0', background: '#ffffff' }))"
SMALL_BUTTON = "main.append(made('button', 'x', { inlineSize: '20px', blockSize: '20px', minBlockSize: '0' }))"
LOW_BUTTON = "main.append(made('button', 'Hoog genoeg voor gewoon', { blockSize: '48px', minBlockSize: '0' }))"
TWO_TOGETHER = """const pair = made('div', '', { display: 'flex', gap: '2px' });
  for (const word of ['Een', 'Twee']) pair.append(made('button', word, { blockSize: '60px', inlineSize: '60px' }));
  main.append(pair)"""
TOO_WIDE = "main.append(made('p', 'Breed', { inlineSize: '500px' }))"
COVERED = """const under = made('button', 'Onder', { blockSize: '60px', inlineSize: '100px' });
  const plate = made('div', '', { position: 'absolute', inset: '0' });
  const both = made('div', '', { position: 'relative' }); both.append(under, plate); main.append(both)"""
MOVING = "main.animate([{ opacity: 1 }, { opacity: 0.5 }], { duration: 5000 })"
LINK_IN_SENTENCE = """const line = made('p', 'Lees ', {}); const link = made('a', 'dit', {}); link.href = '/';
  link.style.setProperty('display', 'inline', 'important'); line.append(link, ' eerst.'); main.append(line)"""
NO_LANGUAGE = "document.documentElement.removeAttribute('lang')"
NO_PHONE = "for (const link of document.querySelectorAll('a[href^=\"tel:\"]')) link.remove()"
OTHER_TITLE = "document.title = 'Iets anders'"


@pytest.fixture
async def page(site: Server) -> AsyncIterator[Page]:
    """The waiting room of the simplified view, without a fault."""
    if find("chromium") is None:
        leave_out("Chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        opened = await browser.new_page(viewport=PHONE, reduced_motion="reduce")
        await opened.goto(site.origin + ENTRY.path())
        yield opened
        await browser.close()


async def plant(page: Page, script: str) -> None:
    """Put one fault into the page."""
    await page.evaluate(
        """() => {
          const main = document.querySelector('main');
          const made = (name, text, style) => {
            const element = document.createElement(name);
            element.textContent = text;
            if (name === 'button') element.type = 'button';
            Object.assign(element.style, style);
            return element;
          };
          SCRIPT;
        }""".replace("SCRIPT", script)
    )


async def axe_rules(page: Page) -> set[str]:
    """The rules that axe finds broken."""
    return {line[0] for line in (await axe_of(page))["violations"]}


async def test_without_a_fault_every_gate_is_green(page: Page) -> None:
    assert await axe_rules(page) == set()
    assert await measured(page, targets_of(ENTRY)) == []
    assert await measured(page, "moving()") == []
    assert await measured(page, "phone()") is True
    await page.set_viewport_size(NARROW[1])
    assert await measured(page, "reflow()") == []


@pytest.mark.parametrize(("script", "rule"), [(GREY_TEXT, "color-contrast"), (NO_LANGUAGE, "html-has-lang")])
async def test_axe_sees_a_planted_fault(page: Page, script: str, rule: str) -> None:
    await plant(page, script)
    assert rule in await axe_rules(page)


@pytest.mark.parametrize("script", [SMALL_BUTTON, LOW_BUTTON, TWO_TOGETHER])
async def test_a_target_that_is_small_low_or_near_is_found(page: Page, script: str) -> None:
    await plant(page, script)
    assert len(await measured(page, targets_of(ENTRY))) >= 1


async def test_a_low_button_is_enough_in_the_normal_view(page: Page) -> None:
    await plant(page, LOW_BUTTON)
    assert await measured(page, "targets(44, 44, 8, true)") == []


@pytest.mark.parametrize("script", [TOO_WIDE, COVERED])
async def test_what_is_too_wide_or_cannot_be_reached_is_found(page: Page, script: str) -> None:
    await page.set_viewport_size(NARROW[0])
    await plant(page, script)
    assert len(await measured(page, "reflow()")) >= 1


async def test_a_movement_is_found(page: Page) -> None:
    await plant(page, MOVING)
    assert len(await measured(page, "moving()")) == 1


async def test_a_link_inside_a_sentence_is_found(page: Page) -> None:
    await plant(page, LINK_IN_SENTENCE)
    assert await measured(page, "bareLinks()") == ['a "dit"']


async def test_a_page_without_telephone_or_with_another_title_is_found(page: Page) -> None:
    await plant(page, NO_PHONE)
    assert await measured(page, "phone()") is False
    await plant(page, OTHER_TITLE)
    heading = await measured(page, "heading()")
    assert not heading["title"].startswith(heading["headings"][0])
