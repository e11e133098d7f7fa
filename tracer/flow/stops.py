"""Where the trail was ended and on what ground, and what rests unspent or unread."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracer.amounts import Amount
from tracer.flow.facts import Facts
from tracer.flow.fates import BUCKETS, Fate
from tracer.flow.movements import Taint


def rows(facts: Facts, taint: Taint) -> list[dict[str, Any]]:
    """Where the trail was ended and why, one row per reason, address and transaction.

    `entity` is who is claimed to hold the address; None at a mixing transaction, at a pool that nobody tagged and
    where nobody is named. The transaction is the one that brought the money there (backward, that spent it); at a mixer
    it is the mix. `basis`
    is what the stop rests on (`ground`), `evidence` what was counted for it.
    """
    sums: dict[tuple[str, str, str, int], dict[int, int]] = {}
    grounds: dict[tuple[str, str, str, int], tuple[str, str | None, dict[str, Any] | None]] = {}
    fates = [int(f) for f in (*BUCKETS["stopped"], *BUCKETS["pruned"])]
    for o in np.flatnonzero((taint.amount > 0) & np.isin(taint.fate, fates)).tolist():
        fate = Fate(int(taint.fate[o]))
        mixed = fate is Fate.MIXER and facts.trail.holding[o] < 0 and facts.trail.beyond[o] >= 0
        txid = facts.txids[int(facts.trail.beyond[o])] if mixed else facts.met(o)
        key = (fate.reason, facts.address(o) or "", txid, facts.asset(o))
        days, day = sums.setdefault(key, {}), facts.day(o)
        days[day] = days.get(day, 0) + int(taint.amount[o])
        grounds[key] = ground(facts, fate, o)
    ranked = sorted(
        sums.items(),
        key=lambda item: (item[0][3], -sum(item[1].values()), item[0][1], item[0][2], item[0][0]),
    )
    return [
        {
            "reason": key[0],
            "amount": _stopped(facts, days, key[3]),
            "address": key[1] or None,
            "txid": key[2],
            "entity": grounds[key][1],
            "basis": grounds[key][0],
            "evidence": grounds[key][2],
        }
        for key, days in ranked
    ]


def ground(facts: Facts, fate: Fate, output: int) -> tuple[str, str | None, dict[str, Any] | None]:
    """Basis, entity and evidence of a stop.

    claim      a tag says so
    event      a bridge says so, by an event of a contract that a list names; `evidence` is what it says
    list       a list names the contract: a bridge, a mixer pool
    shielded_pool  it went into a pool of privacy coins (backward, came out of one): no ledger says whose it was then
    pool_like  nobody tagged the wallet; it behaves like a pool
    swap_events  nobody tagged the contract; many traded with it, and this was no plain swap
    high_degree  nobody tagged the address; it stands in too many transactions
    shape      the transaction beyond has the shape of a mix
    seed       it came back to the entity that was asked about
    limit      a limit of the question
    """
    trail = facts.trail
    if fate in BUCKETS["pruned"]:
        return "limit", None, None
    tx_id, position = int(trail.point[output]), int(trail.vout[output])
    told = None
    if fate is Fate.BRIDGE:
        told = facts.said.get((tx_id, position)) or facts.said.get((tx_id, -1))
    if fate is Fate.MIXER:
        told = facts.pools.get(int(trail.address[output]))
    if trail.holding[output] >= 0:
        return "claim", facts.services.holding(int(trail.holding[output])).entity.name or None, told
    if fate is Fate.BRIDGE:
        return "event" if told else "list", told["bridge"] if told else None, told
    if told is not None:
        return "list", None, told
    if fate is Fate.MIXER and trail.asset is None and trail.beyond[output] < 0:
        return "shielded_pool", None, {"kind": "shielded_pool"}
    if trail.pool[output] >= 0 and trail.asset is not None:
        return "swap_events", None, None
    if trail.pool[output] >= 0:
        return "pool_like", None, facts.pool(int(trail.pool[output]))
    if fate is Fate.MIXER:
        return "shape", None, facts.mix(int(trail.beyond[output]))
    if trail.degree[output] >= 0:
        return "high_degree", None, {"transactions": int(trail.degree[output])}
    return "seed", None, None


def _stopped(facts: Facts, days: dict[int, int], asset: int) -> Amount:
    """What stopped at one place; only a mixer's row can be of several days, and then it is a sum."""
    (day, units), *more = days.items()
    worth = facts.worth_of(asset)
    return worth.over(days) if more else worth.on(units, day)


def resting(facts: Facts, taint: Taint, fate: Fate) -> list[dict[str, Any]]:
    """Outputs in which money rests so, largest first; on an account chain accounts, by asset."""
    if facts.trail.asset is not None:
        return _in_accounts(facts, taint, fate)
    found = [
        (-int(taint.amount[o]), facts.address(o) or "", *facts.outpoint(o), o)
        for o in np.flatnonzero((taint.amount > 0) & (taint.fate == int(fate))).tolist()
    ]
    return [
        {"address": address or None, "outpoint": f"{txid}:{vout}", "amount": facts.amount(-units, o)}
        for units, address, txid, vout, o in sorted(found)
    ]


def _in_accounts(facts: Facts, taint: Taint, fate: Fate) -> list[dict[str, Any]]:
    """Accounts in which money rests so: the asset stands in the amount, and there is no outpoint."""
    found = [
        (facts.asset(o), -int(taint.amount[o]), facts.address(o) or "", o)
        for o in np.flatnonzero((taint.amount > 0) & (taint.fate == int(fate))).tolist()
    ]
    return [
        {"address": address or None, "outpoint": None, "amount": facts.amount(-units, o)}
        for _, units, address, o in sorted(found)
    ]
