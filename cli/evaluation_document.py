"""`tracer.cluster_evaluation/1`: what was measured, as figures with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cli.evaluation import TIERS, WORLD, Measured
from cli.evaluation_accounts import ALONE, MeasuredChain
from cli.evaluation_accounts_document import accounts_of
from cli.evaluation_figures import RATE, agreed, cells_of, counted, proportion, share
from cli.evaluation_mixers import beyond_truth, of_labels, of_worlds
from rules.accuracy import SEVERAL

if TYPE_CHECKING:
    import polars as pl

    from tracer.clustering.metrics import Agreement
    from tracer.clustering.rules import RuleSet


def document(
    rules: RuleSet,
    worlds: Sequence[Measured],
    txs: int,
    labels: tuple[pl.DataFrame, pl.DataFrame] | None,
    accounts: tuple[Sequence[MeasuredChain], int] | None = None,
) -> dict[str, Any]:
    """The whole evaluation. `worlds` at least one; `labels` as `cli.evaluation.labelled` answers.

    `accounts`: the chains of worlds of accounts, at least one, and the transactions asked for in each world.
    """
    mixers, possible = of_worlds(rules, worlds)
    return {
        "schema": "tracer.cluster_evaluation/1",
        "rules": rules.digest,
        "worlds": {
            "name": WORLD,
            "seeds": [w.seed for w in worlds],
            "transactions_asked": txs,
            "transactions": sum(w.transactions for w in worlds),
            "addresses": sum(w.labels.height for w in worlds),
            "owners": sum(w.labels["owner"].n_unique() for w in worlds),
            "unnamed_addresses": sum(w.unnamed for w in worlds),
            "payjoins": sum(w.payjoins for w in worlds),
        },
        "tiers": [_tier(worlds, tier, payjoins) for tier in TIERS for payjoins in (True, False)],
        "scripts": [row for tier in TIERS for row in _scripts(worlds, tier)],
        "actors": _actors(worlds),
        "heuristics": _heuristics(rules, worlds, elsewhere=ALONE if accounts else ()),
        "change": _change(rules, worlds),
        "false_links": _false_links(worlds),
        "mixers": mixers,
        "possible_mixers": possible,
        "recognised_beyond_truth": beyond_truth(worlds),
        "labelled": of_labels(rules, *labels) if labels else None,
        "accounts": accounts_of(rules, *accounts) if accounts else None,
    }


def _tier(worlds: Sequence[Measured], tier: str, payjoins: bool) -> dict[str, Any]:
    figures, each = agreed([world.labels if payjoins else world.apart for world in worlds], tier)
    return {
        "tier": tier,
        "payjoins": payjoins,
        **figures,
        "services_joined": sorted({names for w in worlds for names in w.joined[tier]}) if payjoins else [],
        "seeds": [
            {"seed": world.seed, **_short(one), "ari": share(one.ari)["value"]}
            for world, one in zip(worlds, each, strict=True)
        ],
    }


def _short(found: Agreement) -> dict[str, Any]:
    names = ("precision", "recall", "bcubed_precision", "bcubed_recall")
    return {name: share(getattr(found, name))["value"] for name in names}


def _scripts(worlds: Sequence[Measured], tier: str) -> list[dict[str, Any]]:
    """The pairs of addresses of one script kind alone."""
    from tracer.clustering.metrics import agreement

    kinds = sorted({kind for world in worlds for kind in world.labels["kind"].unique().to_list()})
    rows = []
    for kind in kinds:
        found = agreement(cells_of([w.labels.filter(w.labels["kind"] == kind) for w in worlds], tier))
        pairs = {"joined": found.joined, "false": found.joined - found.right}
        rows.append(
            {
                "tier": tier,
                "script": script_name(kind),
                "addresses": found.addresses,
                **pairs,
                **_short(found),
            }
        )
    return rows


def _actors(worlds: Sequence[Measured]) -> list[dict[str, Any]]:
    """B-cubed recall by kind of owner, PayJoins included: where what is missed stands. Most addresses first."""
    import polars as pl

    found = pl.concat(
        [
            world.labels.join(world.actors, on="owner").select(
                "actor",
                pl.col("name").is_first_distinct().alias("first"),
                *((pl.len().over("owner", tier) / pl.len().over("owner")).alias(tier) for tier in TIERS),
            )
            for world in worlds
        ]
    )
    rows = (
        found.group_by("actor")
        .agg(pl.len().alias("addresses"), pl.col("first").sum().alias("owners"), pl.col(*TIERS).mean())
        .sort("addresses", "actor", descending=[True, False])
    )
    return [{**row, **{tier: share(row[tier])["value"] for tier in TIERS}} for row in rows.to_dicts()]


def script_name(kind: int | None) -> str:
    """As analysts write it: P2WPKH."""
    from tracer.chain import ScriptKind

    return SEVERAL if kind is None else ScriptKind(kind).name


def _heuristics(
    rules: RuleSet, worlds: Sequence[Measured], *, elsewhere: Sequence[str]
) -> list[dict[str, Any]]:
    """One row per rule that makes links; `elsewhere`: those whose links other worlds hold, which are told apart."""
    import polars as pl

    from tracer.clustering.rules import Tier

    links = pl.concat([world.links for world in worlds])
    change = {h.id for h in rules.change}
    rows = []
    for rule in rules.heuristics:
        if rule.id in change or rule.id in elsewhere or rule.tier is Tier.LEAD:
            continue
        own = links.filter(pl.col("heuristic") == rule.id)
        clear = own.filter(~pl.col("payjoin"))
        by_kind = own.group_by("kind").agg(pl.col("links", "wrong").sum()).sort("kind", nulls_last=True)
        rows.append(
            {
                "id": rule.id,
                "version": rule.version,
                "tier": rule.tier.value,
                **counted(int(own["links"].sum()), int(own["wrong"].sum())),
                "without_payjoins": counted(int(clear["links"].sum()), int(clear["wrong"].sum())),
                "scripts": [
                    {"script": script_name(kind), **counted(made, wrong)}
                    for kind, made, wrong in by_kind.select("kind", "links", "wrong").iter_rows()
                ],
            }
        )
    return rows


def _change(rules: RuleSet, worlds: Sequence[Measured]) -> list[dict[str, Any]]:
    import polars as pl

    signals = pl.concat([world.signals for world in worlds])
    # the same in every row of one world
    payments = sum(w.signals["payments"].to_list()[0] if w.signals.height else 0 for w in worlds)
    rows = []
    for rule in rules.change:
        own = signals.filter(pl.col("heuristic") == rule.id)
        said, wrong, out, own_out = (
            int(own[n].sum()) for n in ("signals", "wrong", "ruled_out", "own_ruled_out")
        )
        by_kind = own.group_by("kind").agg(pl.col("signals", "wrong").sum()).sort("kind")
        rows.append(
            {
                "id": rule.id,
                "version": rule.version,
                "family": rule.family,
                "counts": rule.counts,
                "payments": payments,
                "coverage": proportion(said, payments)["value"],
                "abstained": proportion(payments - said, payments)["value"],
                **counted(said, wrong),
                "ruled_out": {"outputs": out, "false": own_out, **_rate(own_out, out)},
                "scripts": [
                    {"script": script_name(kind), **counted(made, bad)}
                    for kind, made, bad in by_kind.select("kind", "signals", "wrong").iter_rows()
                    if made
                ],
            }
        )
    return rows


def _rate(false: int, total: int) -> dict[str, Any]:
    found = proportion(false, total, RATE)
    return {"rate": found["value"], "interval": found["interval"]}


def _false_links(worlds: Sequence[Measured]) -> list[dict[str, Any]]:
    """Every transaction that joined two owners conservatively."""
    import polars as pl

    conservative = pl.col("heuristic").is_in(["co_spend", "same_key"])
    rows = []
    for world in worlds:
        wrong = world.links.filter(conservative & (pl.col("wrong") > 0)).sort("tx_id", "heuristic")
        for tx_id, heuristic, payjoin in wrong.select("tx_id", "heuristic", "payjoin").iter_rows():
            row = {"seed": world.seed, "txid": world.texts[tx_id], "heuristic": heuristic, "payjoin": payjoin}
            rows.append(row)
    return rows
