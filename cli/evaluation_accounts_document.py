"""The part of `tracer.cluster_evaluation/1` on chains of accounts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cli.evaluation import TIERS
from cli.evaluation_accounts import FOUND_BY, REUSE, TRACED, WORLD, MeasuredChain
from cli.evaluation_figures import agreed, counted, proportion

if TYPE_CHECKING:
    import polars as pl

    from tracer.clustering.rules import Heuristic, RuleSet

PEOPLE, SERVICES = "people", "a service's account"
DIRECT, THIRD = "one did it for the other", "a third did it for both"
"""Of a lead: whose accounts are at its ends, and who did what it rests on."""


def accounts_of(rules: RuleSet, chains: Sequence[MeasuredChain], txs: int) -> dict[str, Any]:
    """What was measured on the chains of worlds of accounts; at least one chain."""
    return {
        "worlds": {
            "name": WORLD,
            "seeds": sorted({chain.seed for chain in chains}),
            "chains": sorted({chain.chain for chain in chains}),
            "transactions_asked": txs,
            "transactions": sum(chain.transactions for chain in chains),
            "addresses": sum(chain.labels.height for chain in chains),
            "owners": sum(chain.labels["owner"].n_unique() for chain in chains),
            "unnamed_addresses": sum(chain.unnamed for chain in chains),
        },
        "tiers": [_tier(chains, tier) for tier in TIERS],
        "heuristics": _heuristics(rules, chains),
        "deposits": _deposits(chains),
        "pairs": _pairs(chains),
        "leads": _leads(rules, chains),
        "misleads": {name: sum(chain.misleads[name] for chain in chains) for name in chains[0].misleads},
    }


def _tier(chains: Sequence[MeasuredChain], tier: str) -> dict[str, Any]:
    figures, _ = agreed([chain.labels for chain in chains], tier)
    joined = sorted({names for chain in chains for names in chain.joined[tier]})
    return {"tier": tier, **figures, "services_joined": joined}


def _heuristics(rules: RuleSet, chains: Sequence[MeasuredChain]) -> list[dict[str, Any]]:
    """One row per heuristic: its links, how many of them are false, and what it found of what there was to find."""
    import polars as pl

    links = pl.concat([chain.links for chain in chains])
    deposits = pl.concat([chain.deposits for chain in chains])
    traced = pl.concat([chain.traced for chain in chains])
    rows = []
    for rule in rules.heuristics:
        own = links.filter(pl.col("heuristic") == rule.id)
        made, false = int(own["links"].sum()), int(own["wrong"].sum())
        if rule.id == TRACED:
            named, right = traced.filter("named").height, traced.filter("right").height
            made, false = named, named - right
            found, true = traced.filter("true", "right").height, traced.filter("true").height
        elif rule.id == REUSE:
            found, true = made - false, sum(chain.shared for chain in chains)
        elif rule.id in FOUND_BY:
            there = deposits.filter("clone", "swept") if rule.id == "forwarder" else deposits
            found, true = there.filter(rule.id).height, there.height
        else:
            continue
        rows.append(_row(rule, made, false, found, true))
    return rows


def _row(rule: Heuristic, links: int, false: int, found: int, true: int) -> dict[str, Any]:
    return {
        "id": rule.id,
        "version": rule.version,
        "tier": rule.tier.value,
        **counted(links, false),
        "precision": proportion(links - false, links),
        "found": found,
        "true": true,
        "recall": proportion(found, true),
    }


def _deposits(chains: Sequence[MeasuredChain]) -> list[dict[str, Any]]:
    """Deposit accounts of services, by their kind: how many there are, and how many the extended tier gives theirs."""
    import polars as pl

    every = pl.concat([chain.deposits for chain in chains])
    rows = []
    for kind, clone in (("account with a key", False), ("contract of a factory", True)):
        own = every.filter(pl.col("clone") == clone)
        found = own.filter("joined").height
        rows.append(
            {
                "kind": kind,
                "true": own.height,
                "swept": own.filter("swept").height,
                "found": found,
                "recall": proportion(found, own.height),
            }
        )
    return rows


def _pairs(chains: Sequence[MeasuredChain]) -> list[dict[str, Any]]:
    """Pairs that look alike, by why: those of two owners first. How many each tier joins, and a lead shows."""
    import polars as pl

    every = pl.concat([chain.pairs for chain in chains])
    rows = every.group_by("same_owner", "reason").agg(
        pl.len().alias("pairs"),
        *(pl.col(tier).sum() for tier in TIERS),
        pl.col("leads").is_not_null().sum().alias("shown_as_lead"),
    )
    return rows.sort("same_owner", "reason").to_dicts()


def _leads(rules: RuleSet, chains: Sequence[MeasuredChain]) -> list[dict[str, Any]]:
    """Per heuristic that makes leads of accounts: how often both ends have one owner. Where it spoke nowhere: null.

    found, true: of the pairs of one owner that the truth names as its cases.
    """
    import polars as pl

    from tracer.clustering import account_leads

    every = pl.concat([chain.leads for chain in chains])
    pairs = pl.concat([chain.pairs for chain in chains])
    cases = {
        account_leads.FUNDER: ["gas funder of proceeds"],
        account_leads.AUTHORISED: ["self-authorisation"],
        account_leads.TRON: [],
    }
    rows = []
    for rule in rules.heuristics:
        if rule.id not in cases:
            continue
        true = pairs.filter("same_owner", pl.col("reason").is_in(cases[rule.id]))
        found = true.filter(pl.col("leads").list.contains(rule.id)).height
        own = every.filter(pl.col("heuristic") == rule.id)
        parts = [
            {"between": whose, "how": how, **_one_owner(part)}
            for whose, service in ((PEOPLE, False), (SERVICES, True))
            for how, direct in ((DIRECT, True), (THIRD, False))
            if (part := own.filter((pl.col("service") == service) & (pl.col("direct") == direct))).height
        ]
        rows.append(
            {
                "id": rule.id,
                "version": rule.version,
                **_one_owner(own),
                "found": found,
                "true": true.height,
                "recall": proportion(found, true.height),
                "parts": parts,
            }
        )
    return rows


def _one_owner(leads: pl.DataFrame) -> dict[str, Any]:
    true = leads.filter("one_owner").height
    return {
        "pairs": leads.height,
        "one_owner": true,
        "two_owners": leads.height - true,
        "share": proportion(true, leads.height),
    }
