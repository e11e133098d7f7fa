"""`tracer watch backtest`: what watches would have raised in past blocks, before they are enabled."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from cli import compose
from cli.app import App, json_option, whole
from cli.numbers import number
from cli.trace_answer import many
from cli.watch_options import watch_options
from tracer.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracer.ledger.store import Ledger
    from tracer.watching.backtest import Tested
    from tracer.watching.model import Watch


@click.command("backtest")
@click.argument("subjects", metavar="[SUBJECT|WATCH]...", nargs=-1)
@watch_options
@click.option(
    "--days",
    type=click.FloatRange(0, 40_000, min_open=True),
    callback=number,
    metavar="N",
    help="The days before the last block read.",
)
@click.option("--from", "first", type=click.IntRange(0), metavar="HEIGHT", help="First block.")
@click.option("--to", "last", type=click.IntRange(0), metavar="HEIGHT", help="Last block.")
@json_option
@click.pass_obj
def backtest(
    app: App,
    /, subjects: tuple[str, ...], chain_name: str | None, days: float | None, first: int | None,
    last: int | None, as_json: bool, **asked: Any,
) -> None:  # fmt: skip
    """Try watches on past blocks: SUBJECTs with these options, or watches that are there (w-...; all of the chain).

    Nothing is recorded and nothing is sent.
    """
    from cli.watching import tools
    from tracer.watching import backtest as engine

    if (days is None) == (first is None):
        raise UsageError("which blocks?", hint="Give --days N, or --from HEIGHT [--to HEIGHT].")
    if first is not None and last is not None and last < first:
        raise UsageError(f"--to {last} is below --from {first}.", hint="Give the lower height to --from.")
    compose.words(*subjects, *(v for v in asked.values() if isinstance(v, str)))
    watches = _watches(app, subjects, chain_name, asked)
    chain = compose.chain(watches[0].chain)
    ready = tools(app, chain)
    snapshot = compose.claims(app)
    with compose.open_ledger(app, chain.name) as ledger:
        begin = first if first is not None else _first(ledger, days or 0)
    screen = ready.screen if any("exposure" in w.alert_types for w in watches) else None
    tested = engine.backtest(
        watches, lambda: ready.linked(snapshot), snapshot, begin, last, screen=screen, late_before=time.time()
    )
    app.emit(_document(chain.name, watches, tested, snapshot.id), as_json, lambda d: _render(app, d))


def _watches(
    app: App, subjects: tuple[str, ...], chain_name: str | None, asked: dict[str, Any]
) -> Sequence[Watch]:
    from cli.watch_add import DEFAULT_CHAIN, chain_in, made
    from tracer.state import State
    from tracer.watching import store

    named = [text for text in subjects if text.startswith("w-")]
    if named and len(named) < len(subjects):
        raise UsageError("watches and subjects at once.", hint="Give one kind.")
    if subjects and not named:
        chain = compose.chain(chain_name or chain_in(subjects) or DEFAULT_CHAIN)
        plain = {
            "label": "",
            "tags": (),
            "channels": (),
            "case_id": "",
            "basis": "",
            "owner": "",
            "tlp": "",
            "expires": "",
        }
        return made(app, chain, subjects, {**asked, **plain})
    with State.open(app.workspace) as state:
        ids = {store.find(state, text) for text in named}
        found = [w for w in store.watches(state) if not ids or w.watch_id in ids]
    name = compose.chain(chain_name).name if chain_name else (found[0].chain if found else DEFAULT_CHAIN)
    found = [w for w in found if w.chain == name]
    if not found:
        raise UsageError(
            f"nothing is watched on {name}.", hint="Name what to try: an address, cluster:ADDRESS, tag:LABEL."
        )
    return found


def _first(ledger: Ledger, days: float) -> int:
    """The first block of the last days that were read."""
    from tracer.ledger.asof import last_by

    tip = ledger.tip()
    if tip is None:
        raise UsageError(f"no block of {ledger.chain.name} was read.")
    before = last_by(ledger, int(tip.time - days * 86_400))
    lowest = next((a for a, b in ledger.runs() if a <= tip.height <= b), tip.height)
    return lowest if before is None else max(before + 1, lowest)


def _document(chain: str, watches: Sequence[Watch], tested: Tested, snapshot: str) -> dict[str, Any]:
    from tracer.watching.document import document

    rows: list[dict[str, Any]] = []
    for watch in watches:
        own = {kind: n for (i, kind), n in sorted(tested.counts.items()) if i == watch.watch_id}
        if own or len(watches) <= 1_000:
            rows.append({"id": watch.watch_id, "subject": watch.text, "label": watch.label, "alerts": own})
    rows.sort(key=lambda row: (-sum(row["alerts"].values()), str(row["id"])))
    return {
        "schema": "tracer.watch_backtest/1",
        "chain": chain,
        "blocks": {"from": tested.first_height, "to": tested.last_height, "count": tested.blocks},
        "intel_snapshot": snapshot,
        "watches": len(watches),
        "alerts": sum(tested.counts.values()),
        "by_watch": rows,
        "first_alerts": [document(event, revision=1) for event in tested.first],
    }


def _render(app: App, document: dict[str, Any]) -> None:
    from rich.table import Table

    blocks = document["blocks"]
    click.echo(
        f"{document['chain']}, blocks {blocks['from']} to {blocks['to']}: "
        f"{many(document['watches'], 'watch', 'es')} would have raised {many(document['alerts'], 'alert')}"
    )
    table = Table()
    for column in ("watch", "subject", "label", "alerts"):
        table.add_column(column)
    for row in document["by_watch"][:50]:
        said = ", ".join(f"{n:,} {kind}" for kind, n in row["alerts"].items()) or "none"
        table.add_row(row["id"], row["subject"], row["label"], said)
    app.console().print(whole(table))
    if len(document["by_watch"]) > 50:
        click.echo(f"and {len(document['by_watch']) - 50:,} more watches (--json shows all)")
