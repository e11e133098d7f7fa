"""What all tables of subjects have in common: a name for messages, rows as a stream, and how far they were read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from adapters.wallets.secrets import kind_in
from tracer.errors import BadBatch
from tracer.screening.subjects import COLUMNS, Row

HINT = f"Its first row names its columns: {', '.join(COLUMNS)}; or it is a list of one subject a line."
_KNOWN = {name: column for column, others in COLUMNS.items() for name in (column, *others)}


class Table(Protocol):
    """A table of subjects that is being read."""

    def rows(self) -> Iterator[Row]:
        """Its rows in order; one that cannot be read is there with its problem. Raises `BadBatch`."""

    def progress(self) -> tuple[int, int]:
        """How much was read and how much there is, in one unit; (n, 0) where nobody knows the end."""

    def sha256(self) -> str:
        """SHA-256 of all its bytes, 64 hex digits; of a stream once it was read to its end."""


def columns_of(header: Sequence[str]) -> list[str | None] | None:
    """What each column means, None for those that mean nothing here; None where none names a subject."""
    found = [_KNOWN.get("_".join(cell.strip().lower().replace("-", " ").split())) for cell in header]
    return found if {"subject", "address", "txid"} & set(found) else None


def once(name: str, line: int, columns: Sequence[str | None]) -> None:
    """Refuse a header in which two columns mean the same: nobody could tell which counts."""
    told = [column for column in columns if column is not None]
    if twice := sorted({column for column in told if told.count(column) > 1}):
        raise BadBatch(
            f"{name}, line {line}: two columns mean {twice[0]}.", hint="Rename or drop one of them."
        )


def no_column(name: str, header: str) -> BadBatch:
    """That no column of a header names a subject; of a header that holds a secret nothing is repeated."""
    if (kind := kind_in(header)) is not None:
        return BadBatch(f"the first line of {name} holds {kind}; it was neither read nor kept.", hint=HINT)
    return BadBatch(f"{name}: no column of {header.strip()[:60]!r} names a subject.", hint=HINT)
