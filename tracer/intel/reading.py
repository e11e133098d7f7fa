"""What an adapter hands over: the claims of one file, what it says of itself, and the rows it could not use."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tracer.intel.claims import Claim, ClaimKind, from_row
from tracer.intel.frames import frame_of

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Rejection:
    """A row that did not go in: where it stands (line from 1) and why, as CONTRACTS prints it."""

    file: str
    line: int
    reason: str


@dataclass
class About:
    """What a file says of the list it is.

    list       its name; "" where only its rows' sources tell
    whole      True: this file is all of that list, and what the list held before and no longer holds goes
    version    the publisher's own name of this version, "" where there is none
    published  ISO date of publication, "" where the file tells none
    entries    persons and bodies in the file, where it holds more of them than rows we take (a sanctions
               list names many without an address); None where every entry is a row
    """

    list: str = ""
    whole: bool = False
    version: str = ""
    published: str = ""
    entries: int | None = None


@dataclass(frozen=True)
class Reading:
    """The good rows of one file as a frame of their kind, in file order, and the others with their reason."""

    kind: ClaimKind
    frame: pl.DataFrame
    rejections: tuple[Rejection, ...] = ()
    about: About = field(default_factory=About)
    file: str = ""

    @classmethod
    def of(cls, kind: ClaimKind, claims: Iterable[Claim], about: About | None = None) -> Reading:
        """Claims made by hand, e.g. an analyst's own."""
        return cls(kind, frame_of(kind, claims), (), about or About())

    @property
    def rows(self) -> int:
        """Rows in the file; a file that could not be read at all counts as one."""
        return self.frame.height + len(self.rejections)

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The good rows one by one."""
        rows = self.frame.iter_rows(named=True)
        return tuple(from_row(self.kind, row) for row in rows)
