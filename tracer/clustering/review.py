"""What waits for an analyst: links that a constraint forbade, and merges that are larger than they should be."""

from __future__ import annotations

from dataclasses import dataclass

from tracer.clustering.rules import Tier
from tracer.db import named_sql
from tracer.ledger.store import Ledger

_SQL = named_sql("tracer.clustering", "lookup.sql")


@dataclass(frozen=True)
class Side:
    """One side of a link that was refused, or of a merge: an address, its cluster's name, and that one's size."""

    address: str
    cluster: str
    size: int


@dataclass(frozen=True)
class Item:
    """One thing to look at.

    kind    refused: evidence for a link that was not made; alarm: a link that was made
    reason  different_parties | split | payer_payee | both_large | leap | one_side_known
    times   how many transactions say so; txid: the first of them, None where an analyst's override was refused
    """

    kind: str
    tier: str
    reason: str
    heuristic: str
    times: int
    txid: str | None
    a: Side
    b: Side


def items(ledger: Ledger, height: int, tier: Tier | None = None) -> list[Item]:
    """Everything that waits, alarms first, then by tier and the smaller side's size, largest first.

    What an override has settled since is gone: a joined pair is one cluster. What a split took apart is listed: more
    than its pair may have lost a link. `height` is the clustered one; names carry it.
    """
    alarms = ledger.db.rows(_SQL["alarms"]) if tier is not Tier.EXTENDED else []
    refused = ledger.db.rows(_SQL["refused"], {"tier": tier.value if tier else None})
    texts = ledger.render_addresses(
        [i for row in alarms for i in row[2:4]] + [i for row in refused for i in row[5:9]]
    )
    txids = ledger.render_txids([row[0] for row in alarms] + [row[2] for row in refused if row[2] >= 0])
    found = []
    for tx_id, heuristic, kept, merged, kept_size, merged_size, _ in alarms:
        reason = "both_large" if _large(kept_size, merged_size) else "leap"
        a = Side(texts[kept], f"cluster:{texts[kept]}@{height}", kept_size)
        b = Side(texts[merged], f"cluster:{texts[merged]}@{height}", merged_size)
        found.append(Item("alarm", Tier.CONSERVATIVE.value, reason, heuristic, 1, txids[tx_id], a, b))
    for of, reason, tx_id, times, heuristic, a_id, b_id, a_cluster, b_cluster, a_size, b_size in refused:
        a = Side(texts[a_id], f"cluster:{texts[a_cluster]}@{height}", a_size)
        b = Side(texts[b_id], f"cluster:{texts[b_cluster]}@{height}", b_size)
        found.append(Item("refused", of, reason, heuristic, times, txids.get(tx_id), a, b))
    return found


def _large(*sizes: int) -> bool:
    from tracer.clustering.unionfind import LARGE

    return min(sizes) > LARGE
