"""What `tracer.paths/1` says of paths on an account chain: transfers for outpoints, conversions, where they stop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tracer.amounts import Amount
from tracer.chain import BLOCK_INDEX, tx_height
from tracer.flow.accounts.closure import SQL as CLOSURE
from tracer.flow.accounts.conversions import BASIS
from tracer.flow.accounts.paths_search import Way
from tracer.flow.accounts.rows import WRAP
from tracer.flow.facts import Facts
from tracer.flow.fates import BUCKETS, Fate
from tracer.flow.question import utc
from tracer.flow.sets import distinct, union
from tracer.flow.stops import ground

if TYPE_CHECKING:
    from tracer.flow.accounts.paths_rows import Looked
    from tracer.flow.paths.answer import PathAnswer


def name(facts: Facts, looked: Looked, shown: Iterable[int]) -> None:
    """Render the names of these rows, and look up where their events stand in the block."""
    import polars as pl

    rows = looked.rows[sorted(set(shown))]
    tx_ids = distinct(rows["tx_id"].to_numpy())
    facts.txids.update(facts.ledger.render_txids(tx_ids.tolist()))
    # what no transaction did is named by its block
    for tx_id in tx_ids[tx_ids & BLOCK_INDEX == BLOCK_INDEX].tolist():
        facts.txids.setdefault(tx_id, f"block {tx_height(tx_id)}")
    ends = union(*(rows[end].drop_nulls().to_numpy() for end in ("source", "target")))
    facts.addresses.update(facts.ledger.render_addresses(ends.tolist()))
    with facts.ledger.db.table("wanted", pl.DataFrame({"tx_id": tx_ids}, schema={"tx_id": pl.Int64})):
        told = facts.ledger.db.rows(CLOSURE["logs"])
    facts.logs = {(tx_id, position): log_index for tx_id, position, log_index in told}


def account_path(facts: Facts, looked: Looked, way: Way, to: dict[str, Any]) -> dict[str, Any]:
    """One path with the keys of one on a chain of outputs, and those of accounts.

    A payment names no arrival that it spends: `spends` is null, `makes` a transfer as a seed names it. `bottlenecks`:
    of each asset on the way, in order, the most that can have got through to the last step in it.
    """
    first, last = way.steps[0], way.steps[-1]
    start = looked.rows.row(first, named=True)
    return {
        "bottleneck": facts.amount(way.bottleneck, last),
        "hops": way.hops,
        "first_time": _time(facts, first),
        "last_time": _time(facts, last),
        "from": {
            "address": _address(facts, start["source"]),
            **_seeded(facts, looked, way),
            "amount": _amount(facts, looked, start["asset_in"], way.started, way.seeds[-1]),
        },
        "to": {**to, **_place(facts, last), "stop": _stop(facts, last)},
        "steps": [_step(facts, looked, way, number) for number in range(way.hops)],
        "bottlenecks": _bottlenecks(facts, looked, way),
    }


def _seeded(facts: Facts, looked: Looked, way: Way) -> dict[str, Any]:
    """By which transfers what a path starts with arrived: named where it is one, else counted; `time`: the first."""
    one = len(way.seeds) == 1 and not (
        way.seeds[0] == way.steps[0] and looked.rows["basis"][way.seeds[0]] > 0
    )
    outpoint = _outpoint(facts, way.seeds[0]) if one else None
    place = _place(facts, way.seeds[0]) if one else {"transfer_index": None, "log_index": None}
    return {
        "outpoint": outpoint,
        "time": _time(facts, way.seeds[0]),
        **place,
        "transfers": len(way.seeds),
    }


def _step(facts: Facts, looked: Looked, way: Way, number: int) -> dict[str, Any]:
    row = way.steps[number]
    told = looked.rows.row(row, named=True)
    onchain = None if told["amount_out"] is None else facts.amount(int(told["amount_out"]), row)
    came = way.carried[number - 1] if number else way.started
    return {
        "txid": facts.txid(row),
        "height": tx_height(told["tx_id"]),
        "time": _time(facts, row),
        "spends": None,
        "makes": _outpoint(facts, row),
        "address": _address(facts, told["target"]),
        "amount": onchain,
        "payer": _address(facts, told["source"]),
        "at_most": facts.amount(way.carried[number], row),
        **_place(facts, row),
        "conversion": _conversion(facts, looked, row, came, way.carried[number]),
    }


def _conversion(facts: Facts, looked: Looked, row: int, came: int, left: int) -> dict[str, Any] | None:
    """Both sides of a swap or wrap; None for a plain transfer."""
    told = looked.rows.row(row, named=True)
    if not told["basis"]:
        return None
    kind = "wrap" if told["basis"] == WRAP else "swap"
    given = int(told["amount_in"])
    return {
        "kind": kind,
        "from": {
            "address": _address(facts, told["source"]),
            "amount_onchain": _amount(facts, looked, told["asset_in"], given, row),
            "at_most": _amount(facts, looked, told["asset_in"], min(came, given), row),
        },
        "to": {
            "address": _address(facts, told["target"]),
            "amount_onchain": facts.amount(int(told["amount_out"]), row),
            "at_most": facts.amount(left, row),
        },
        "basis": BASIS[kind],
    }


def _bottlenecks(facts: Facts, looked: Looked, way: Way) -> list[Amount]:
    """One for each stretch of the path in one asset; what a conversion takes bounds the stretch before it."""
    found, came = [], way.started
    for row, left in zip(way.steps, way.carried, strict=True):
        told = looked.rows.row(row, named=True)
        if told["basis"]:
            found.append(_amount(facts, looked, told["asset_in"], min(came, int(told["amount_in"])), row))
        came = left
    return [*found, facts.amount(came, way.steps[-1])]


def account_rows(answer: PathAnswer, looked: Looked) -> dict[str, Any]:
    """Keys that only documents of account chains have."""
    facts = answer.facts
    floors = [
        {
            "asset_id": looked.assets.shown[number].coin.asset_id,
            "base_units": str(units),
            "decimals": looked.assets.shown[number].coin.decimals,
        }
        for number, units in looked.floors.items()
    ]
    return {
        "stops": [
            {
                "reason": Fate(int(facts.trail.movements.out_fate[row])).reason,
                "amount": facts.amount(int(answer.came[row]), row),
                "address": _address(facts, looked.rows["target"][row]),
                "txid": facts.txid(row),
                "transfer_index": _index(facts, row),
                **(_stop(facts, row) or {}),
            }
            for row in answer.stopped.tolist()
        ],
        **facts.beside,
        "floors": floors,
    }


def notes_of(facts: Facts, looked: Looked) -> list[str]:
    """What was looked through, and what was not, for coverage."""
    rows = looked.rows
    accounts = union(rows["source"].drop_nulls().to_numpy(), rows["target"].drop_nulls().to_numpy())
    found = [
        f"{rows.height:,} transfers and conversions of {rows['tx_id'].n_unique():,} transactions between "
        f"{len(accounts):,} accounts were looked through",
        f"paths are those of {facts.ledger.chain.name} alone: none over a bridge was looked for, `stops` says where "
        "one took what can have come to it",
    ]
    if looked.floors and len(looked.assets.shown) > len(looked.floors) and facts.question.asset is None:
        found.append("--min-value is of the chain's coin; tokens have no such limit (--asset)")
    return found


def _stop(facts: Facts, row: int) -> dict[str, Any] | None:
    """On what ground a trail ends at a row, but at a service; None where nothing but a limit ends it."""
    fate = Fate(int(facts.trail.movements.out_fate[row]))
    if fate not in BUCKETS["stopped"]:
        return None
    basis, entity, evidence = ground(facts, fate, row)
    return {"reason": fate.reason, "entity": entity, "basis": basis, "evidence": evidence}


def _amount(facts: Facts, looked: Looked, asset_id: int, units: int, row: int) -> Amount:
    """Units of an asset on the day of a row."""
    return facts.worth_of(looked.assets.number(asset_id)).on(units, facts.day(row))


def _place(facts: Facts, row: int) -> dict[str, Any]:
    """Where a transfer stands in its transaction, and its event in the block; None for the latter where it has none."""
    index = _index(facts, row)
    logged = None if index is None else facts.logs.get((int(facts.trail.point[row]), index))
    return {"transfer_index": index, "log_index": logged}


def _index(facts: Facts, row: int) -> int | None:
    """Position of the transfer; None where a swap brought the net of several."""
    assert facts.trail.shown is not None
    return int(facts.trail.shown[row]) if facts.trail.shown[row] >= 0 else None


def _outpoint(facts: Facts, row: int) -> str:
    index = _index(facts, row)
    return facts.txid(row) if index is None else f"{facts.txid(row)}:{index}"


def _address(facts: Facts, address: int | None) -> str | None:
    return None if address is None else facts.addresses[address]


def _time(facts: Facts, row: int) -> str | None:
    return utc(int(facts.trail.time[row]))
