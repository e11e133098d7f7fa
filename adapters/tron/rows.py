"""Rows under way to a batch: movements, relations, what was not understood."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

import polars as pl

from adapters.tron.answers import odd, raw, whole
from tracer.chain import TX_INDEX_BITS, AssetStandard

UNITS = pl.Decimal(38, 0)
MOVES: dict[str, pl.DataType] = {
    "tx_id": pl.Int64(),
    "stage": pl.Int8(),
    "order": pl.Int64(),
    "kind": pl.UInt8(),
    "standard": pl.UInt8(),
    "contract": pl.Binary(),
    "token_id": pl.Binary(),
    "source": pl.Binary(),
    "target": pl.Binary(),
    "amount": UNITS,
    "log_index": pl.Int32(),
}
"""One movement; (stage, order) is its place in its transaction."""
RELATIONS: dict[str, pl.DataType] = {
    "tx_id": pl.Int64(),
    "stage": pl.Int8(),
    "order": pl.Int64(),
    "kind": pl.UInt8(),
    "giver": pl.Binary(),
    "receiver": pl.Binary(),
    "contract": pl.Binary(),
    "amount": UNITS,
}
UNREAD: dict[str, pl.DataType] = {
    "tx_id": pl.Int64(),
    "place": pl.String(),
    "reason": pl.String(),
    "raw": pl.Binary(),
}


class Stage(IntEnum):
    """Order of execution inside a transaction: what it carries, then frames, then logs, then what it costs (ADR 9)."""

    CARRIED = 0
    INSIDE = 1
    LOGGED = 2
    FEE = 3


def rows(frame: pl.DataFrame, schema: dict[str, pl.DataType], **columns: pl.Expr | int | str) -> pl.DataFrame:
    """Rows of a schema from named expressions, values or columns; what is not named is null.

    `tx_id`, `order` and `token_id` (as `token`) are the frame's where they are not named; the asset is TRX.
    """
    if frame.is_empty():
        return pl.DataFrame(schema=schema)
    given: dict[str, pl.Expr | int | str] = {"tx_id": "tx_id", **columns}
    if "order" in schema:
        given.setdefault("order", "order" if "order" in frame.columns else 0)
    if schema is MOVES:
        given.setdefault("standard", int(AssetStandard.NATIVE))
        given.setdefault("token_id", "token" if "token" in frame.columns else pl.lit(None))

    def made(name: str) -> pl.Expr:
        value = given.get(name)
        expression = (
            pl.col(value)
            if isinstance(value, str)
            else value
            if isinstance(value, pl.Expr)
            else pl.lit(value)
        )
        return expression.cast(schema[name]).alias(name)

    return frame.select(made(name) for name in schema)


def stacked(parts: Sequence[pl.DataFrame], schema: dict[str, pl.DataType]) -> pl.DataFrame:
    """Parts one under the other."""
    return pl.concat([pl.DataFrame(schema=schema), *(part for part in parts if not part.is_empty())])


def sun(name: str) -> pl.Expr:
    """An amount of int64 range out of a text column: 0 where absent, null where it is none (`odd` says so)."""
    return pl.when(~odd(name)).then(whole(name).fill_null(0)).cast(UNITS)


def address(name: str) -> pl.Expr:
    """20 bytes out of a column of `answers.hex_addresses`."""
    return raw(name, 20)


def numbered(frame: pl.DataFrame, name: str, first: int) -> pl.DataFrame:
    """The frame with `token`: 32 bytes of the TRC-10 token that a column names (hex of its text); null where none.

    Tokens have numbers since block `first` (proposal 14, ALLOW_SAME_TOKEN_NAME). Before, the same fields held names:
    these are kept as such, filled up with zero bytes on the right, and are assets of their own.
    """
    height = pl.col("tx_id") // (1 << TX_INDEX_BITS)
    named = frame.with_columns(by_number=height >= first, name=pl.col(name).str.to_lowercase())
    known = named.select("by_number", "name").unique().drop_nulls()
    texts = [_token(text, by_number) for by_number, text in known.iter_rows()]
    tokens = known.with_columns(token=pl.Series(texts, dtype=pl.Binary))
    return named.join(tokens, on=["by_number", "name"], how="left", maintain_order="left").drop(
        "by_number", "name"
    )


def _token(name: str, by_number: bool) -> bytes | None:
    """The id of one token; None where the text is none."""
    try:
        text = bytes.fromhex(name)
    except ValueError:
        return None
    if by_number:
        return int(text).to_bytes(32, "big") if text.isdigit() and len(text) < 20 else None
    return text.ljust(32, b"\0") if 0 < len(text) <= 32 else None
