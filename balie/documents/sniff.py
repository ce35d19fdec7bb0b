"""A program of its own: what a file really is, by parsing all of it.

In: four bytes length, the file. Out: kind, refusal, pages (two bytes) - four bytes in all. Runs within the walls.
"""

from __future__ import annotations

import io
import struct
import sys
import warnings
from typing import Any

from balie.documents import walls

ANSWER = struct.Struct(">BBH")
KINDS = ("none", "pdf", "jpeg", "png")
REFUSALS = ("none", "wrong_kind", "encrypted", "unreadable", "too_many_pages")
MOST_PIXELS = 50_000_000
MOST_PAGES = 200


class Refused(Exception):
    """The file is not what is welcome; the argument is the word of REFUSALS."""


def main() -> None:
    """Read the file from the pipe and answer what it is."""
    walls.raise_outer()
    import pikepdf

    _ = pikepdf.Pdf
    load_image_parsers()
    walls.raise_inner()
    file = read_exactly(read_length())
    try:
        kind, pages, refusal = *look_at(file), "none"
    except Refused as refused:
        kind, pages, refusal = "none", 0, str(refused)
    except Exception:  # whatever a parser stumbles over: this file is not readable
        kind, pages, refusal = "none", 0, "unreadable"
    sys.stdout.buffer.write(ANSWER.pack(KINDS.index(kind), REFUSALS.index(refusal), pages))
    sys.stdout.buffer.flush()


def read_length() -> int:
    """The four bytes in front of a file."""
    return int(struct.unpack(">I", read_exactly(4))[0])


def read_exactly(size: int) -> bytes:
    """So many bytes from the pipe, or the end of the program."""
    got = sys.stdin.buffer.read(size)
    if len(got) != size:
        raise SystemExit(2)
    return got


def look_at(file: bytes) -> tuple[str, int]:
    """Kind and number of pages; raises Refused."""
    if file.startswith(b"%PDF-"):
        return "pdf", look_at_pdf(file)
    for magic, kind in ((b"\xff\xd8\xff", "jpeg"), (b"\x89PNG\r\n\x1a\n", "png")):
        if file.startswith(magic):
            open_image(file, kind).load()
            return kind, 1
    raise Refused("wrong_kind")


def load_image_parsers() -> None:
    """Everything that Pillow loads late, while files may still be opened."""
    from PIL import ExifTags, ImageOps, JpegImagePlugin, PngImagePlugin, TiffImagePlugin  # noqa: F401


def open_image(file: bytes, kind: str) -> Any:
    """An image of exactly this kind, not yet decoded; too many pixels or frames are refused.

    The JPEG class is taken by itself: of a phone's multi-picture file it sees the first picture only.
    """
    from PIL import Image, JpegImagePlugin

    warnings.simplefilter("error", Image.DecompressionBombWarning)
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    if kind == "jpeg":
        image: Any = JpegImagePlugin.JpegImageFile(io.BytesIO(file))
    else:
        image = Image.open(io.BytesIO(file), formats=["PNG"])
    if image.width * image.height > MOST_PIXELS or getattr(image, "n_frames", 1) > 1:
        raise Refused("unreadable")
    return image


def look_at_pdf(file: bytes) -> int:
    """The number of pages of a PDF that opens without a password and without being mended."""
    import pikepdf

    try:
        with pikepdf.open(io.BytesIO(file), suppress_warnings=True) as pdf:
            if pdf.is_encrypted:
                raise Refused("encrypted")
            pages = len(pdf.pages)
    except pikepdf.PasswordError as error:
        raise Refused("encrypted") from error
    if pages == 0:
        raise Refused("unreadable")
    if pages > MOST_PAGES:
        raise Refused("too_many_pages")
    return pages


if __name__ == "__main__":
    main()
