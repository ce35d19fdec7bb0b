"""A program of its own: the pages of a file as pictures, their text, and an image made anew.

In: kind, first page, last page, length of the file (fixed head), the file. Out: records with a fixed head: what,
page, width, height, length. Runs within the walls; whoever reads the answer trusts none of it.
"""

from __future__ import annotations

import codecs
import importlib
import io
import struct
import sys
from typing import Any

from balie.documents import walls
from balie.documents.sniff import KINDS, load_image_parsers, open_image, read_exactly

QUESTION = struct.Struct(">BHHI")
RECORD = struct.Struct(">BHHHI")  # page sizes are two-byte numbers up to 10,000
PAGE, TEXT, KEPT, END = 1, 2, 3, 4
DPI = 150
MOST_SIDE = 10_000
PREVIEW_SIDE = 2_000
MOST_TEXT = 20_000


def main() -> None:
    """Read one file from the pipe and write its pages."""
    walls.raise_outer()
    kind, first, last, length = QUESTION.unpack(read_exactly(QUESTION.size))
    from PIL import WebPImagePlugin  # noqa: F401  (loaded before no file can be opened)

    load_image_parsers()
    if KINDS[kind] == "pdf":
        _warm_up(_pdfium())
    walls.raise_inner()
    file = read_exactly(length)
    if KINDS[kind] == "pdf":
        draw_pdf(file, first, last)
    else:
        remake_image(file, KINDS[kind])
    write(END, 0, 0, 0, b"")


def write(what: int, page: int, width: int, height: int, payload: bytes) -> None:
    """One record to the pipe."""
    sys.stdout.buffer.write(RECORD.pack(what, page, width, height, len(payload)) + payload)
    sys.stdout.buffer.flush()


def _pdfium() -> Any:
    return importlib.import_module("pypdfium2")


def _warm_up(pypdfium2: Any) -> None:
    """Load what pdfium and WebP load late, while files may still be opened."""
    for encoding in ("utf-8", "utf-16-le", "latin-1"):
        codecs.lookup(encoding)
    document = pypdfium2.PdfDocument.new()
    page = document.new_page(10, 10)
    page.render(scale=1).to_pil().save(io.BytesIO(), "WEBP")
    page.get_textpage().get_text_bounded()


def draw_pdf(file: bytes, first: int, last: int) -> None:
    """Pages `first` to `last` at 150 dpi with the text that stands on them."""
    document = _pdfium().PdfDocument(file)
    for number in range(first, min(last, len(document)) + 1):
        page = document[number - 1]
        width, height = page.get_size()
        scale = DPI / 72
        if max(width, height) * scale > MOST_SIDE or min(width, height) <= 0:
            raise SystemExit(3)
        scale = min(scale, PREVIEW_SIDE / max(width, height))
        write_picture(number, page.render(scale=scale).to_pil())
        text = page.get_textpage().get_text_bounded()[:MOST_TEXT]
        write(TEXT, number, 0, 0, text.encode("utf-8", "replace"))
        page.close()


def remake_image(file: bytes, kind: str) -> None:
    """The same picture, upright, with nothing else in the file: no place, camera, comment or thumbnail."""
    from PIL import Image, ImageOps

    image = open_image(file, kind)
    image.load()
    image = ImageOps.exif_transpose(image)
    has_alpha = kind == "png" and (image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info)
    mode = "RGBA" if has_alpha else "L" if image.mode == "L" else "RGB"
    if image.mode != mode:
        image = image.convert(mode)
    clean = Image.new(mode, image.size)
    clean.paste(image)
    del image
    kept = io.BytesIO()
    if kind == "jpeg":
        clean.save(kept, "JPEG", quality=90, optimize=False)
    else:
        clean.save(kept, "PNG")
    write(KEPT, 1, 0, 0, kept.getvalue())
    clean.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    write_picture(1, clean)
    write(TEXT, 1, 0, 0, b"")


def write_picture(page: int, picture: Any) -> None:
    """A page as WebP."""
    if picture.mode == "RGBA":
        from PIL import Image

        paper = Image.new("RGB", picture.size, "white")
        paper.paste(picture, mask=picture.getchannel("A"))
        picture = paper
    packed = io.BytesIO()
    picture.convert("RGB").save(packed, "WEBP", quality=80, method=2)
    write(PAGE, page, picture.width, picture.height, packed.getvalue())


if __name__ == "__main__":
    main()
