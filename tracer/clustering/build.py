"""Build the conservative clusters of a chain: mixes first, then who was spent together, in one transaction.

A rebuild reads all facts and replaces all links. An update reads the blocks that came since and gives the same
rows: mixes are told by a transaction and its ancestors, links are taken in the order of the chain, and where that
would not hold (facts below changed, other rules, other claims) everything is built anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tracer.chain import Chain, Family, ScriptKind, first_tx_id, utxo
from tracer.clustering import constraints as claims
from tracer.clustering import former, keeping, keys
from tracer.clustering import state as states
from tracer.clustering.constraints import Constraints
from tracer.clustering.mixing import block_ranges, find_mixes
from tracer.clustering.numbers import Numbers
from tracer.clustering.rules import CO_SPEND, SAME_KEY, RuleSet, Tier
from tracer.clustering.state import Applied, Recorded
from tracer.clustering.unionfind import Sizes as Counted
from tracer.clustering.unionfind import UnionFind
from tracer.db import named_sql
from tracer.errors import UsageError
from tracer.ledger.store import Ledger, Tip

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int32 = NDArray[np.int32]

Progress = Callable[[int, int], None]

_SQL = named_sql("tracer.clustering", "build.sql")


@dataclass(frozen=True)
class Sizes:
    """How a build may cut its work; the result does not depend on it.

    transactions  of one pass, of shape-finding and of the co-spend stream; bounds its memory
    batch         rows of one Arrow batch of the co-spend stream
    """

    transactions: int = 1_000_000
    batch: int = 1 << 20


@dataclass(frozen=True)
class _Work:
    """What one build works with. `since`: what was built before, None where everything is built anew."""

    ledger: Ledger
    rules: RuleSet
    constraints: Constraints
    sizes: Sizes
    since: Recorded | None
    leave_out: tuple[int, ...]

    @property
    def spends(self) -> bool:
        """Whether transactions show whose keys are at work together; on account chains none does, none mixes."""
        return self.ledger.chain.family is Family.UTXO

    @property
    def first(self) -> int:
        """The first height to read."""
        return self.since.height + 1 if self.since else 0


def build(
    ledger: Ledger,
    rules: RuleSet,
    constraints: Constraints | None = None,
    *,
    progress: Progress | None = None,
    sizes: Sizes | None = None,
    leave_out: Iterable[int] = (),
) -> dict[str, Any]:
    """Rebuild all clusters of a writable ledger; returns the `tracer.clustering/1` document.

    `leave_out`: further transactions whose common spends are not taken, for measuring what they do. Raises
    `UsageError` where no block was read. Nothing is changed unless all of it succeeds.
    """
    work = _Work(ledger, rules, constraints or claims.none(), sizes or Sizes(), None, tuple(leave_out))
    return _run(work, progress)


def update(
    ledger: Ledger,
    rules: RuleSet,
    constraints: Constraints | None = None,
    *,
    progress: Progress | None = None,
    sizes: Sizes | None = None,
) -> dict[str, Any]:
    """Bring the clusters to the tip: by the new blocks alone where that gives the same, else by a rebuild."""
    constraints = constraints or claims.none()
    state = states.current(ledger)
    since = None
    if state and state.valid and state.made_from(rules.digest, constraints.digest):
        if state.behind == 0:
            return states.document(ledger, state)
        if state.recorded.joins == _joins(constraints):
            since = state.recorded
    work = _Work(ledger, rules, constraints, sizes or Sizes(), since, ())
    try:
        return _run(work, progress)
    except _Contradicted:  # a join, by what the new blocks show: a rebuild finds out which
        return _run(replace(work, since=None), progress)


def warm(chain: Chain) -> None:
    """Load the kernels of a build, which takes a while: before a store is held that others wait for."""
    sets = UnionFind(2)
    sets.add(np.zeros(2, np.int64), np.arange(2, dtype=np.int32))
    sets.finish()
    _ = sets.roots(), sets.merges(), sets.sizes()
    if chain.family is Family.UTXO:
        utxo(chain).nested_segwit(np.zeros((1, 20), np.uint8))


class _Contradicted(Exception):
    """An update refused a link while a join stands that may be why."""


def _joins(constraints: Constraints) -> tuple[str, ...]:
    """Ids of the overrides that join two addresses the ledger has seen: they are taken before all else."""
    return tuple(o.claim_id for o in constraints.overrides if o.kind == "join")


def _run(work: _Work, progress: Progress | None) -> dict[str, Any]:
    ledger = work.ledger
    tip = ledger.tip()
    if tip is None:
        raise UsageError(
            f"no block of {ledger.chain.name} was read.",
            hint=f"Run `tracer sync {ledger.chain.name} --source ...` first.",
        )
    with ledger.db.transaction():
        anew = work.since is None
        step = former.begin(ledger, work.rules.digest, work.constraints.digest, anew=anew)
        ledger.db.script(_SQL["forget_overlay"])
        states.forget(ledger, Tier.EXTENDED)
        if work.since is None:
            ledger.db.script(_SQL["forget_links"])
        if work.spends:
            _keep_mixes(work, progress)
        numbers = Numbers.of(ledger)
        before = _clusters_before(work, numbers)
        sets = _united(work, numbers, before)
        sizes = sets.sizes()
        merges, refused = sets.merges(), sets.refused()
        if work.since and work.since.joins and refused.tx_id.size:
            raise _Contradicted
        keeping.clusters(ledger, numbers, before, sets.roots(), sizes.alone, step)
        keeping.merges(ledger, numbers, merges)
        keeping.refused(ledger, numbers, refused, Tier.CONSERVATIVE)
        recorded = _record(work, tip, sets, sizes, numbers)
        states.write(ledger, recorded)
    return states.document(ledger, states.ClusteringState(recorded, behind=0, valid=True))


def _keep_mixes(work: _Work, progress: Progress | None) -> None:
    ledger = work.ledger
    if work.since is None:
        keys.forget(ledger)
    found = find_mixes(
        ledger,
        work.rules.detectors,
        first=work.first,
        progress=progress,
        transactions=work.sizes.transactions,
    )
    with ledger.db.table("found", found):
        ledger.db.run(_SQL["keep_mixes"])


def _clusters_before(work: _Work, numbers: Numbers) -> Int32 | None:
    """For each number the least of its set as it was built before; None where all is built anew."""
    if work.since is None:
        return None
    rows = work.ledger.db.arrow(_SQL["clustered"])
    roots = np.arange(numbers.size, dtype=np.int32)
    members = numbers.of_ids(rows.column("address_id").to_numpy())
    roots[members] = numbers.of_ids(rows.column("cluster_id").to_numpy())
    return roots


def _united(work: _Work, numbers: Numbers, before: Int32 | None) -> UnionFind:
    """All sets, with everything taken that the new blocks show."""
    ledger, constraints = work.ledger, work.constraints
    key_links = np.empty((0, 3), np.int64)
    if work.spends and work.rules.heuristic(SAME_KEY):
        key_links = keys.find(ledger, work.since.next_address if work.since else 0)
        key_links[:, 1:] = numbers.of_ids(key_links[:, 1:].ravel().astype(np.int32)).reshape(-1, 2)
    bounds: dict[str, Any] = {
        "parties": parties(constraints, numbers),
        "apart": _pairs(constraints, numbers, "split"),
        "keys": key_links,
    }
    joined = _pairs(constraints, numbers, "join")
    if before is not None or not len(joined):
        return _spent(work, numbers, UnionFind(numbers.size, roots=before, **bounds))
    # joins are held against everything that is known without them, then taken before all else
    unbounded = np.iinfo(np.int32).max
    without = _spent(work, numbers, UnionFind(numbers.size, **bounds, large=unbounded))
    refused = _link(without, joined)
    keeping.refused_joins(ledger, constraints, refused)
    sets = UnionFind(numbers.size, **bounds)
    _link(sets, joined[refused == 0])
    return _spent(work, numbers, sets)


def _link(sets: UnionFind, pairs: Int32) -> Int32:
    """Join pairs, whatever their size; -> why not (`REASONS`)."""
    return sets.link(pairs[:, 0].copy(), pairs[:, 1].copy(), np.zeros(len(pairs), bool))


def _spent(work: _Work, numbers: Numbers, sets: UnionFind) -> UnionFind:
    """The sets with all common spends and key links of the blocks to read."""
    import polars as pl

    if not work.spends:
        return sets
    left_out = pl.DataFrame(
        {"tx_id": sorted({*work.constraints.cuts, *work.leave_out})}, schema={"tx_id": pl.Int64}
    )
    db, anyone = work.ledger.db, int(ScriptKind.WITNESS_UNKNOWN)
    with db.table("left_out", left_out):
        # in parts: between two of them a reader, which builds for itself, may let a writer in
        for start, stop in block_ranges(work.ledger, work.first, work.sizes.transactions):
            bounds = {"first": first_tx_id(start), "stop": first_tx_id(stop), "anyone": anyone}
            for rows in db.stream(_SQL["co_spent"], bounds, batch=work.sizes.batch):
                sets.add(
                    *numbers.in_order(rows.column("tx_id").to_numpy(), rows.column("address_id").to_numpy())
                )
    sets.finish()
    return sets


def parties(constraints: Constraints, numbers: Numbers) -> Int32 | None:
    """int32 by number: whose an address is known to be; None where nobody is known."""
    if not constraints.parties.height:
        return None
    found = np.zeros(numbers.size, np.int32)
    members = numbers.of_ids(constraints.parties["address_id"].to_numpy())
    found[members] = constraints.parties["party"].to_numpy()
    return found


def split_pairs(constraints: Constraints, numbers: Numbers) -> Int32:
    """int32[m, 2] by number: pairs that analysts keep apart."""
    return _pairs(constraints, numbers, "split")


def _pairs(constraints: Constraints, numbers: Numbers, kind: str) -> Int32:
    rows = [(o.a, o.b) for o in constraints.overrides if o.kind == kind]
    return numbers.of_ids(np.array(rows, np.int32).reshape(-1, 2).ravel()).reshape(-1, 2)


def _record(work: _Work, tip: Tip, sets: UnionFind, sizes: Counted, numbers: Numbers) -> Recorded:
    ledger, since = work.ledger, work.since
    (addresses,) = ledger.db.rows(_SQL["addresses"])[0]
    refused, alarms, by_key = ledger.db.rows(_SQL["noted"], {"tier": Tier.CONSERVATIVE.value})[0]
    blocks, pending = states.below(ledger, tip.height)
    co_spent, used = sets.links, sets.transactions_used
    if since:
        co_spent += next(h.links for h in since.heuristics if h.id == CO_SPEND)
        used += since.transactions_used
    links = {CO_SPEND: co_spent, SAME_KEY: by_key}
    joins = _joins(work.constraints)
    return Recorded(
        tier=Tier.CONSERVATIVE.value,
        height=tip.height,
        tip_hash=ledger.chain.hash_text(tip.block_hash),
        rules=work.rules.digest,
        claims=work.constraints.digest,
        snapshot=work.constraints.snapshot,
        heuristics=tuple(
            Applied(h.id, h.version, links.get(h.id, 0))
            for h in work.rules.heuristics
            if h.tier is Tier.CONSERVATIVE
        ),
        excluded=dict(ledger.db.rows(_SQL["excluded"])),
        blocks=blocks,
        pending=pending,
        addresses=addresses,
        next_address=numbers.ids,
        clusters=sizes.sets - (numbers.size - addresses),
        non_singleton=sizes.non_singleton,
        largest=sizes.largest if addresses else 0,
        transactions_used=used,
        refused=refused,
        alarms=alarms,
        joined=since.joined if since else len(joins) - ledger.db.value(_SQL["refused_joins"]),
        joins=joins,
    )
