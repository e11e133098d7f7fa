"""Build worlds of accounts whose owners are known, on real nodes, and hold every link and lead against the truth."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli import compose
from cli.app import App
from cli.evaluation import TIERS, take_claims
from tracer.workspace import Workspace

if TYPE_CHECKING:
    import polars as pl

    from adapters.simulation.accounts import AccountWorld
    from adapters.simulation.accounts.evaluation import Known
    from tracer.clustering.constraints import Constraints
    from tracer.clustering.rules import RuleSet
    from tracer.intel.snapshot import Snapshot
    from tracer.ledger.batch import BlockSource
    from tracer.ledger.store import Ledger

WORLD = "accounts"
FOUND_BY = ("deposit_sweep", "forwarder")
"""Heuristics that join a deposit account to its service."""
REUSE, TRACED = "deposit_reuse", "account_deposit_sweep"
ALONE = ("forwarder", REUSE, TRACED)
"""Heuristics of the extended tier that only account chains have."""


@dataclass(frozen=True)
class MeasuredChain:
    """One chain of a world, as the engine saw it, beside its truth.

    labels    `tracer.clustering.measure.labels`
    links     `tracer.clustering.measure.links`
    deposits  address_id, service, clone, swept of deposit accounts no sure tag names; `joined`: the extended tier has
              it in a cluster with where its service gathers; one bool for each of `FOUND_BY`: that joined it
    shared    links it takes to join, for each deposit account, the accounts of one owner that paid into it
    pairs     same_owner, reason, one bool per tier (joined), leads (list: ids of the heuristics that show it)
    leads     heuristic, direct, one_owner, service (an end is a service's account)
    traced    of payments into untagged accounts by others than their owners, native coin and known tokens: true (into
              a deposit account of an exchange; at a market's pool a trace stops and names no deposit), named (a trace
              would call it a deposit), right (named, and the service is right)
    joined    per tier the clusters that hold two services: their names
    misleads  what the limitations of rules name -> how many accounts do so here
    """

    seed: int
    chain: str
    labels: pl.DataFrame
    links: pl.DataFrame
    deposits: pl.DataFrame
    shared: int
    pairs: pl.DataFrame
    leads: pl.DataFrame
    traced: pl.DataFrame
    joined: dict[str, list[tuple[str, ...]]]
    misleads: dict[str, int]
    transactions: int
    unnamed: int


def measured(app: App, seed: int, txs: int) -> list[MeasuredChain]:
    """Build, read, cluster and measure one world; `SourceUnavailable` where no node can be started."""
    from adapters.simulation.accounts import build

    with app.progress(f"world of accounts {seed}: building") as advance:
        world = build(seed, txs, progress=advance)
    with world:
        return measured_world(app, world)


def measured_world(app: App, world: AccountWorld) -> list[MeasuredChain]:
    """The same of a world whose nodes run, in a workspace of its own that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="tracer-evaluate-") as folder:
        own = replace(app, workspace=Workspace(Path(folder)))
        take_claims(own, world)
        return [_measured(own, world, name) for name in world.urls]


def _read(app: App, world: AccountWorld, name: str) -> None:
    """Blocks from the node, then what it says of balances and tokens, as `tracer sync` does."""
    from cli.openings import after_pull
    from tracer.ledger.pull import pull

    source: BlockSource[Any] = compose.source(app, name, f"evm:{world.urls[name]}")
    with app.progress(f"world of accounts {world.seed}: reading {name}") as advance:
        pull(lambda: compose.open_ledger(app, name, read_only=False), source, progress=advance)
    after_pull(app, name, source)


def _measured(app: App, world: AccountWorld, name: str) -> MeasuredChain:
    from adapters.simulation.accounts.evaluation import known

    _read(app, world, name)
    with compose.open_ledger(app, name, read_only=False) as ledger:
        return held(ledger, known(ledger, world.truth), compose.claims(app), seed=world.seed)


def held(ledger: Ledger, truth: Known, snapshot: Snapshot, *, seed: int) -> MeasuredChain:
    """Cluster a ledger by these claims, and hold against the truth what the rules say of it."""
    from rules import clustering
    from tracer.clustering import build, constraints, measure, overlay

    rules, bounds = clustering(), constraints.load(ledger, snapshot)
    build.build(ledger, rules, bounds)
    overlay.build(ledger, rules, bounds)
    labels = measure.labels(ledger, truth.owned)
    leads = measure.account_leads_of(ledger, rules, bounds, truth.owned)
    return MeasuredChain(
        seed=seed,
        chain=ledger.chain.name,
        labels=labels,
        links=measure.links(ledger, truth.owned),
        deposits=_deposits(ledger, truth, labels, bounds),
        shared=_shared(truth.payers),
        pairs=_pairs(truth.pairs, labels, leads),
        leads=_with_services(leads, truth.owned),
        traced=_traced(ledger, truth, rules, snapshot),
        joined={tier: truth.services_joined(labels, tier) for tier in TIERS},
        misleads=truth.misleads,
        transactions=measure.transactions(ledger),
        unnamed=truth.nobody,
    )


def _deposits(ledger: Ledger, truth: Known, labels: pl.DataFrame, bounds: Constraints) -> pl.DataFrame:
    import polars as pl

    from tracer.clustering import measure

    cluster = labels.select("address_id", "extended")
    gathers = truth.gathers.join(cluster, on="address_id").select("service", "extended").unique()
    found = (
        truth.deposits.join(bounds.parties, on="address_id", how="anti")
        .join(cluster, on="address_id")
        .join(gathers.with_columns(joined=True), on=["service", "extended"], how="left")
        .with_columns(pl.col("joined").fill_null(value=False))
    )
    by = {name: measure.joined_to(ledger, name) for name in FOUND_BY}
    return found.drop("extended").with_columns(
        **{name: pl.col("joined") & pl.col("address_id").is_in(ids) for name, ids in by.items()}
    )


def _shared(payers: pl.DataFrame) -> int:
    import polars as pl

    return int(payers.group_by("deposit", "owner").agg(links=pl.len() - 1)["links"].sum())


def _pairs(pairs: pl.DataFrame, labels: pl.DataFrame, leads: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    cluster = labels.select("address_id", *TIERS)
    shown = leads.group_by("a", "b").agg(pl.col("heuristic").unique().sort().alias("leads"))
    return (
        pairs.join(cluster, left_on="a", right_on="address_id")
        .join(cluster, left_on="b", right_on="address_id", suffix="_b")
        .join(shown, on=["a", "b"], how="left")
        .select("same_owner", "reason", *(pl.col(t) == pl.col(f"{t}_b") for t in TIERS), "leads")
    )


def _with_services(leads: pl.DataFrame, owned: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    services = owned.filter("service")["address_id"].implode()
    ends = [pl.col(end).is_in(services) for end in ("a", "b")]
    return leads.with_columns(service=ends[0] | ends[1])


def _traced(ledger: Ledger, truth: Known, rules: RuleSet, snapshot: Snapshot) -> pl.DataFrame:
    """Each payment into an account that no claim names, and whether a trace that came with it would end there."""
    import polars as pl

    from adapters.simulation.accounts.evaluation import MARKET
    from tracer.clustering import measure
    from tracer.flow import services as service_room
    from tracer.flow.accounts.deposits import Deposits, sweep_least

    services = service_room.load(ledger, snapshot)
    least = sweep_least(rules)
    assert least is not None
    owner = truth.owned.select("address_id", "owner")
    key = ["tx_id", "address_id", "asset_id"]
    came = (
        measure.arrivals(ledger, truth.owned)
        .join(services.tagged.frame.select("address_id"), on="address_id", how="anti")
        .join(owner, on="address_id")
        .join(owner, left_on="source", right_on="address_id", suffix="_of_source")
        .filter(pl.col("owner") != pl.col("owner_of_source"))
        .select(*key, "owner")
        .unique()
        .sort(key)
    )
    named = Deposits(ledger, services, least).swept(came.select(key)).select(*key, "swept_to")
    to = owner.select(pl.col("address_id").cast(pl.Int64).alias("swept_to"), pl.col("owner").alias("to"))
    names = truth.names.select("owner", true=pl.col("actor") != MARKET)
    deposits = truth.deposits.join(names, left_on="service", right_on="owner").select("address_id", "true")
    return (
        came.join(named, on=key, how="left")
        .join(to, on="swept_to", how="left")
        .join(deposits, on="address_id", how="left")
        .select(
            pl.col("true").fill_null(value=False),
            pl.col("swept_to").is_not_null().alias("named"),
            (pl.col("true").is_not_null() & pl.col("to").eq_missing(pl.col("owner"))).alias("right"),
        )
    )
