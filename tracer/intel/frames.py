"""Claims as columns: the schema of each kind, and a builder that turns claims into frames chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from tracer.intel.claims import KINDS, Claim, ClaimKind, claim_id

if TYPE_CHECKING:
    import polars as pl

CHUNK = 20_000
"""Claims kept as Python objects before they become columns."""


def schema(kind: ClaimKind) -> dict[str, pl.DataType]:
    """Columns of a claim frame: `claim_id`, then the fields of the kind's dataclass."""
    import polars as pl

    special: dict[str, pl.DataType] = {
        "int": pl.UInt8(),
        "bytes": pl.Binary(),
        "bool": pl.Boolean(),
        "bool | None": pl.Boolean(),
    }
    told = {field.name: special.get(str(field.type), pl.String()) for field in fields(KINDS[kind])}
    return {"claim_id": pl.String(), **told}


def whole(kind: ClaimKind, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with every column of its kind, in order; a field that an older version did not know is empty."""
    import polars as pl

    wanted = schema(kind)
    missing = [pl.lit("").alias(name) for name in wanted if name not in frame.columns]
    return frame.with_columns(missing).select(list(wanted))


class FrameBuilder:
    """Collects claims of one kind; a large list needs no object per claim in memory."""

    def __init__(self, kind: ClaimKind) -> None:
        self._kind = kind
        self._schema = schema(kind)
        self._get = attrgetter(*list(self._schema)[1:])
        self._ids: list[str] = []
        self._rows: list[tuple[Any, ...]] = []
        self._frames: list[pl.DataFrame] = []

    def add(self, claim: Claim) -> None:
        """Append one claim."""
        self._ids.append(claim_id(claim))
        self._rows.append(self._get(claim))
        if len(self._rows) >= CHUNK:
            self._flush()

    def frame(self) -> pl.DataFrame:
        """All claims added, in order."""
        import polars as pl

        self._flush()
        return pl.concat([pl.DataFrame(schema=self._schema), *self._frames])

    def _flush(self) -> None:
        import polars as pl

        if self._rows:
            columns = [self._ids, *map(list, zip(*self._rows, strict=True))]
            data = dict(zip(self._schema, columns, strict=True))
            self._frames.append(pl.DataFrame(data, schema=self._schema))
            self._ids, self._rows = [], []


def frame_of(kind: ClaimKind, claims: Iterable[Claim]) -> pl.DataFrame:
    """A frame of some claims, in their order."""
    builder = FrameBuilder(kind)
    for claim in claims:
        builder.add(claim)
    return builder.frame()
