"""`tracer demo`: a simulated case from raw blocks to the cash-out table, with the truth beside it."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import compose
from cli.app import App, json_text
from tracer.workspace import Workspace

if TYPE_CHECKING:
    from rich.console import Console

    from adapters.simulation.scoring import Score
    from adapters.simulation.world import World
    from tracer.intel.claims import ClaimKind

CHAIN = "bitcoin-regtest"
HOPS = 100
"""The world's peel chains are longer than the ten hops a trace takes by default."""


@dataclass(frozen=True)
class _Case:
    """A question to the world, and the name of its answer in the ground truth."""

    title: str
    truth: str
    seeds: tuple[str, ...]
    unit: str
    window: tuple[str, str] | None = None


@click.command("demo")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="Seed of the world.")
@click.option(
    "--txs", default=20_000, show_default=True, type=click.IntRange(1_500, 1_000_000), help="Its size."
)
@click.option("--keep", type=click.Path(path_type=Path), help="Keep the workspace in this folder.")
@click.pass_obj
def command(app: App, seed: int, txs: int, keep: Path | None) -> None:
    """Build a simulated market world, trace it, and compare the answers with the truth.

    Everything is real but the world: its blocks are serialised, read, verified, clustered and traced like
    any others. No node and no network is needed.
    """
    if keep is not None:
        _run(replace(app, workspace=Workspace(keep.absolute())), seed, txs)
        click.echo(f"\nThe workspace is kept: tracer --workspace {keep} status")
        return
    with tempfile.TemporaryDirectory(prefix="tracer-demo-") as folder:
        _run(replace(app, workspace=Workspace(Path(folder))), seed, txs)


def _run(app: App, seed: int, txs: int) -> None:
    console = app.console()
    world = _world(app, seed, txs)
    _read(app, world)
    console.print(f"A simulated world (seed {seed}): two darknet markets, a paid-stream shop,", style="bold")
    console.print(
        "exchanges with and without KYC, mixers, innocent look-alikes. All is read from its raw blocks.\n"
    )
    _facts(app, console, world)
    known = world.truth.cases
    pool, shop = known["pool"], known["shop"]
    cases = [
        _Case(
            "CASE 1a - the custodial market: what left its pool while it was open",
            "pool_withdrawal", (f"tag:{pool['label']}",), "entity", pool["window"],
        ),
        _Case(
            "CASE 1b - the multisig market: one escrow address per order, to the vendors' exits",
            "multisig_order", tuple(known["multisig"]["outpoints"]), "lot",
        ),
        _Case(
            "CASE 2 - the stream shop: from its labelled payment addresses",
            "shop_sweep", (f"tag:{shop['label']}",), "lot",
        ),
    ]  # fmt: skip
    for case in cases:
        console.print(f"\n{case.title}", style="bold")
        document = _ask(app, case)
        _answer(console, document, _score(world, case, document))
    _one_buyer(app, console, known["buyer_deposit"])
    console.print("\nHow to read this", style="bold")
    for line in (
        "FIFO and haircut are conventions; the truth may lie anywhere up to `at most`.",
        "`deposits` are those the trace names; `true` the owners' own without a mixer on the way, `mixed` with one.",
        "Through a mixer nothing is followed.",
        "The truth is known because the world is simulated. In a real case the right-hand columns do not exist.",
    ):
        console.print(f"  - {line}")
    world.close()


def _world(app: App, seed: int, txs: int) -> World:
    from adapters.simulation import build_world

    with app.progress("building the world") as advance:
        return build_world("market", seed=seed, txs=txs, progress=advance)


def _read(app: App, world: World) -> None:
    """Blocks through the block-file reader, claims through the importers, clusters built."""
    from adapters.bitcoin.chains import chain_named
    from adapters.bitcoin.folder.source import BlockFiles
    from tracer.intel import store
    from tracer.ledger.pull import pull

    folder = app.workspace.ready().cache / "simulation"
    folder.mkdir(exist_ok=True)
    world.write_blocks(folder)
    world.write_claims(folder)
    source = BlockFiles(folder, chain_named(CHAIN))
    with app.progress("reading and verifying its blocks") as advance:
        pull(lambda: compose.open_ledger(app, CHAIN, read_only=False), source, progress=advance)
    files: tuple[tuple[str, ClaimKind], ...] = (("tags.csv", "tags"), ("vasps.csv", "vasps"))
    with app.progress("reading its claims") as advance:
        readings = [compose.read_claims(folder / name, (kind,), advance) for name, kind in files]
    store.add(app.workspace, readings)
    compose.links_ready(replace(app, quiet=True), CHAIN, compose.claims(app))


def _facts(app: App, console: Console, world: World) -> None:
    from adapters.simulation.scoring import joined_owners
    from tracer.clustering.lookup import groups
    from tracer.ledger.coverage import chain_status

    with compose.open_ledger(app, CHAIN) as ledger:
        status = chain_status(ledger)
        links = compose.status_of_links(app, ledger) or {}
        joined = joined_owners(world.truth, groups(ledger))
    counts = compose.claims(app).counts()
    console.print(
        f"  {status['blocks']['count']:,} blocks, {status['txs']:,} transactions, {status['addresses']:,} addresses, "
        f"{links['conservative']['clusters']:,} clusters; {counts['tags']} tags, {counts['vasps']} VASPs"
    )
    console.print(
        f"  clusters that join two owners: {joined.clusters}, of them {joined.at_payjoins} at one of the world's "
        f"{world.truth.payjoins.height} PayJoins, which structure alone cannot tell"
    )


def _ask(app: App, case: _Case) -> dict[str, Any]:
    from cli.trace import answer
    from tracer.flow.question import Question, seconds

    after, before = (seconds(t) for t in case.window) if case.window else (None, None)
    question = Question(
        seeds=case.seeds,
        unit="entity" if case.unit == "entity" else "lot",
        hops=HOPS,
        seed_after=after,
        seed_before=before,
    )
    with compose.case_question(app, "demo", [case.title], "demo", "demonstration") as log:
        document = answer(app, CHAIN, question)
        log.read(document["documents"][0]["intel_snapshot"])
        log.answered(json_text(document).encode())
    return document


def _score(world: World, case: _Case, document: dict[str, Any]) -> Score:
    from adapters.simulation.scoring import score

    legs = {
        (row["vasp_id"], leg["txid"], leg["vout"])
        for doc in document["documents"]
        for row in doc["endpoints"]
        if row["vasp_id"]
        for leg in row["legs"]
    }
    return score(world.truth, case.truth, legs)


def _answer(console: Console, document: dict[str, Any], score: Score) -> None:
    from rich import box
    from rich.table import Table

    from tracer.amounts import decimal_text

    def coins(units: int) -> str:
        return decimal_text(units, 8)

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("cashed out at", "KYC then"):
        table.add_column(name, overflow="fold")
    for name in ("FIFO", "haircut", "at most", "deposits"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("true", "true BTC", "mixed"):
        table.add_column(name, justify="right", no_wrap=True, style="dim")
    truth = {service.vasp_id: service for service in score.services}
    rows = {row["endpoint"]: row for row in document["comparison"]}
    reached = {
        row["vasp_id"]: row for doc in document["documents"] for row in doc["endpoints"] if row["vasp_id"]
    }
    for name in sorted(reached | truth, key=lambda v: -int(rows.get(v, {}).get("haircut", 0))):
        row, service, endpoint = rows.get(name), truth.get(name), reached.get(name)
        legs = {(leg["txid"], leg["vout"]) for leg in endpoint["legs"]} if endpoint else set()
        table.add_row(
            endpoint["entity"] if endpoint else name,
            endpoint["kyc_level"] if endpoint else "",
            *(
                (coins(int(row[key])) for key in ("fifo", "haircut", "upper_bound"))
                if row
                else ("-", "-", "-")
            ),
            str(len(legs)),
            str(service.true_deposits) if service else "0",
            coins(service.true_value) if service else coins(0),
            str(service.mixed_deposits) if service else "0",
        )
    console.print(table)
    _examples(console, document["documents"][0])
    verdict = (
        f"  right: {score.found} of {score.true_deposits} true deposits named, {len(score.invented)} invented"
    )
    missed = score.missed_services
    console.print(
        verdict + (f"; no deposit found at {', '.join(missed)}" if missed else "; every true service found")
    )
    total = document["documents"][0]["totals"][0]
    parts = ", ".join(
        f"{k} {coins(int(total[k]))}" for k in ("services", "stopped", "unspent", "fees", "pruned")
    )
    console.print(f"  under FIFO {coins(int(total['seed']))} BTC followed: {parts}")


def _examples(console: Console, document: dict[str, Any]) -> None:
    """Where a request would go first: the largest deposit at each service that asks nobody for ID."""
    for row in document["endpoints"]:
        if row["kyc_level"] == "none" and row["legs"]:
            leg = row["legs"][0]
            console.print(
                f"  ask {row['entity']} about {leg['role']} address {leg['address']}: "
                f"{leg['amount_onchain']['decimal']} BTC on {leg['time'][:10]}\n      {leg['txid']}:{leg['vout']}",
                soft_wrap=True,
            )


def _one_buyer(app: App, console: Console, deposit: dict[str, str]) -> None:
    """One buyer's payment ends at the pool: no convention says whose coins later left it."""
    console.print("\nONE BUYER - a single deposit into the custodial market", style="bold")
    case = _Case("one buyer's deposit", "", (deposit["outpoint"],), "lot")
    for doc in _ask(app, case)["documents"]:
        reasons = sorted({stop["reason"] for stop in doc["stops"]})
        total = doc["totals"][0]
        console.print(
            f"  under {doc['method']}: {int(total['stopped']):,} of {int(total['seed']):,} satoshi end at the pool "
            f"({', '.join(reasons) or 'no stop'}); exits named: {len(doc['endpoints'])}"
        )
    console.print("  So this deposit attributes nothing to anyone's exit.")
