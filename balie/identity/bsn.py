"""The citizen service number: a type that hides itself, sealed in one column and found by a keyed index."""

from __future__ import annotations

import hmac
import re
from typing import Any, NoReturn, Self

from balie.errors import BsnUnusable
from balie.ids import passes_eleven_test
from balie.privacy.sealing import Keyring
from balie.privacy.service import log_processing
from balie.work import Work

_DIGITS = re.compile(r"[0-9]{1,9}")


class Bsn:
    """Nine digits that pass the eleven-test. It has no text form: only `reveal` gives the digits, and logs it."""

    __slots__ = ("__digits",)

    def __init__(self, text: str) -> None:
        """Raises BsnUnusable for anything but one to nine ASCII digits that pass the eleven-test."""
        if not isinstance(text, str) or not _DIGITS.fullmatch(text):
            raise BsnUnusable
        digits = text.zfill(9)
        if not passes_eleven_test(digits):
            raise BsnUnusable
        self.__digits = digits

    async def reveal(self, work: Work) -> str:
        """The digits, for the purpose of this work; written to the processing log."""
        await log_processing(work, data_subject=self.index(work.get(Keyring)), name="reveal_bsn")
        return self.__digits

    @property
    def masked(self) -> str:
        """What may stand on a screen: the last four digits."""
        return "•••••" + self.__digits[-4:]

    def index(self, keyring: Keyring) -> str:
        """The keyed hash under which this number is found."""
        return keyring.keyed_hash("bsn", self.__digits)

    def sealed(self, keyring: Keyring, table: str, row: str, column: str) -> bytes:
        """Encrypted for one place."""
        return keyring.seal(self.__digits, table, row, column)

    @classmethod
    def unsealed(cls, keyring: Keyring, sealed: bytes, table: str, row: str, column: str) -> Self:
        """Opened again from the place it was sealed for."""
        return cls(keyring.unseal(sealed, table, row, column))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Bsn) and hmac.compare_digest(self.__digits, other.__digits)

    def __hash__(self) -> int:
        return hash((Bsn, self.__digits))

    def __repr__(self) -> str:
        return "Bsn(…)"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Bsn is not written anywhere")
