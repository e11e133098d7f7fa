"""Fields of events as columns: 32-byte words of topics and data (Solidity ABI specification, "Events").

Every function gives a Polars expression over a frame with `topics` (topics 1 to 3, one after the other) and `data`.
"""

from __future__ import annotations

import polars as pl

_WORD = 32


def topic(place: int) -> pl.Expr:
    """Topic 1, 2 or 3: 32 bytes; null where there are fewer."""
    found = pl.col("topics").bin.slice((place - 1) * _WORD, _WORD)
    return pl.when(pl.col("topics").bin.size() >= place * _WORD).then(found)


def word(place: int) -> pl.Expr:
    """A word of the data, from 0: 32 bytes; null where the data is shorter."""
    found = pl.col("data").bin.slice(place * _WORD, _WORD)
    return pl.when(pl.col("data").bin.size() >= (place + 1) * _WORD).then(found)


def address(value: pl.Expr) -> pl.Expr:
    """The account in a word: its last 20 bytes where the first 12 are nothing; else all 32: of no EVM chain."""
    short = value.bin.slice(0, 12) == bytes(12)
    return pl.when(short).then(value.bin.slice(12, 20)).otherwise(value)


def token(value: pl.Expr) -> pl.Expr:
    """The contract in a word; null for the zero address."""
    found = address(value)
    return pl.when(found != bytes(20)).then(found)


def number(value: pl.Expr) -> pl.Expr:
    """A whole number below 2^64; null where the word holds more."""
    return pl.when(value.bin.slice(0, 24) == bytes(24)).then(_uint64(value, 24))


def number_text(value: pl.Expr) -> pl.Expr:
    """A whole number of any size as text: decimal below 2^64, else 0x and hex."""
    return (
        pl.when(value.bin.slice(0, 24) == bytes(24))
        .then(_uint64(value, 24).cast(pl.String))
        .otherwise(pl.concat_str(pl.lit("0x"), value.bin.encode("hex")))
    )


def units(value: pl.Expr) -> pl.Expr:
    """An amount, decimal(38, 0); null above 38 digits."""
    high, low = _uint64(value, 16), _uint64(value, 24)
    whole = high.cast(pl.Int128) * 2**64 + low.cast(pl.Int128)
    fits = (value.bin.slice(0, 16) == bytes(16)) & (high < 10**38 // 2**64)
    return pl.when(fits).then(whole).cast(pl.Decimal(38, 0))


def hexed(value: pl.Expr) -> pl.Expr:
    """A word as hex."""
    return value.bin.encode("hex")


def tail(place: int) -> pl.Expr:
    """What a dynamic field (bytes, string) holds, whose offset stands in word `place`; null where that is nonsense."""
    data = pl.col("data")
    offset = number(word(place))
    # an offset or length beyond the data is no number to count with
    start = pl.when(offset <= data.bin.size()).then(offset).cast(pl.Int64)
    length_word = data.bin.slice(start, pl.lit(_WORD))
    length = number(pl.when(length_word.bin.size() == _WORD).then(length_word))
    fits = start + _WORD + length.cast(pl.Int64) <= data.bin.size().cast(pl.Int64)
    size = pl.when(length <= data.bin.size()).then(length).cast(pl.Int64)
    return pl.when(fits).then(data.bin.slice(start + _WORD, size))


def piece(value: pl.Expr, first: int, size: int) -> pl.Expr:
    """`size` bytes of packed bytes from `first` on; null where they are not all there."""
    return pl.when(value.bin.size() >= first + size).then(value.bin.slice(first, size))


def packed_number(value: pl.Expr) -> pl.Expr:
    """A big-endian number of 2, 4 or 8 packed bytes, as text."""
    padded = (pl.lit("0000000000000000") + value.bin.encode("hex")).str.slice(-16)
    return padded.str.decode("hex").bin.reinterpret(dtype=pl.UInt64, endianness="big").cast(pl.String)


def _uint64(value: pl.Expr, first: int) -> pl.Expr:
    return value.bin.slice(first, 8).bin.reinterpret(dtype=pl.UInt64, endianness="big")


def text(value: pl.Expr) -> pl.Expr:
    """Bytes as text; null where they are no UTF-8."""
    return value.cast(pl.String, strict=False)


def keyed(*parts: pl.Expr | str) -> pl.Expr:
    """Parts of a crossing's name, joined by colons; null where one is missing."""
    return pl.concat_str(*(pl.lit(p) if isinstance(p, str) else p for p in parts), separator=":")


def sides(
    events: pl.DataFrame,
    topic_zero: bytes,
    side: str,
    key: pl.Expr,
    *,
    far: pl.Expr | None = None,
    recipient: pl.Expr | None = None,
    asset: pl.Expr | None = None,
    amount: pl.Expr | None = None,
    note: pl.Expr | None = None,
    named: pl.Expr | None = None,
    trusts: pl.Expr | None = None,
    trusts_far: pl.Expr | None = None,
) -> pl.DataFrame:
    """Rows of `tracer.flow.bridges.rules.side_schema` of one kind of event."""
    from tracer.flow.bridges.rules import side_schema

    none = pl.lit(None)
    found = events.filter(pl.col("topic") == topic_zero).select(
        "tx_id", "log_index", pl.lit(side).alias("side"), key.alias("key"), (none if far is None else far).alias("far"),
        (none if recipient is None else recipient).alias("recipient"),
        (none if asset is None else asset).alias("token"), (none if amount is None else amount).alias("amount"),
        (none if note is None else note).alias("note"), (none if named is None else named).alias("named"),
        (none if trusts is None else trusts).alias("trusts"),
        (none if trusts_far is None else trusts_far).alias("trusts_far"),
    )  # fmt: skip
    return found.cast(pl.Schema(side_schema()))


def together(*parts: pl.DataFrame) -> pl.DataFrame:
    """Sides of several kinds of event in the order of the chain; a side without a key is none."""
    return pl.concat(parts).filter(pl.col("key").is_not_null()).sort("tx_id", "log_index")
