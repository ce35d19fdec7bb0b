"""Static files under a release prefix: joined, compressed once, cached for ever, and known by what they import."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import mimetypes
import posixpath
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import brotli  # type: ignore[import-untyped]
from aiohttp import web

from balie.errors import NotFound
from balie.web.access import Access
from balie.web.features import Feature, Route

FOLDER = Path(__file__).resolve().parent.parent.parent / "static"
SERVED = ("css", "img", "js", "sound", "vendor")
# Order matters: the library, what any theme may overrule, our theme, our own blocks.
_COMMON = ("vendor/utrecht.css", "css/bridge.css", "css/tokens.css", "css/base.css", "css/parts.css", "css/call.css")
BUNDLES = {
    "css/citizen.css": (*_COMMON, "css/screens.css", "css/conversation.css", "css/simplified.css"),
    "css/staff.css": (*_COMMON, "css/desk.css"),
}
_TYPES = {".js": "text/javascript", ".woff2": "font/woff2", ".svg": "image/svg+xml", ".css": "text/css"}
_PACKED = ("text/", "image/svg+xml", "application/json")
_IMPORT = re.compile(r"""^\s*(?:import|export)\b[^'"();]*["'](\.{1,2}/[^"']+)["']""", re.MULTILINE)
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_BLANKS = re.compile(r"\s*\n\s*")


@dataclass(frozen=True)
class StaticFile:
    """One file as it goes over the wire; `packed` is its gzip form when that is smaller."""

    body: bytes
    content_type: str
    packed: bytes | None

    @cached_property
    def packed_small(self) -> bytes:
        """Its brotli form: a tenth less than gzip, and so slow to make that it is made when first asked for."""
        small: bytes = brotli.compress(self.body, quality=11)
        return small


class Assets:
    """All static files in memory, with the address of each."""

    def __init__(self, folder: Path = FOLDER, theme: Path | None = None, release: str = "") -> None:
        sources = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for part in SERVED
            for path in sorted((folder / part).rglob("*"))
            if path.is_file()
        }
        for name, parts in BUNDLES.items():
            sources[name] = "\n".join(_slim(sources.get(part, b"").decode()) for part in parts).encode()
        if theme is not None:
            sources["theme.css"] = theme.read_bytes()
        self.release = release or _digest(sources)
        self.files = {name: _static_file(name, body) for name, body in sources.items()}
        self._imports = {name: _imports(name, body.decode()) for name, body in sources.items() if name.endswith(".js")}

    def address(self, path: str) -> str:
        """The address of a file under `static/`, as asset('js/main.js') in a template."""
        return f"/static/{self.release}/{path}"

    def preload(self, modules: list[str]) -> list[str]:
        """Addresses of what main.js and these modules (`js/modules/<name>.js`) import, each once."""
        wanted = ["js/main.js", *(f"js/modules/{name}.js" for name in modules)]
        found: list[str] = []
        while wanted:
            name = wanted.pop(0)
            if name in self._imports and name not in found:
                found.append(name)
                wanted.extend(self._imports[name])
        return [self.address(name) for name in found if name != "js/main.js"]


KEY = web.AppKey("assets", Assets)


async def static_file(request: web.Request) -> web.Response:
    """One file; a page of an earlier release gets today's file, which it may not keep."""
    assets = request.app[KEY]
    file = assets.files.get(request.match_info["path"])
    if file is None:
        raise NotFound
    is_current = request.match_info["release"] == assets.release
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable" if is_current else "no-store",
        "Vary": "Accept-Encoding",
    }
    body = file.body
    accepted = {each.split(";")[0].strip() for each in request.headers.get("Accept-Encoding", "").split(",")}
    if file.packed is not None and accepted & {"br", "gzip"}:
        headers["Content-Encoding"] = "br" if "br" in accepted else "gzip"
        body = await asyncio.to_thread(lambda: file.packed_small) if "br" in accepted else file.packed
    charset = "utf-8" if file.content_type.startswith("text/") else None
    return web.Response(body=body, content_type=file.content_type, charset=charset, headers=headers)


FEATURE = Feature(
    "static", routes=[Route("GET", "/static/{release}/{path:.+}", static_file, "static.file", Access.PUBLIC)]
)


def _slim(css: str) -> str:
    # The licence comment of the library stands once in vendor/LICENSE-utrecht.md, not in every block.
    return _BLANKS.sub("\n", _COMMENT.sub("", css)).strip()


def _static_file(name: str, body: bytes) -> StaticFile:
    suffix = Path(name).suffix
    content_type = _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    packed = gzip.compress(body, 9, mtime=0) if content_type.startswith(_PACKED) else None
    return StaticFile(body, content_type, packed if packed is not None and len(packed) < len(body) else None)


def _imports(name: str, source: str) -> list[str]:
    folder = posixpath.dirname(name)
    return [posixpath.normpath(posixpath.join(folder, target)) for target in _IMPORT.findall(source)]


def _digest(sources: dict[str, bytes]) -> str:
    total = hashlib.sha256()
    for name in sorted(sources):
        total.update(name.encode() + b"\0" + hashlib.sha256(sources[name]).digest())
    return total.hexdigest()[:12]
