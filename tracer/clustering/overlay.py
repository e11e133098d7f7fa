"""The extended tier: an overlay over the conservative clusters, asked for by name and never merged into them.

Deposit addresses first, then change, each in the order of the chain, and no link that a constraint forbids:
different parties, a pair an analyst split, payer and payee of one payment, and two large sets. What is refused
waits for review. Its evidence looks at later spends, so the overlay is always built whole.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from tracer.chain import Family, ScriptKind
from tracer.clustering import account_links, change
from tracer.clustering import build as conservative
from tracer.clustering import constraints as claims
from tracer.clustering import state as states
from tracer.clustering.constraints import Constraints
from tracer.clustering.numbers import Numbers
from tracer.clustering.rules import Heuristic, RuleSet, Tier
from tracer.clustering.state import Applied, ClusteringState, Recorded
from tracer.clustering.unionfind import REASONS, Sizes, UnionFind
from tracer.db import named_sql
from tracer.errors import UsageError
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    Int32 = NDArray[np.int32]

Progress = Callable[[int, int], None]

DEPOSIT, CHANGE = "deposit_sweep", "agreed_change"
SPLIT, PAYEE = "split", "payer_payee"
"""Why two sides are kept apart: an analyst's word, or a payment whose change is known."""
MOST_TRANSACTIONS = 1_000
"""An address with more transactions is no customer's deposit address (high degree, heuristics.md C)."""

_SQL = named_sql("tracer.clustering", "change.sql")


def build(
    ledger: Ledger,
    rules: RuleSet,
    constraints: Constraints | None = None,
    *,
    progress: Progress | None = None,
    transactions: int = 1_000_000,
) -> dict[str, Any]:
    """Build the overlay of a writable ledger whose conservative clusters are at the tip; -> `tracer.clustering/1`.

    `transactions` bounds one pass and its memory, not the result. Raises `UsageError` where the conservative
    clusters are not at the tip, or of other rules or claims. Nothing is changed unless all of it succeeds.
    """
    constraints = constraints or claims.none()
    base = states.current(ledger)
    if base is None or not base.at_tip or not base.made_from(rules.digest, constraints.digest):
        raise UsageError(
            f"the extended tier of {ledger.chain.name} stands on conservative clusters at the tip.",
            hint=f"Run `tracer cluster build {ledger.chain.name}` first.",
        )
    with ledger.db.transaction():
        ledger.db.script(named_sql("tracer.clustering", "build.sql")["forget_overlay"])
        numbers = Numbers.of(ledger)
        links, payees = _evidence(ledger, numbers, rules, constraints, progress, transactions)
        sets, refused = _joined(ledger, numbers, constraints, links, payees)
        sizes, roots = sets.sizes(), sets.roots()
        splits = conservative.split_pairs(constraints, numbers)
        _keep_links(ledger, links, refused, _split(numbers, roots, splits, links, refused))
        recorded = _keep(ledger, rules, numbers, sizes, roots, base, links, refused)
        states.write(ledger, recorded)
    return states.document(ledger, ClusteringState(recorded, behind=0, valid=True))


def _evidence(
    ledger: Ledger,
    numbers: Numbers,
    rules: RuleSet,
    constraints: Constraints,
    progress: Progress | None,
    transactions: int,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """All links there is evidence for, in the order in which they are taken, and (payer, payee) clusters.

    Links: tx_id, a, b (address ids; b joins a), heuristic, agreed, confidence, wary.
    """
    import polars as pl

    payees = [pl.DataFrame(schema={"payer": pl.Int32, "payee": pl.Int32})]
    if ledger.chain.family is Family.ACCOUNT:
        return account_links.evidence(ledger, numbers, rules, constraints), payees[0]
    links = [_deposits(ledger, numbers, rules.heuristic(DEPOSIT), constraints)]
    rule = rules.heuristic(CHANGE)
    if rule and rules.change:
        chunks = ledger.db.rows(_SQL["heights"], {"size": transactions})
        total, done = sum(count for _, _, count in chunks), 0
        for start, stop, count in chunks:
            found, paid = _change(ledger, rule, rules, start, stop)
            links.append(found)
            payees.append(paid)
            done += count
            if progress:
                progress(done, total)
    return pl.concat(links), pl.concat(payees).unique().sort("payer", "payee")


def _deposits(
    ledger: Ledger, numbers: Numbers, rule: Heuristic | None, constraints: Constraints
) -> pl.DataFrame:
    import polars as pl

    parameters = {"op_return": int(ScriptKind.OP_RETURN), "most": MOST_TRANSACTIONS if rule else -1}
    left_out = pl.DataFrame({"tx_id": constraints.cuts}, schema={"tx_id": pl.Int64})
    with ledger.db.table("hot", constraints.hot), ledger.db.table("left_out", left_out):
        found = ledger.db.polars(_SQL["sweeps"], parameters)
    found = found.with_columns(pl.Series("number", numbers.of_ids(found["address_id"].to_numpy())))
    return found.sort("tx_id", "number").select(
        "tx_id",
        pl.col("hot_address").alias("a"),
        pl.col("address_id").alias("b"),
        pl.lit(DEPOSIT).alias("heuristic"),
        pl.lit(DEPOSIT).alias("agreed"),
        pl.lit(rule.confidence if rule else 0, dtype=pl.Int32).alias("confidence"),
        pl.lit(value=False).alias("wary"),
    )


def _change(
    ledger: Ledger, rule: Any, rules: RuleSet, start: int, stop: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    import polars as pl

    p = rule.parameters
    frame = change.agreed(
        change.opinions(change.outputs(ledger, start, stop, p.outputs), rules.change),
        rules.change,
        p.families,
    )
    confidence = pl.lit(p.confidence[0])
    for more, percent in enumerate(p.confidence[1:], p.families + 1):
        confidence = pl.when(pl.col("families") >= more).then(percent).otherwise(confidence)
    links = frame.filter("change").select(
        "tx_id",
        pl.col("payer_address").alias("a"),
        pl.col("address_id").alias("b"),
        pl.lit(CHANGE).alias("heuristic"),
        "agreed",
        confidence.cast(pl.Int32).alias("confidence"),
        pl.lit(value=True).alias("wary"),
    )
    return links, change.payees(frame)


def _joined(
    ledger: Ledger, numbers: Numbers, constraints: Constraints, links: pl.DataFrame, payees: pl.DataFrame
) -> tuple[UnionFind, Int32]:
    """Take the links in order; -> the sets, and per link why it was refused (0: it was not)."""
    rows = ledger.db.arrow(named_sql("tracer.clustering", "build.sql")["clustered"])
    roots = np.arange(numbers.size, dtype=np.int32)
    roots[numbers.of_ids(rows.column("address_id").to_numpy())] = numbers.of_ids(
        rows.column("cluster_id").to_numpy()
    )
    paid = np.column_stack([numbers.of_ids(payees[name].to_numpy()) for name in ("payer", "payee")])
    sets = UnionFind(
        numbers.size,
        roots=roots,
        parties=conservative.parties(constraints, numbers),
        apart=np.concatenate((conservative.split_pairs(constraints, numbers), paid)),
    )
    a, b = (numbers.of_ids(links[name].to_numpy()) for name in ("a", "b"))
    return sets, sets.link(a, b, links["wary"].to_numpy())


def _split(
    numbers: Numbers, roots: Int32, splits: Int32, links: pl.DataFrame, refused: Int32
) -> NDArray[np.bool_]:
    """bool[refused]: which of the refused links would have brought a split pair together."""
    kept = {(int(min(pair)), int(max(pair))) for pair in roots[splits]}
    ends = np.column_stack(
        [roots[numbers.of_ids(links[name].to_numpy()[refused > 0])] for name in ("a", "b")]
    )
    return np.array([(int(min(pair)), int(max(pair))) in kept for pair in ends], bool)


def _keep_links(ledger: Ledger, links: pl.DataFrame, refused: Int32, split: NDArray[np.bool_]) -> None:
    import polars as pl

    rows = links.with_columns(pl.Series("refused", refused)).with_row_index("row")
    with ledger.db.table("found", rows.filter(pl.col("refused") == 0)):
        ledger.db.run(_SQL["keep_links"])
    reasons = np.array(REASONS)[refused[refused > 0]]
    reasons[(reasons == SPLIT) & ~split] = PAYEE
    told = rows.filter(pl.col("refused") > 0).with_columns(
        pl.lit(Tier.EXTENDED.value).alias("tier"), pl.Series("reason", reasons, dtype=pl.String)
    )
    with ledger.db.table("found", told):
        ledger.db.run(_SQL["keep_refused"])


def _keep(
    ledger: Ledger,
    rules: RuleSet,
    numbers: Numbers,
    sizes: Sizes,
    roots: Int32,
    base: ClusteringState,
    links: pl.DataFrame,
    refused: Int32,
) -> Recorded:
    """Write which conservative clusters belong together, and what was built."""
    import polars as pl

    clusters = ledger.db.arrow(named_sql("tracer.clustering", "build.sql")["clustered"])
    heads = np.ones(numbers.size, dtype=bool)  # who names a conservative cluster: all but its other members
    own = numbers.of_ids(clusters.column("address_id").to_numpy())
    heads[own[own != numbers.of_ids(clusters.column("cluster_id").to_numpy())]] = False
    joined = np.flatnonzero(heads & (roots != np.arange(roots.size, dtype=np.int32))).astype(np.int32)
    found = pl.DataFrame(
        {"cluster_id": numbers.to_ids(joined), "overlay_id": numbers.to_ids(roots[joined])},
        schema={"cluster_id": pl.Int32, "overlay_id": pl.Int32},
    )
    with ledger.db.table("found", found):
        ledger.db.run(_SQL["keep_overlay"])
        ledger.db.run(_SQL["keep_overlay_members"])
    taken = links.filter(pl.Series(refused == 0))["heuristic"].value_counts()
    made = dict(taken.iter_rows())
    r = base.recorded
    return Recorded(
        tier=Tier.EXTENDED.value,
        height=r.height,
        tip_hash=r.tip_hash,
        rules=r.rules,
        claims=r.claims,
        snapshot=r.snapshot,
        heuristics=(
            *r.heuristics,
            *(
                Applied(h.id, h.version, made.get(h.id, 0))
                for h in rules.heuristics
                if h.id
                in (account_links.APPLIED if ledger.chain.family is Family.ACCOUNT else (DEPOSIT, CHANGE))
            ),
        ),
        excluded=r.excluded,
        blocks=r.blocks,
        pending=r.pending,
        addresses=r.addresses,
        next_address=r.next_address,
        clusters=r.clusters - joined.size,
        non_singleton=sizes.non_singleton,
        largest=sizes.largest if r.addresses else 0,
        transactions_used=r.transactions_used,
        refused=int(np.count_nonzero(refused)),
        alarms=r.alarms,
        joined=r.joined,
        joins=r.joins,
    )
