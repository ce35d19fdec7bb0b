"""Templates: nothing inline, every attribute quoted, escaping never switched off."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TEMPLATES = Path(__file__).resolve().parent.parent.parent / "templates"

# What may not stand in a template, and why a reader should mind.
RULES = {
    "escaping switched off": re.compile(r"\|\s*safe\b|\{%-?\s*autoescape\s+false", re.IGNORECASE),
    "a handler in an attribute": re.compile(r"<[a-z][^>]*\son[a-z]+\s*=", re.IGNORECASE),
    "a style in an attribute": re.compile(r"<[a-z][^>]*\sstyle\s*=", re.IGNORECASE),
    "a script in the page": re.compile(r"<script(?![^>]*\ssrc=)[^>]*>", re.IGNORECASE),
    "a style in the page": re.compile(r"<style[\s>]", re.IGNORECASE),
    "an attribute without quotes": re.compile(r"<[a-z][^<>]*\s[a-z-]+=(?![\"'])[^\s>]", re.IGNORECASE),
    "an address that runs": re.compile(r"(?:href|src|action)\s*=\s*[\"']\s*(?:javascript|data):", re.IGNORECASE),
    "a page that moves by itself": re.compile(r"http-equiv\s*=\s*[\"']?refresh", re.IGNORECASE),
    "a fixed size of the page": re.compile(r"maximum-scale|user-scalable", re.IGNORECASE),
}
PLANTED = {
    "escaping switched off": "<p>{{ page.name|safe }}</p>",
    "a handler in an attribute": '<button type="button" onclick="go()">x</button>',
    "a style in an attribute": '<p style="color: red">x</p>',
    "a script in the page": "<script>alert(1)</script>",
    "a style in the page": "<style>p { color: red }</style>",
    "an attribute without quotes": "<a class=x href={{ page.address }}>x</a>",
    "an address that runs": '<a href="javascript:go()">x</a>',
    "a page that moves by itself": '<meta http-equiv="refresh" content="5">',
    "a fixed size of the page": '<meta name="viewport" content="maximum-scale=1">',
}
_CODE = re.compile(r"\{#.*?#\}|\{%.*?%\}", re.DOTALL)
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_VALUE = re.compile(r"\{\{.*?\}\}", re.DOTALL)


def faults(source: str) -> list[str]:
    """The rules that a template breaks."""
    # What jinja does itself stands between braces; a value in an attribute counts as one letter.
    html = _VALUE.sub("v", _CODE.sub("", source))
    bare = _QUOTED.sub('""', html)
    read = {"escaping switched off": source, "an attribute without quotes": bare}
    return [name for name, rule in RULES.items() if rule.search(read.get(name, html))]


@pytest.mark.parametrize("path", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_a_template_keeps_the_rules(path: Path) -> None:
    assert faults(path.read_text()) == []


@pytest.mark.parametrize("name", RULES)
def test_a_planted_fault_is_found(name: str) -> None:
    assert name in faults(PLANTED[name])
