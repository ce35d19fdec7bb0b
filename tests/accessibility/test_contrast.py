"""Gate 7: every pair of colours that meets on a page, in light and dark, read from the theme itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CSS = Path(__file__).resolve().parent.parent.parent / "static" / "css"
SURFACES = ("ground", "surface", "shade")
SOFT = ("action-soft", "attention-soft", "good-soft", "wrong-soft")

# Text on what it stands on: at least 4.5, and 7 for the running text of every page.
TEXT = [
    *(("ink", ground, 7.0) for ground in (*SURFACES, *SOFT)),
    *(("ink-second", ground, 4.5) for ground in SURFACES),
    *(("action", ground, 4.5) for ground in (*SURFACES, "action-soft")),
    *(("action-strong", ground, 4.5) for ground in (*SURFACES, "action-soft")),
    *(("good", ground, 4.5) for ground in ("ground", "surface", "good-soft")),
    *(("wrong", ground, 4.5) for ground in ("ground", "surface", "wrong-soft")),
    ("action", "wrong-soft", 4.5),
    ("ink-second", "action-soft", 4.5),
    ("on-action", "action", 4.5),
    ("on-action", "action-strong", 4.5),
    ("on-attention", "attention", 7.0),
    ("on-wrong", "wrong", 4.5),
    ("on-stage", "stage", 7.0),
]
# Borders of controls, states and the focus ring (ink outside, ground inside): at least 3.
EDGES = [
    *(("border", ground, 3.0) for ground in SURFACES),
    *(("action", ground, 3.0) for ground in SURFACES),
    *(("ink", ground, 3.0) for ground in (*SURFACES, *SOFT)),
    ("good", "surface", 3.0),
    ("wrong", "surface", 3.0),
    ("on-stage", "stage", 3.0),
    ("ink", "ground", 3.0),
]


def palette(selector: str, css: str) -> dict[str, str]:
    """The colours of one block of the theme."""
    block = re.search(re.escape(selector) + r"\s*\{([^}]*)\}", css)
    assert block, selector
    return dict(re.findall(r"--balie-([a-z-]+):\s*(#[0-9a-f]{6})\s*;", block[1]))


def luminance(colour: str) -> float:
    """Relative luminance as WCAG defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    r, g, b = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: str, other: str) -> float:
    """From 1 (the same) to 21 (black on white)."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


TOKENS = (CSS / "tokens.css").read_text()
THEMES = {
    "light": palette(".balie-theme", TOKENS),
    "dark by the system": palette('.balie-theme:not([data-theme="light"])', TOKENS),
    "dark by choice": palette('.balie-theme[data-theme="dark"]', TOKENS),
}


def too_weak(colours: dict[str, str]) -> list[str]:
    """The pairs that miss what they need."""
    return [
        f"{one} on {ground}: {contrast(colours[one], colours[ground]):.2f}"
        for one, ground, least in (*TEXT, *EDGES)
        if contrast(colours[one], colours[ground]) < least
    ]


@pytest.mark.parametrize("theme", THEMES)
def test_every_pair_can_be_read(theme: str) -> None:
    assert not too_weak(THEMES[theme])


def test_dark_is_the_same_whether_the_system_or_the_tester_chose_it() -> None:
    assert THEMES["dark by the system"] == THEMES["dark by choice"]
    assert set(THEMES["light"]) == set(THEMES["dark by choice"])


def test_grey_text_would_be_noticed() -> None:
    assert too_weak({**THEMES["light"], "ink-second": "#a0a0a0"})


def test_the_known_contrast_of_black_on_white() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("path", sorted(CSS.glob("*.css")), ids=lambda path: path.name)
def test_only_the_theme_names_colours(path: Path) -> None:
    if path.name in ("tokens.css", "bridge.css"):
        return
    named = re.findall(r"(?<![\w-])#[0-9a-f]{3,8}\b", path.read_text())
    # White paper under a shown page stays white in the dark: it is the paper's colour, not ours.
    assert set(named) <= {"#fff"}


@pytest.mark.parametrize("path", sorted(CSS.glob("*.css")), ids=lambda path: path.name)
def test_our_styles_follow_writing_direction_and_forced_colours(path: Path) -> None:
    css = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
    assert not re.findall(r"(?<![\w-])(?:margin|padding|border|inset)-(?:left|right|top|bottom)\b", css)
    assert not re.findall(r"(?m)^\s*(?:left|right|top|bottom|width|height|max-width|max-height):", css)
    assert "forced-color-adjust: none" not in css
    assert not re.findall(r"(?:font-size|line-height):\s*[\d.]+px", css)
