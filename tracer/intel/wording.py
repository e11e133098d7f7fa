"""What the rules of claims say of many tags, in columns: asked once per distinct wording.

Hundreds of thousands of tags use a few dozen wordings; a rule that reads one row is asked for each of these once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tracer.intel.names import Names
from tracer.intel.ranking import Row, behaviour_of, protection_of, words_of

if TYPE_CHECKING:
    import polars as pl


def asked(
    frame: pl.DataFrame,
    columns: Sequence[str],
    answer: Mapping[str, type[pl.DataType]],
    ask: Callable[[Row], tuple[Any, ...]],
) -> pl.DataFrame:
    """The frame, in its order, with the columns that `ask` answers, asked once per distinct row of `columns`."""
    import polars as pl

    distinct = frame.select(columns).unique()
    said = pl.DataFrame([ask(row) for row in distinct.iter_rows(named=True)], schema=answer, orient="row")
    return frame.join(distinct.hstack(said), on=columns, how="left", maintain_order="left")


def protecting(tags: pl.DataFrame) -> pl.DataFrame:
    """Those of these tags that ask to protect somebody (`ranking.protection_of`), in their order."""
    import polars as pl

    words = ["protection", "category", "concepts"]
    told = asked(tags, words, {"protects": pl.Boolean}, lambda row: (bool(protection_of(row)),))
    return tags.filter(told["protects"])


def identified(frame: pl.DataFrame, names: Names) -> pl.DataFrame:
    """Tags (category, concepts, label, actor, and any others) with the actor each means: `Names.identified`."""
    import polars as pl

    speaks: dict[str, type[pl.DataType]] = {"person": pl.Boolean, "worded": pl.Boolean}
    told = asked(frame, ["category", "concepts"], speaks, _speaks_of)
    said = pl.when(pl.col("actor") != "").then("actor").when("worded").then("label").otherwise(pl.lit(""))
    told = told.with_columns(pl.when("person").then(pl.lit("")).otherwise(said).alias("said"))
    told = asked(told, ["said"], {"meant": pl.String}, lambda row: (names.actor_of(row["said"]),))
    return told.with_columns(pl.coalesce("meant", "actor").alias("actor")).select(frame.columns)


def _speaks_of(row: Row) -> tuple[bool, bool]:
    """Whether the words of a tag are a person's, and whether it has any (see `Names.identified`)."""
    words = bool(words_of(row))
    return words and behaviour_of(row) == "follow", words
