"""A store that another process owns (`tracer serve`): how its statements get there. No socket is opened here.

Whoever composes the program sets `OWNERS`; without it every process opens files itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

    Registrable: TypeAlias = pa.Table | pa.RecordBatchReader | pl.DataFrame


class Connection(Protocol):
    """Where the statements of one `tracer.db.Database` run: in this process, or at the owner of the file."""

    def run(self, sql: str, parameters: Mapping[str, object] | None = None) -> None:
        """Execute; no row is wanted."""

    def rows(self, sql: str, parameters: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        """Execute; all rows of the last statement."""

    def arrow(self, sql: str, parameters: Mapping[str, object] | None = None) -> pa.Table:
        """All rows as one table."""

    def batches(
        self, sql: str, parameters: Mapping[str, object] | None, batch: int
    ) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
        """The columns' types, and the rows in batches that are made as they are taken."""

    def register(self, name: str, data: Registrable) -> None:
        """Make a table readable as `name`."""

    def unregister(self, name: str) -> None:
        """Forget what `register` named."""

    def interrupt(self) -> None:
        """Stop what runs now, from another thread."""

    def close(self) -> None:
        """Leave; what was not committed is taken back."""


class Owners(Protocol):
    """Knows whether another process owns a chain file."""

    def answers(self, path: Path) -> bool:
        """Whether one owns it now."""

    def knock(self, path: Path, *, read_only: bool, wait_seconds: float) -> Connection | None:
        """A connection through the owner; None where there is none. `StoreBusy` where it lets nobody in."""


class _Known:
    """Whom this process asks."""

    owners: Owners | None = None


def through(owners: Owners | None) -> None:
    """Ask these from now on before a file is opened."""
    _Known.owners = owners


def answers(path: Path) -> bool:
    """Whether another process owns a file now."""
    return _Known.owners is not None and _Known.owners.answers(path)


def knock(path: Path, *, read_only: bool, wait_seconds: float) -> Connection | None:
    """A connection through the owner of a file; None where nobody owns it."""
    if _Known.owners is None:
        return None
    return _Known.owners.knock(path, read_only=read_only, wait_seconds=wait_seconds)
