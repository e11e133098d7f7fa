"""Build worlds whose owners are known, cluster them, and hold every link against the truth."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli import compose
from cli.app import App
from tracer.workspace import Workspace

if TYPE_CHECKING:
    import polars as pl

    from adapters.simulation.evaluation import Known
    from tracer.clustering.rules import RuleSet
    from tracer.intel.claims import ClaimKind
    from tracer.ledger.store import Ledger

CHAIN, WORLD = "bitcoin-regtest", "market"
TIERS = ("conservative", "extended")


@dataclass(frozen=True)
class Measured:
    """One world, as the engine saw it, beside its truth.

    labels       address_id, kind, owner, conservative, extended: as the engine is used
    apart        the same with the world's PayJoins left out of co-spend
    actors       owner, name, actor: what kind of owner
    links        `tracer.clustering.measure.links`, with `payjoin`: whether the transaction is one
    signals      `tracer.clustering.measure.change_signals`
    mixes        tx_id, true, found: what a transaction is and what was recognised; null for nothing
    joined       per tier the clusters that hold two services: their names
    texts        tx_id -> txid of the transactions with false conservative links
    made         heuristic id -> links, as the builds themselves count them
    """

    seed: int
    labels: pl.DataFrame
    apart: pl.DataFrame
    actors: pl.DataFrame
    links: pl.DataFrame
    signals: pl.DataFrame
    mixes: pl.DataFrame
    joined: dict[str, list[tuple[str, ...]]]
    texts: dict[int, str]
    made: dict[str, int]
    transactions: int
    unnamed: int
    payjoins: int


def measured(app: App, seed: int, txs: int) -> Measured:
    """Build, read, cluster and measure one world, in a workspace of its own that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="tracer-evaluate-") as folder:
        return _measured(replace(app, workspace=Workspace(Path(folder))), seed, txs)


def _measured(app: App, seed: int, txs: int) -> Measured:
    from adapters.simulation import build_world
    from adapters.simulation.evaluation import known
    from rules import clustering

    with app.progress(f"world {seed}: building") as advance:
        world = build_world(WORLD, seed=seed, txs=txs, progress=advance)
    try:
        _read(app, seed, world)
        truth, rules = world.truth, clustering()
        with compose.open_ledger(app, CHAIN, read_only=False) as ledger:
            found = known(ledger, truth)
            with app.progress(f"world {seed}: links") as advance:
                made = _build(app, ledger, rules, ())
                advance(1, 2)
                whole = _as_used(ledger, rules, found, seed, made)
                _build(app, ledger, rules, found.payjoins["tx_id"].to_list())
                advance(2, 2)
            from tracer.clustering import measure

            return replace(whole, apart=measure.labels(ledger, found.owned))
    finally:
        world.close()


def _read(app: App, seed: int, world: Any) -> None:
    """Blocks through the block-file reader, as any others."""
    from adapters.bitcoin.chains import chain_named
    from adapters.bitcoin.folder.source import BlockFiles
    from tracer.ledger.pull import pull

    take_claims(app, world)
    folder = app.workspace.cache / "simulation"
    world.write_blocks(folder)
    source = BlockFiles(folder, chain_named(CHAIN))
    with app.progress(f"world {seed}: reading") as advance:
        pull(lambda: compose.open_ledger(app, CHAIN, read_only=False), source, progress=advance)


def take_claims(app: App, world: Any) -> None:
    """What an investigator of a world would hold, through the importers, as any others."""
    from tracer.intel import store

    folder = app.workspace.ready().cache / "simulation"
    folder.mkdir(exist_ok=True)
    world.write_claims(folder)
    files: tuple[tuple[str, ClaimKind], ...] = (("tags.csv", "tags"), ("vasps.csv", "vasps"))
    readings = [compose.read_claims(folder / name, (kind,), lambda _done, _all: None) for name, kind in files]
    store.add(app.workspace, readings)


def _build(app: App, ledger: Ledger, rules: RuleSet, leave_out: Sequence[int]) -> dict[str, int]:
    """Both tiers, bound by the world's claims; -> links made, by heuristic."""
    from tracer.clustering import build, constraints, overlay

    bounds = constraints.load(ledger, compose.claims(app))
    build.build(ledger, rules, bounds, leave_out=leave_out)
    return {row["id"]: row["links"] for row in overlay.build(ledger, rules, bounds)["heuristics"]}


def _as_used(ledger: Ledger, rules: RuleSet, known: Known, seed: int, made: dict[str, int]) -> Measured:
    import polars as pl

    from tracer.clustering import measure

    labels = measure.labels(ledger, known.owned)
    links = measure.links(ledger, known.owned).with_columns(
        pl.col("tx_id").is_in(known.payjoins["tx_id"].to_list()).alias("payjoin")
    )
    wrong = links.filter((pl.col("wrong") > 0) & pl.col("heuristic").is_in(["co_spend", "same_key"]))
    true = pl.concat([known.mixes, known.payjoins.with_columns(kind=pl.lit("payjoin_possible"))])
    mixes = true.rename({"kind": "true"}).join(
        measure.mixes(ledger).rename({"kind": "found"}), on="tx_id", how="full", coalesce=True
    )
    return Measured(
        seed=seed,
        labels=labels,
        apart=labels,
        actors=known.names,
        links=links,
        signals=measure.change_signals(ledger, rules, known.owned),
        mixes=mixes.sort("tx_id"),
        joined={tier: known.services_joined(labels, tier) for tier in TIERS},
        texts=ledger.render_txids(wrong["tx_id"].to_list()),
        made=made,
        transactions=measure.transactions(ledger),
        unnamed=known.nobody,
        payjoins=known.payjoins.height,
    )


def labelled(folder: Path, review: Path | None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What the detectors say of published labels; -> (txid, label after the review, published, found), review.

    `label` is null where none holds, `found` where nothing was recognised.
    """
    import polars as pl

    from adapters.labels import coinjoins
    from rules import clustering
    from tracer.clustering.mixing import find_mixes

    labels = coinjoins.read_labels(folder)
    rows = coinjoins.read_review(review) if review else coinjoins.no_review()
    known = coinjoins.reviewed(labels.published, rows)
    with (
        tempfile.TemporaryDirectory(prefix="tracer-labels-") as place,
        coinjoins.scratch_ledger(Workspace(Path(place)), labels.transactions) as ledger,
    ):
        found = find_mixes(ledger, clustering().detectors, first=0)
        texts = ledger.render_txids(found["tx_id"].to_list())
    said = pl.DataFrame(
        {"txid": [texts[i] for i in found["tx_id"]], "found": found["kind"]},
        schema={"txid": pl.String, "found": pl.String},
    )
    return known.join(said, on="txid", how="left").sort("published", "txid"), rows
