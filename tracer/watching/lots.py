"""Outputs that watches with a trail moved to, as they are kept between blocks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tracer.chain import tx_height
from tracer.db import named_sql
from tracer.state import State

_SQL = named_sql("tracer.watching", "lots.sql")


@dataclass(frozen=True)
class Lot:
    """An output that a watch moved to. `txid` and `origin` (what left the watch) in wire order."""

    watch_id: str
    txid: bytes
    vout: int
    hop: int
    value: int
    origin: bytes
    tx_id: int = -1


def lots(state: State, chain: str) -> list[Lot]:
    """What watches of a chain moved to so far."""
    rows = state.rows(_SQL["lots"], {"chain": chain})
    return [
        Lot(watch, bytes(txid), vout, hop, value, bytes(origin))
        for watch, txid, vout, hop, value, origin in rows
    ]


def keep(state: State, chain: str, found: Iterable[Lot]) -> None:
    """Keep what watches moved to. Inside a transaction."""
    state.run_each(
        _SQL["put"],
        (
            {
                "watch_id": lot.watch_id, "txid": lot.txid, "vout": lot.vout, "chain": chain, "hop": lot.hop,
                "value": lot.value, "height": tx_height(lot.tx_id), "origin": lot.origin,
            }
            for lot in found
        ),
    )  # fmt: skip


def lose(state: State, chain: str, height: int) -> None:
    """Forget what stood in blocks above this height. Inside a transaction."""
    state.run(_SQL["lost"], {"chain": chain, "height": height})
