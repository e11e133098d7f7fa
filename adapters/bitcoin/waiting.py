"""What unconfirmed transactions pay and spend, from their bytes, in columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from adapters.bitcoin.chains import BitcoinChain
from adapters.bitcoin.decode import decode_loose
from adapters.bitcoin.explorer.loose import Loose, around
from tracer.chain import TX_INDEX_BITS
from tracer.ledger.unconfirmed import Waiting

if TYPE_CHECKING:
    import polars as pl


def decoded(txs: Sequence[Waiting], chain: BitcoinChain) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What they pay (tx: place, vout, units, kind, payload), what they spend (tx, vin, prev_txid, prev_vout).

    kind and payload are null where nobody's address is. One that cannot be read is left out.
    """
    import polars as pl

    paid_schema = pl.Schema(
        {"tx": pl.Int64, "vout": pl.Int32, "units": pl.Int64, "kind": pl.UInt8, "payload": pl.Binary}
    )
    spent_schema = pl.Schema({"tx": pl.Int64, "vin": pl.Int32, "prev_txid": pl.Binary, "prev_vout": pl.Int32})
    paid, spends = [pl.DataFrame(schema=paid_schema)], [pl.DataFrame(schema=spent_schema)]
    first = 0
    while first < len(txs):
        blocks = [around(Loose(tx.txid, tx.raw, 0, b"", 1, (), ())) for tx in txs[first:]]
        ends = np.cumsum([len(block) for block in blocks])
        starts = ends - np.array([len(block) for block in blocks])
        found = decode_loose(np.frombuffer(b"".join(blocks), np.uint8), starts, ends, chain)
        if found.batch is not None:
            place = (pl.col("tx_id") // (1 << TX_INDEX_BITS) + first).alias("tx")
            own = pl.col("tx_id") % (1 << TX_INDEX_BITS) == 1
            outputs, inputs = pl.from_arrow(found.batch.outputs), pl.from_arrow(found.batch.inputs)
            assert isinstance(outputs, pl.DataFrame)
            assert isinstance(inputs, pl.DataFrame)
            paid.append(
                outputs.filter(own)
                .select(
                    place,
                    "vout",
                    pl.col("value").alias("units"),
                    pl.col("address_kind").alias("kind"),
                    "payload",
                )
                .cast(paid_schema)
            )
            spends.append(
                inputs.filter(own).select(place, "vin", "prev_txid", "prev_vout").cast(spent_schema)
            )
        first += found.sound + 1  # behind the one that cannot be read, or behind the last
    return pl.concat(paid), pl.concat(spends)
