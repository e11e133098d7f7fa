"""Transactions that a node told and no block has: what waits, what left, and why. No facts: they live in the state.

A transaction that left was confirmed (in which block), replaced (by what spends the same output, or one it builds on),
or it vanished: the node dropped it, and every block up to the node's newest one of then was read without it.
Until those blocks were read its fate is not known yet.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from tracer.db import named_sql
from tracer.ledger.prefix import txid_prefix
from tracer.ledger.store import Ledger
from tracer.state import State

_SQL = named_sql("tracer.ledger", "unconfirmed.sql")

CONFIRMED_BLOCKS = 144
"""For how many blocks a confirmed one is remembered (P): longer than any branch is lost. It is in the facts then."""
GONE_BLOCKS = 2016
"""... and one that was replaced or vanished."""


@dataclass(frozen=True)
class Arrived:
    """A transaction a node told, checked to be the one of its txid. Hashes in wire order.

    spends   txid and output number of each output it wants to spend
    """

    txid: bytes
    raw: bytes
    spends: Sequence[tuple[bytes, int]]


@dataclass(frozen=True)
class Waiting:
    """One that waits. `seen` is UTC in ISO 8601, `seen_height` the node's newest block then."""

    txid: bytes
    raw: bytes
    host: str
    seen: str
    seen_height: int


@dataclass(frozen=True)
class Left:
    """One that no longer waits.

    raw     None once it is confirmed: it is in the facts
    fate    `confirmed` (in the block of `height` and `block_hash`), `replaced` (by `by_txid`), `vanished`; None: not
            known yet, because blocks up to `gone_height` were not read yet
    """

    txid: bytes
    raw: bytes | None
    host: str
    seen: str
    seen_height: int
    gone: str
    gone_height: int
    fate: str | None
    height: int | None
    block_hash: bytes | None
    by_txid: bytes | None


@dataclass(frozen=True)
class Look:
    """When a node was last asked what waits, its newest block then, and how many transactions wait since."""

    time: str
    height: int
    host: str
    count: int


def known(state: State, chain: str) -> set[bytes]:
    """Txids that wait."""
    return {txid for (txid,) in state.rows(_SQL["waiting_txids"], {"chain": chain})}


def waiting(state: State, chain: str) -> list[Waiting]:
    """What waits, in the order it was seen."""
    return [Waiting(*row) for row in state.rows(_SQL["waiting"], {"chain": chain})]


def left(state: State, chain: str, since: int = 0) -> list[Left]:
    """What no longer waits and left at a node's height from `since` on, in that order; see CONFIRMED_BLOCKS."""
    return [Left(*row) for row in state.rows(_SQL["left"], {"chain": chain, "since": since})]


def look(state: State, chain: str) -> Look | None:
    """The last look at what waits; None where no node was ever asked."""
    found = state.rows(_SQL["look"], {"chain": chain})
    if not found:
        return None
    ((count,),) = state.rows(_SQL["count"], {"chain": chain})
    ((time, height, host),) = found
    return Look(time, height, host, count)


def arrive(state: State, chain: str, txs: Iterable[Arrived], *, host: str, time: str, height: int) -> None:
    """Keep what a node told, all or none of it."""
    txs = list(txs)
    here = {"chain": chain, "host": host, "time": time, "height": height}
    with state.transaction():
        state.run_each(_SQL["arrive"], ({**here, "txid": tx.txid, "raw": tx.raw} for tx in txs))
        state.run_each(
            _SQL["arrive_spend"],
            (
                {"chain": chain, "prev_txid": prev_txid, "prev_vout": prev_vout, "txid": tx.txid}
                for tx in txs
                for prev_txid, prev_vout in tx.spends
            ),
        )


def settle(
    state: State,
    ledger: Ledger,
    present: Collection[bytes],
    *,
    host: str,
    time: str,
    height: int,
) -> None:
    """Note which of those that wait are no longer there, and what became of all that left.

    present   what the node has now; it was asked before its `height`, so that no block is overlooked
    """
    chain = ledger.chain.name
    gone = sorted(known(state, chain) - set(present))
    read_to = ledger.read_to()
    with state.transaction():
        here = {"chain": chain, "time": time, "height": height}
        state.run(_SQL["note_look"], {**here, "host": host})
        state.run_each(_SQL["leave"], ({**here, "txid": txid} for txid in gone))
        _doubt(state, ledger)
        _confirm(state, ledger)
        _replace(state, ledger)
        state.run(_SQL["vanish"], {"chain": chain, "read_to": -1 if read_to is None else read_to})
        state.run(
            _SQL["forget"],
            {"chain": chain, "confirmed": height - CONFIRMED_BLOCKS, "others": height - GONE_BLOCKS},
        )
        state.run(_SQL["forget_spends"], {"chain": chain})


def _doubt(state: State, ledger: Ledger) -> None:
    """What was confirmed by a block of a lost branch is open again."""
    chain = ledger.chain.name
    for height, block_hash in state.rows(_SQL["blocks_believed"], {"chain": chain}):
        if not ledger.db.value(_SQL["block_is"], {"height": height, "hash": block_hash}):
            state.run(_SQL["doubt"], {"chain": chain, "height": height, "block_hash": block_hash})


def _confirm(state: State, ledger: Ledger) -> None:
    import pyarrow as pa

    chain = ledger.chain.name
    txids = [txid for (txid,) in state.rows(_SQL["unsettled"], {"chain": chain})]
    if not txids:
        return
    asked = pa.table({"txid": txids, "prefix": pa.array(map(txid_prefix, txids), pa.int64())})
    with ledger.db.table("asked", asked):
        found = ledger.db.rows(_SQL["confirmed"])
    state.run_each(
        _SQL["confirm"],
        (
            {"chain": chain, "txid": bytes(txid), "height": height, "block_hash": bytes(block_hash)}
            for txid, height, block_hash in found
        ),
    )


def _replace(state: State, ledger: Ledger) -> None:
    import pyarrow as pa

    chain = ledger.chain.name
    rows = state.rows(_SQL["unsettled_spends"], {"chain": chain})
    if not rows:
        return
    prev_txids, prev_vouts, txids = zip(*rows, strict=True)
    asked = pa.table(
        {
            "prev_txid": list(prev_txids),
            "prefix": pa.array(map(txid_prefix, prev_txids), pa.int64()),
            "prev_vout": pa.array(prev_vouts, pa.int32()),
            "txid": list(txids),
        }
    )
    with ledger.db.table("asked", asked):
        found = ledger.db.rows(_SQL["double_spent"])
    state.run_each(
        _SQL["replace"],
        ({"chain": chain, "txid": bytes(txid), "by_txid": bytes(by)} for txid, by in found),
    )
    state.run(_SQL["replace_by_waiting"], {"chain": chain})
    state.run(_SQL["replace_children"], {"chain": chain})
