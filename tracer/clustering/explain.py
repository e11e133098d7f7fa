"""Why two addresses share a cluster: the shortest chain of transactions and heuristics that joins them.

A cluster is a conclusion; this is its evidence, read from the facts again and not from what a build remembers. So
it can be checked transaction by transaction, and an answer that finds none says that the store is damaged.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from tracer.chain import TX_INDEX_BITS, Family, ScriptKind, first_tx_id
from tracer.clustering.constraints import Constraints, Override
from tracer.clustering.lookup import clusters_of
from tracer.clustering.rules import CO_SPEND, JOINED, SAME_KEY, RuleSet, Tier
from tracer.clustering.search import BY_SPEND, Graph
from tracer.clustering.state import ClusteringState
from tracer.db import named_sql
from tracer.errors import StoreDamaged
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

JOIN_VERSION = 1
"""Version of what an analyst's join means: both addresses share control, on that analyst's word alone."""

SEVERAL = "several"
"""Inputs of more than one script kind: such common spends err far more often (docs/accuracy.md)."""

_SQL = named_sql("tracer.clustering", "explain.sql")


@dataclass(frozen=True)
class _Step:
    """One link by ids. tx_id and the inputs are None where it has none; `said` is the override it is."""

    a: int
    b: int
    tx_id: int | None
    vin_a: int | None
    vin_b: int | None
    heuristic: str
    agreed: tuple[str, ...]
    confidence: int | None
    said: Override | None


def explain(
    ledger: Ledger,
    state: ClusteringState,
    a: int,
    b: int,
    rules: RuleSet,
    bounds: Constraints,
) -> list[dict[str, Any]] | None:
    """The links that join address a to address b (ids) in the clusters of `state`, from a on; None where none do.

    Each link: from, to, txid, vin_from, vin_to, height, time, heuristic (id, version, tier), agreed, confidence
    (percent; None for an analyst's word), override. Fewest links; of equally short chains the one whose next link
    is each time the earliest in the chain of blocks, then of the lowest input. `bounds` are those the clusters
    were built with. Raises `StoreDamaged` where the facts do not show what the clusters say.
    """
    tier = Tier(state.tier)
    clusters = clusters_of(ledger, [a, b], tier)
    if clusters[a] != clusters[b]:
        return None
    found = _members(ledger, clusters[a], tier)
    steps = _shortest(ledger, state, found, a, b, bounds)
    if steps is None:
        raise StoreDamaged(
            f"the {tier} clusters of {ledger.chain.name} join two addresses that its transactions do not join.",
            hint=f"Run `tracer cluster build {ledger.chain.name}` again.",
        )
    return _written(ledger, steps, rules)


def _members(ledger: Ledger, cluster_id: int, tier: Tier) -> NDArray[np.int32]:
    """Address ids, ascending."""
    asked = {"cluster_id": cluster_id, "extended": tier is Tier.EXTENDED}
    ids: NDArray[np.int32] = ledger.db.arrow(_SQL["members"], asked).column("address_id").to_numpy()
    return ids


def _shortest(
    ledger: Ledger,
    state: ClusteringState,
    members: NDArray[np.int32],
    a: int,
    b: int,
    bounds: Constraints,
) -> list[_Step] | None:
    import pyarrow as pa

    joins = sorted((o for o in bounds.overrides if o.kind == "join"), key=lambda o: o.claim_id)
    said = pa.table(
        {
            "a": pa.array([o.a for o in joins], pa.int32()),
            "b": pa.array([o.b for o in joins], pa.int32()),
            "said": pa.array(range(len(joins)), pa.int32()),
        }
    )
    numbered = pa.table({"address_id": members, "node": np.arange(members.size, dtype=np.int32)})
    stop = first_tx_id(state.height + 1)
    with ledger.db.table("member", numbered), ledger.db.table("said", said):
        spends = _spends(ledger, bounds, stop)
        pairs = ledger.db.arrow(
            _SQL["pairs"],
            {
                "same_key": SAME_KEY,
                "override": JOINED,
                "extended": state.tier == Tier.EXTENDED.value,
                "stop": stop,
            },
        )
    ends = np.column_stack([_ints(pairs, "left_node"), _ints(pairs, "right_node")]).ravel()
    tx_ids, vins, nodes = (_ints(spends, name) for name in ("tx_id", "vin", "node"))
    graph = Graph(members.size, tx_ids, nodes, _ints(pairs, "place"), ends)
    way = graph.shortest(int(np.searchsorted(members, a)), int(np.searchsorted(members, b)))
    if way is None:
        return None
    spent, other = members[nodes], members[ends]
    return [
        _spent(tx_ids, vins, spent, first, second)
        if kind == BY_SPEND
        else _paired(pairs, other, first, second, joins)
        for kind, first, second in way.tolist()
    ]


def _spends(ledger: Ledger, bounds: Constraints, stop: int) -> pa.Table:
    import pyarrow as pa

    if ledger.chain.family is Family.ACCOUNT:  # nobody spends together there
        return pa.table(
            {
                "tx_id": pa.array([], pa.int64()),
                "vin": pa.array([], pa.int32()),
                "node": pa.array([], pa.int32()),
            }
        )
    asked = {
        "co_spend": CO_SPEND, "split": list(bounds.cuts), "anyone": int(ScriptKind.WITNESS_UNKNOWN), "stop": stop,
    }  # fmt: skip
    return ledger.db.arrow(_SQL["spends"], asked)


def _ints(table: pa.Table, name: str) -> NDArray[Any]:
    # a copy: whether Arrow's own may be written to varies, and a kernel is compiled for each
    return np.array(table.column(name).to_numpy())


def _spent(
    tx_ids: NDArray[np.int64], vins: NDArray[np.int32], spent: NDArray[np.int32], first: int, second: int
) -> _Step:
    """The link of two rows of `spends`; `spent` holds the address of each."""
    return _Step(
        int(spent[first]), int(spent[second]), int(tx_ids[first]), int(vins[first]), int(vins[second]), CO_SPEND,
        (CO_SPEND,), None, None,
    )  # fmt: skip


def _paired(
    pairs: pa.Table, ends: NDArray[np.int32], first: int, second: int, joins: Sequence[Override]
) -> _Step:
    """The link of two ends of `pairs`; `ends` holds the address of each."""
    row = {name: pairs.column(name)[first // 2].as_py() for name in pairs.column_names}
    override = joins[row["said"]] if row["heuristic"] == JOINED else None
    return _Step(
        int(ends[first]), int(ends[second]), row["tx_id"], None, None, row["heuristic"],
        tuple(row["agreed"].split()) or (row["heuristic"],), row["confidence"], override,
    )  # fmt: skip


def _written(ledger: Ledger, steps: Sequence[_Step], rules: RuleSet) -> list[dict[str, Any]]:
    texts = ledger.render_addresses(i for step in steps for i in (step.a, step.b))
    known = transactions(ledger, (step.tx_id for step in steps))
    spent = sorted({step.tx_id for step in steps if step.heuristic == CO_SPEND and step.tx_id is not None})
    rows = ledger.db.rows(_SQL["input_kinds"], {"ids": spent}) if spent else []
    scripts = {tx_id: ScriptKind(low).name if low == high else SEVERAL for tx_id, low, high in rows}
    return [
        {
            "from": texts[step.a],
            "to": texts[step.b],
            "txid": known[step.tx_id][0] if step.tx_id is not None else None,
            "vin_from": step.vin_a,
            "vin_to": step.vin_b,
            "height": None if step.tx_id is None else step.tx_id >> TX_INDEX_BITS,
            "time": known[step.tx_id][1] if step.tx_id is not None else None,
            "script": scripts.get(step.tx_id) if step.tx_id is not None else None,
            **_reason(ledger, step, rules),
        }
        for step in steps
    ]


def _reason(ledger: Ledger, step: _Step, rules: RuleSet) -> dict[str, Any]:
    """What a link rests on, and how far it is to be trusted."""
    if step.said:
        heuristic: dict[str, Any] = {"id": JOINED, "version": JOIN_VERSION, "tier": Tier.CONSERVATIVE.value}
        return {
            "heuristic": heuristic, "agreed": [JOINED], "confidence": None, "error_rate": None,
            "override": said(step.said),
        }  # fmt: skip
    rule = rules.heuristic(step.heuristic)
    if rule is None:
        raise StoreDamaged(
            f"the clusters of {ledger.chain.name} lean on {step.heuristic!r}, which is no rule any more.",
            hint=f"Run `tracer cluster build {ledger.chain.name}` again.",
        )
    return {
        "heuristic": {"id": rule.id, "version": rule.version, "tier": rule.tier.value},
        "agreed": list(step.agreed),
        "confidence": rule.confidence if step.confidence is None else step.confidence,
        "error_rate": None,
        "override": None,
    }


def transactions(ledger: Ledger, ids: Iterable[int | None]) -> dict[int, tuple[str, str]]:
    """Transaction id -> (txid, UTC time of its block)."""
    wanted = sorted({i for i in ids if i is not None})
    rows = ledger.db.rows(_SQL["transactions"], {"ids": wanted}) if wanted else []
    return {
        tx_id: (
            ledger.chain.hash_text(txid),
            datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        )
        for tx_id, txid, time in rows
    }


def said(override: Override) -> dict[str, Any]:
    """An analyst's word as a document quotes it."""
    return {
        "claim": override.claim_id,
        "author": override.author,
        "reason": override.reason,
        "said_at": override.said_at,
    }
