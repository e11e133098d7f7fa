"""What two clusters have in common although nothing joins them: evidence that was not taken, and why not.

For people only. Nothing here is a link: a mix joins strangers, and what an analyst or a claim forbids was seen
by somebody who knew more than the chain shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tracer.chain import TX_INDEX_BITS, Family, first_tx_id
from tracer.clustering import account_leads
from tracer.clustering.constraints import Constraints, Override
from tracer.clustering.explain import said, transactions
from tracer.clustering.lookup import clusters_of
from tracer.clustering.rules import CO_SPEND, RuleSet, Tier
from tracer.clustering.state import ClusteringState
from tracer.db import named_sql
from tracer.ledger.store import Ledger

LIMIT = 20
"""Leads listed at most (P): enough to look at one by one; the others are counted."""

_SQL = named_sql("tracer.clustering", "leads.sql")


@dataclass(frozen=True)
class Leads:
    """Leads in order: of the two addresses themselves first, then by place in the chain; `total` with all others."""

    shown: list[dict[str, Any]]
    total: int


@dataclass(frozen=True)
class _Row:
    """One row of `leads.sql`: of a common spend with its inputs, of a refused link without."""

    others: bool
    tx_id: int
    vin_x: int | None
    x: int
    vin_y: int | None
    y: int
    mix: str | None
    participants: int | None
    confidence: int | None
    heuristic: str | None
    reason: str | None
    refused_a: int | None
    refused_b: int | None
    between: int | None = None


def leads(
    ledger: Ledger, state: ClusteringState, a: int, b: int, constraints: Constraints, rules: RuleSet
) -> Leads:
    """What speaks for a link between the clusters of two addresses (ids) that are not joined in the tier of `state`.

    Each lead: txid, height, time, from, to, vin_from, vin_to, why (mix, split, refused, anyone_can_spend; of accounts
    the id of a lead heuristic), through (whom both have to do with), mix (kind, participants, confidence), refused
    (heuristic, reason, between: address and party), override. At most `LIMIT`.
    """
    extended = state.tier == Tier.EXTENDED.value
    clusters = clusters_of(ledger, [a, b], Tier(state.tier))
    side = ledger.db.arrow(
        _SQL["members"],
        {"first": clusters[a], "second": clusters[b], "a": a, "b": b, "extended": extended},
    )
    asked: dict[str, Any] = {"stop": first_tx_id(state.height + 1), "co_spend": CO_SPEND, "limit": LIMIT}
    with ledger.db.table("side", side):
        if ledger.chain.family is Family.ACCOUNT:
            told = account_leads.rows(ledger, rules, constraints, stop=asked["stop"], limit=LIMIT)
        else:
            told = [ledger.db.rows(_SQL["spent_together"], asked)]
        told.append(ledger.db.rows(_SQL["refused"], {**asked, "extended": extended}))
    total = sum(rows[0][-1] for rows in told if rows)
    rows = sorted((_Row(*row[:-1]) for part in told for row in part), key=lambda row: (row.others, row.tx_id))
    return Leads(_written(ledger, rows[:LIMIT], constraints), total)


def _written(ledger: Ledger, rows: Sequence[_Row], constraints: Constraints) -> list[dict[str, Any]]:
    between = {i for row in rows for i in (row.refused_a, row.refused_b) if i is not None}
    parties = _parties(ledger, between, constraints)
    texts = ledger.render_addresses(
        {*between, *(i for row in rows for i in (row.x, row.y, row.between) if i is not None)}
    )
    known = transactions(ledger, (row.tx_id for row in rows))
    splits = {o.tx_id: o for o in constraints.overrides if o.kind == "split" and o.tx_id is not None}
    shown = []
    for row in rows:
        txid, time = known.get(row.tx_id, (None, None))
        split = splits.get(row.tx_id) if row.heuristic in (None, CO_SPEND) else None
        shown.append(
            {
                "txid": txid,
                "height": None if txid is None else row.tx_id >> TX_INDEX_BITS,
                "time": time,
                "from": texts[row.x],
                "to": texts[row.y],
                "vin_from": row.vin_x,
                "vin_to": row.vin_y,
                "why": _why(row, split),
                "through": None if row.between is None else texts[row.between],
                "mix": _mix(row),
                "refused": _refused(row, texts, parties),
                "override": None if split is None else said(split),
            }
        )
    return shown


def _why(row: _Row, split: Override | None) -> str:
    if row.mix:
        return "mix"
    if split:
        return "split"
    if row.reason:
        return "refused"
    return row.heuristic or "anyone_can_spend"


def _mix(row: _Row) -> dict[str, Any] | None:
    if row.mix is None:
        return None
    return {"kind": row.mix, "participants": row.participants, "confidence": row.confidence}


def _refused(row: _Row, texts: dict[int, str], parties: dict[int, list[str]]) -> dict[str, Any] | None:
    if row.reason is None:
        return None
    both = sorted((texts[i], parties.get(i, [])) for i in (row.refused_a, row.refused_b) if i is not None)
    return {
        "heuristic": row.heuristic,
        "reason": row.reason,
        "between": [{"address": address, "parties": names} for address, names in both],
    }


def _parties(ledger: Ledger, ids: set[int], constraints: Constraints) -> dict[int, list[str]]:
    """Whose the clusters of some addresses are known to be, by name."""
    if not ids:
        return {}
    with ledger.db.table("known", constraints.parties):
        rows = ledger.db.rows(_SQL["parties"], {"ids": sorted(ids)})
    found: dict[int, list[str]] = {}
    for address_id, party in rows:
        found.setdefault(address_id, []).append(constraints.names[party - 1])
    return {address_id: sorted(names) for address_id, names in found.items()}
