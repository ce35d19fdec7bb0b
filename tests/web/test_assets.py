"""Static files: release prefix, compression, caching, joined styles, what a module imports."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import brotli
import pytest

from balie.settings import Settings
from balie.web import assets
from balie.web.assets import BUNDLES, FOLDER, Assets
from tests.web.pages_app import Serve, pages_app


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small folder of static files."""
    files = {
        "js/main.js": "import './module.js';\n",
        "js/module.js": "export const a = 1;\n",
        "js/modules/call.js": "import { b } from '../call/peer.js';\nimport {\n  c,\n} from \"../module.js\";\n",
        "js/call/peer.js": "import * as d from '../call/wire.js';\nexport * from './wire.js';\n",
        "js/call/wire.js": "const text = \"import './not.js'\";\n",
        "css/base.css": "/* note */\nbody { color: red; }\n" * 20,
        "vendor/utrecht.css": ".utrecht-button { color: blue; }\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_a_page_preloads_what_its_modules_import_and_nothing_twice(folder: Path) -> None:
    made = Assets(folder)
    names = [address.removeprefix(made.address("")) for address in made.preload(["call"])]
    assert sorted(names) == ["js/call/peer.js", "js/call/wire.js", "js/module.js", "js/modules/call.js"]


def test_styles_are_joined_in_order_and_hold_no_comments(folder: Path) -> None:
    css = Assets(folder).files["css/citizen.css"].body.decode()
    assert css.index("utrecht-button") < css.index("color: red")
    assert "note" not in css


def test_another_content_is_another_release(folder: Path) -> None:
    before = Assets(folder).release
    assert Assets(folder).release == before
    (folder / "js/module.js").write_text("export const a = 2;\n")
    assert Assets(folder).release != before


def test_a_municipality_mounts_its_own_theme(folder: Path, tmp_path: Path) -> None:
    theme = tmp_path / "own.css"
    theme.write_text(".own-theme { --utrecht-document-color: black; }")
    assert Assets(folder, theme=theme).files["theme.css"].body == theme.read_bytes()


async def test_a_file_is_packed_and_kept_for_ever(settings: Settings, serve: Serve) -> None:
    app = pages_app(settings)
    browser = await serve(app)
    address = app[assets.KEY].address("css/citizen.css")
    answer = await browser.get(address, headers={"Accept-Encoding": "gzip"})
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.content_type == "text/css"


@pytest.mark.parametrize(("accepted", "encoding"), [("gzip, deflate, br, zstd", "br"), ("br;q=1.0", "br"), ("", None)])
async def test_a_browser_that_knows_brotli_gets_it(
    settings: Settings, serve: Serve, accepted: str, encoding: str | None
) -> None:
    app = pages_app(settings)
    browser = await serve(app)
    plain = app[assets.KEY].files["js/main.js"]
    answer = await browser.get(app[assets.KEY].address("js/main.js"), headers={"Accept-Encoding": accepted})
    assert answer.headers.get("Content-Encoding") == encoding
    assert await answer.read() == plain.body
    assert brotli.decompress(plain.packed_small) == plain.body


async def test_an_earlier_release_gets_the_file_but_may_not_keep_it(settings: Settings, serve: Serve) -> None:
    browser = await serve(pages_app(settings))
    answer = await browser.get("/static/an-old-one/css/citizen.css")
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")


@pytest.mark.parametrize("path", ["css/none.css", "../balie/settings.py", "%2e%2e/pyproject.toml", "vendor.mjs"])
async def test_only_files_that_are_served_are_served(settings: Settings, serve: Serve, path: str) -> None:
    browser = await serve(pages_app(settings))
    assert (await browser.get(f"/static/x/{path}")).status == 404


needs_vendor = pytest.mark.skipif(
    not (FOLDER / "vendor/utrecht.css").exists(), reason="static/vendor/ is empty: run npm ci and npm run vendor"
)


@needs_vendor
def test_no_picture_in_our_styles_that_the_content_policy_refuses() -> None:
    made = Assets()
    for name in BUNDLES:
        css = made.files[name].body.decode()
        assert "data:" not in css
        assert not re.search(r"url\(\s*[\"']?(https?:)?//", css)
        assert "@import" not in css


@needs_vendor
def test_styles_and_font_leave_room_in_the_budget_of_the_journey() -> None:
    made = Assets()
    css = made.files["css/citizen.css"]
    assert css.packed is not None
    assert gzip.decompress(css.packed) == css.body
    assert len(css.packed) + len(made.files["vendor/atkinson.woff2"].body) < 65_000


@needs_vendor
def test_what_others_made_comes_with_its_licence() -> None:
    licences = {path.name for path in (FOLDER / "vendor").glob("LICENSE-*")}
    assert licences == {"LICENSE-utrecht.md", "LICENSE-atkinson.txt"}
