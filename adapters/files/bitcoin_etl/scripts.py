"""Locking scripts, types and addresses of outputs as bitcoin-etl writes them, out of what the ledger keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from adapters.bitcoin.entry import BitcoinChain
from adapters.bitcoin.hashing import sha256_pieces
from adapters.bitcoin.zcash.scan import POOLS
from adapters.files.bitcoin_etl.layout import SHIELDED
from tracer.chain import FROM_POOL, AddressKey, ScriptKind

if TYPE_CHECKING:
    import polars as pl

TYPES = {
    ScriptKind.NONSTANDARD: "nonstandard", ScriptKind.P2PK: "pubkey", ScriptKind.P2PKH: "pubkeyhash",
    ScriptKind.P2SH: "scripthash", ScriptKind.P2WPKH: "witness_v0_keyhash", ScriptKind.P2WSH: "witness_v0_scripthash",
    ScriptKind.P2TR: "witness_v1_taproot", ScriptKind.MULTISIG: "multisig", ScriptKind.OP_RETURN: "nonstandard",
    ScriptKind.ANCHOR: "anchor", ScriptKind.WITNESS_UNKNOWN: "witness_unknown", ScriptKind.SHIELDED: SHIELDED,
}  # fmt: skip
"""What a node calls each kind; bitcoin-etl calls data carriers nonstandard too, because they have no address."""
_ROUND = {
    (ScriptKind.P2PKH, 20): ("76a914", "88ac"), (ScriptKind.P2SH, 20): ("a914", "87"),
    (ScriptKind.P2SH, 32): ("aa20", "87"), (ScriptKind.P2WPKH, 20): ("0014", ""), (ScriptKind.P2WSH, 32): ("0020", ""),
    (ScriptKind.P2TR, 32): ("5120", ""),
}  # fmt: skip
"""What stands round the payload of a script that its address tells, by the payload's length."""
_ANCHOR = "51024e73"
_MADE_UP = (ScriptKind.NONSTANDARD, ScriptKind.OP_RETURN)
"""Kinds for which bitcoin-etl makes up an address: `nonstandard` and the first 40 digits of the script's SHA-256."""


def with_scripts(outputs: pl.DataFrame) -> pl.DataFrame:
    """With `script_hex`: the script as kept, else as `kind` and `payload` tell it; null for shielded pools."""
    import polars as pl

    payload, size, kind = pl.col("payload").bin.encode("hex"), pl.col("payload").bin.size(), pl.col("kind")
    told = [pl.col("script").bin.encode("hex")]
    for (of, length), (before, after) in _ROUND.items():
        told.append(
            pl.when((kind == int(of)) & (size == length)).then(pl.lit(before) + payload + pl.lit(after))
        )
    told.append(pl.when(kind == int(ScriptKind.ANCHOR)).then(pl.lit(_ANCHOR)))
    frame = outputs.with_columns(pl.coalesce(told).alias("script_hex"))
    rows = np.flatnonzero((outputs["kind"] == int(ScriptKind.WITNESS_UNKNOWN)).to_numpy())
    if not len(rows):
        return frame
    programs = outputs["payload"].gather(rows).to_list()
    scripts = [bytes((0x50 + program[0], len(program) - 1)).hex() + program[1:].hex() for program in programs]
    return frame.with_columns(frame["script_hex"].scatter(rows, pl.Series(scripts)))


def with_names(frame: pl.DataFrame, chain: BitcoinChain) -> pl.DataFrame:
    """With `type` and `addresses` by `kind`, `address_kind` and `payload`; null and empty where the kind is unknown."""
    import polars as pl

    distinct = frame.select("address_kind", "payload").filter(
        pl.col("payload").is_not_null() & (pl.col("address_kind") != int(ScriptKind.MULTISIG))
    ).unique(maintain_order=True)  # fmt: skip
    texts = [chain.render_address(AddressKey(kind, payload)) for kind, payload in distinct.iter_rows()]
    named = frame.join(
        distinct.with_columns(pl.Series("address", texts, pl.String)),
        on=["address_kind", "payload"], how="left", maintain_order="left",
    )  # fmt: skip
    types = pl.col("kind").replace_strict(
        {int(kind): name for kind, name in TYPES.items()}, return_dtype=pl.String
    )
    return named.with_columns(types.alias("type"))


def made_up(outputs: pl.DataFrame) -> pl.DataFrame:
    """With the addresses that bitcoin-etl makes up for scripts that have none."""
    import polars as pl

    rows = np.flatnonzero(outputs["kind"].is_in([int(kind) for kind in _MADE_UP]).to_numpy())
    if not len(rows):
        return outputs
    scripts = outputs["script"].gather(rows).to_list()
    sizes = np.array([len(script) for script in scripts], np.int64)
    pieces = np.zeros((len(rows), 6), np.int64)
    pieces[:, 1] = np.cumsum(sizes)
    pieces[:, 0] = pieces[:, 1] - sizes
    digests = sha256_pieces(np.frombuffer(b"".join(scripts) + b"\0", np.uint8), pieces, double=False)
    texts = pl.Series([f"nonstandard{digest.tobytes().hex()[:40]}" for digest in digests])
    return outputs.with_columns(outputs["address"].scatter(rows, texts))


def from_pools(inputs: pl.DataFrame) -> pl.DataFrame:
    """What comes out of shielded pools spends nothing; the pool is named in the place of an address."""
    import polars as pl

    shielded = pl.col("kind") == int(ScriptKind.SHIELDED)
    pool = (FROM_POOL - pl.col("prev_vout")).replace_strict(
        dict(enumerate(POOLS)), default=None, return_dtype=pl.String
    )
    return inputs.with_columns(
        pl.when(shielded).then(pool).otherwise(pl.col("address")).alias("address"),
        *(
            pl.when(shielded).then(None).otherwise(pl.col(name)).alias(name)
            for name in ("prev_vout", "sequence")
        ),
    )
