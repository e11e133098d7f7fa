"""Evidence of the extended tier on account chains: deposit accounts, sweep contracts, who pays into one account.

Nothing here forms a cluster by itself. On an account chain no transaction shows two owners' keys at work, so the
conservative tier joins nobody but by an analyst's word.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tracer.chain import RelationKind, TransferKind
from tracer.clustering.constraints import Constraints
from tracer.clustering.numbers import Numbers
from tracer.clustering.rules import Heuristic, RuleSet
from tracer.db import named_sql
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

SWEEP, FORWARDER, REUSE = "deposit_sweep", "forwarder", "deposit_reuse"
APPLIED = {SWEEP: "swept", FORWARDER: "forwarders", REUSE: "depositors"}
"""Heuristics of the overlay of an account chain and their statements, in the order in which their links are taken."""

MOST_TRANSACTIONS = 1_000
"""An account with more transactions is no customer's deposit account (high degree, heuristics.md C)."""

_LARGE = 10**30
"""Amounts from here on are summed nowhere (P): no honest account moves so many, and sums could outgrow 128 bits."""

MOVING = int(TransferKind.UNWRAP)
"""The last kind that is a move of value: after it come fees, rewards and withdrawals."""

_SQL = named_sql("tracer.clustering", "account_links.sql")


def evidence(ledger: Ledger, numbers: Numbers, rules: RuleSet, constraints: Constraints) -> pl.DataFrame:
    """All links there is evidence for, in the order in which they are taken.

    Columns: tx_id, a, b (address ids; b joins a), heuristic, agreed, confidence, wary.
    """
    import polars as pl

    with ledger.db.table("own", own_accounts(constraints)), ledger.db.table("hot", constraints.hot):
        ledger.db.run(_SQL["sound"])
        ledger.db.run(
            _SQL["made"], {"create": int(RelationKind.CREATE), "create2": int(RelationKind.CREATE2)}
        )
        ledger.db.run(_SQL["deposits"], {"moving": MOVING, "most": MOST_TRANSACTIONS})
        links = [
            _linked(
                ledger.db.polars(_SQL[statement], {**thresholds(rule), **_given(ledger, name)}),
                rule,
                numbers,
            )
            for name, statement in APPLIED.items()
            if (rule := rules.heuristic(name)) is not None
        ]
    return pl.concat(links)


def own_accounts(constraints: Constraints) -> pl.DataFrame:
    """address_id, party: everybody known, bound by the claim or not."""
    import polars as pl

    both = pl.concat([constraints.parties, constraints.hot])
    return both.unique("address_id", keep="first", maintain_order=True).sort("address_id")


def thresholds(rule: Heuristic) -> dict[str, Any]:
    """The parameters of a rule, as its statement asks for them."""
    return asdict(rule.parameters) if hasattr(rule, "parameters") else {}


def _given(ledger: Ledger, name: str) -> dict[str, int]:
    """What a statement asks beside the thresholds of its rule."""
    if name == SWEEP:
        return {}
    more = {REUSE: {"slack": _slack(ledger)}, FORWARDER: {"large": _LARGE}}
    return {"moving": MOVING, **more.get(name, {})}


def _slack(ledger: Ledger) -> int:
    """A hundredth of the native coin, base units: what a sweep may leave for gas (Victor 2020: 0.01 ETH)."""
    units: int = 10 ** (ledger.chain.decimals - 2)
    return units


def _linked(found: pl.DataFrame, rule: Heuristic, numbers: Numbers) -> pl.DataFrame:
    import polars as pl

    told = "confidence" in found.columns
    sure = pl.col("confidence").clip(1, rule.confidence) if told else pl.lit(rule.confidence)
    placed = found.with_columns(pl.Series("number", numbers.of_ids(found["b"].to_numpy())))
    return placed.sort("tx_id", "number", "a").select(
        "tx_id", "a", "b", pl.lit(rule.id).alias("heuristic"), pl.lit(rule.id).alias("agreed"),
        sure.cast(pl.Int32).alias("confidence"), pl.lit(value=False).alias("wary"),
    )  # fmt: skip
