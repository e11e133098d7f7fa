"""Mixer pools that a trail on an account chain ends in: what is known of each, and the leads behind them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tracer.flow.accounts.mixers import Pools, links
from tracer.flow.facts import Facts
from tracer.flow.fates import Fate
from tracer.flow.movements import I64
from tracer.flow.question import utc
from tracer.flow.sets import distinct
from tracer.flow.worth import DAY

_NOTE = (
    "leads behind mixer pools are habits of their users, not flows: nothing is summed, and each may be chance; the "
    "anonymity set is what each leaves open"
)


def look_at_pools(facts: Facts, denominations: Mapping[int, int]) -> None:
    """Say of each pool that was met what it takes and how many use it; with `--through mixer` the leads behind it.

    `denominations`: address id -> base units, of listed pools.
    """
    trail = facts.trail
    met = np.flatnonzero((trail.movements.out_fate == int(Fate.MIXER)) & (trail.point >= 0))
    if not len(met) or trail.backward:
        return
    pools = Pools.read(facts.ledger, distinct(trail.address[met]).tolist())
    counts = [dict(rows.group_by("pool").len().iter_rows()) for rows in (pools.deposits, pools.withdrawals)]
    for pool in distinct(trail.address[met]).tolist():
        own = met[trail.address[met] == pool]
        amounts = {int(units) for units in trail.movements.out_value[own].tolist()}
        units = denominations.get(pool) or (amounts.pop() if len(amounts) == 1 else None)
        facts.pools[pool] = {
            "kind": "pool",
            "denominations": [] if units is None else [str(units)],
            "deposits": counts[0].get(pool, 0),
            "withdrawals": counts[1].get(pool, 0),
        }
    if "mixer" in facts.question.through:
        facts.leads = _leads(facts, pools, met)
        facts.lead_notes.append(_NOTE)


def _leads(facts: Facts, pools: Pools, met: I64) -> list[dict[str, Any]]:
    """Withdrawals that may answer a traced deposit, in the order of the chain; each by itself."""
    import polars as pl

    trail, ledger = facts.trail, facts.ledger
    traced = pl.DataFrame({"tx_id": trail.point[met]}, schema={"tx_id": pl.Int64})
    found = links(ledger, pools, traced)
    put = found.join(pools.deposits.select(deposit="number", pool="pool", put="tx_id"), on="deposit").join(
        pools.withdrawals.select("recipient", "relayed", "time", withdrawal="number", taken="tx_id"), on="withdrawal"
    ).sort("taken", "withdrawal", "put", "deposit")  # fmt: skip
    rows = put.to_dicts()
    txids = ledger.render_txids(row[side] for row in rows for side in ("put", "taken"))
    names = ledger.render_addresses(
        address for row in rows for address in (row["pool"], row["recipient"]) if address is not None
    )
    at: dict[tuple[int, int], int] = {}
    for o in met.tolist():
        at.setdefault((int(trail.point[o]), int(trail.address[o])), o)
    own = ((row, at.get((row["put"], row["pool"]))) for row in rows)
    return [_row(facts, row, txids, names, output) for row, output in own if output is not None]


def _row(
    facts: Facts, row: Mapping[str, Any], txids: Mapping[int, str], names: Mapping[int, str], output: int
) -> dict[str, Any]:
    recipient = None if row["recipient"] is None else names[row["recipient"]]
    most = min(int(facts.ceiling[output]), int(facts.trail.movements.out_value[output]))
    day = int(row["time"]) // DAY
    return {
        "through": "mixer",
        "entity": recipient,
        "vasp_id": None,
        "category": "",
        "kyc_level": "unknown",
        "kyc_last_known": None,
        "kyc_interval": None,
        "at_most": facts.worth_of(facts.asset(output)).on(most, day),
        "legs": [],
        "tier": "lead",
        "habits": sorted(row["habits"]),
        "anonymity_set": row["anonymity_set"],
        "pool": names[row["pool"]],
        "deposit": txids[row["put"]],
        "withdrawal": txids[row["taken"]],
        "recipient": recipient,
        "relayed": row["relayed"],
        "time": utc(int(row["time"])),
    }
