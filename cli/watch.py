"""`tracer watch`: look at addresses, clusters and labels block by block, and raise alerts nobody loses."""

from __future__ import annotations

from typing import Any

import click

from cli import watch_backtest, watch_run, watch_status
from cli.app import App, json_option, whole
from cli.trace_answer import many
from cli.watch_add import add


@click.group()
def command() -> None:
    """Watch addresses, clusters and labels: alerts for what they do in new blocks."""


for verb in (add, watch_run.run, watch_status.status, watch_backtest.backtest):
    command.add_command(verb)


@command.command("list")
@click.option("--chain", metavar="CHAIN", help="Only watches of this chain.")
@click.option("--purged", is_flag=True, help="Those that are gone, and why, instead.")
@json_option
@click.pass_obj
def list_(app: App, chain: str | None, purged: bool, as_json: bool) -> None:
    """List watches, or those that were removed or expired."""
    from dataclasses import asdict

    from cli import compose
    from tracer.state import State
    from tracer.watching import store

    name = compose.chain(chain).name if chain else None
    with State.open(app.workspace) as state:
        rows = (
            [asdict(gone) for gone in store.purges(state) if name in (None, gone.chain)]
            if purged
            else [shown(watch) for watch in store.watches(state, name)]
        )
    document = {"schema": "tracer.watch_purges/1" if purged else "tracer.watches/1", "watches": rows}
    app.emit(document, as_json, lambda d: _render_list(app, d))


@command.command("show")
@click.argument("watch_id", metavar="WATCH")
@json_option
@click.pass_obj
def show(app: App, watch_id: str, as_json: bool) -> None:
    """Show one watch with all it was given; WATCH is the beginning of its id."""
    from tracer.state import State
    from tracer.watching import store

    with State.open(app.workspace) as state:
        whole_id = store.find(state, watch_id)
        (found,) = [watch for watch in store.watches(state) if watch.watch_id == whole_id]
    app.emit({"schema": "tracer.watch/1", **shown(found)}, as_json, lambda d: _render_one(app, d))


@command.command("remove")
@click.argument("watch_ids", metavar="WATCH...", nargs=-1, required=True)
@click.option("--by", required=True, metavar="NAME", help="Who takes it out.")
@click.option("--reason", default="removed", metavar="TEXT", help="Why.")
@click.option("--with-alerts", is_flag=True, help="Delete the alerts it raised too, sent or not.")
@json_option
@click.pass_obj
def remove(
    app: App, watch_ids: tuple[str, ...], by: str, reason: str, with_alerts: bool, as_json: bool
) -> None:
    """Stop watches and forget what they watched; that it was done is kept. Alerts stay, and still go out."""
    import time

    from cli import compose
    from tracer.state import State
    from tracer.watching import store
    from tracer.watching.model import utc

    compose.words(by, reason)
    with compose.case_question(app, "watch remove", (), "", reason) as log:
        with State.open(app.workspace) as state:
            ids = [store.find(state, start) for start in dict.fromkeys(watch_ids)]
            with state.transaction():
                store.purge(state, ids, f"{reason} (by {by})", utc(time.time()), with_alerts=with_alerts)
        document = {"schema": "tracer.watch_removed/1", "removed": ids, "with_alerts": with_alerts}
        log.answered(" ".join(ids).encode())
    app.emit(document, as_json, lambda d: click.echo(f"{many(len(d['removed']), 'watch', 'es')} removed"))


def shown(watch: Any) -> dict[str, Any]:
    """A watch, as documents tell it."""
    from dataclasses import asdict

    settings = asdict(watch.settings)
    units = settings["min_units"]
    return {
        "id": watch.watch_id,
        "chain": watch.chain,
        "subject": watch.text,
        "on": list(watch.alert_types),
        "label": watch.label,
        "tags": list(watch.tags),
        "settings": settings | {"min_units": None if units is None else str(units)},
        "channels": list(watch.channels),
        "case": watch.case_id or None,
        "basis": watch.basis or None,
        "owner": watch.owner or None,
        "tlp": watch.tlp or None,
        "added": watch.added,
        "expires": watch.expires or None,
        "above_height": watch.start_height,
        "overgrown_at": watch.overgrown,
        "trail_full_at": watch.trail_full,
    }


def _render_list(app: App, document: dict[str, Any]) -> None:
    from rich.table import Table

    rows = document["watches"]
    if not rows:
        click.echo("none")
        return
    purged = document["schema"].startswith("tracer.watch_purges")
    columns = (
        ("watch_id", "chain", "purged", "reason", "case_id", "alerts")
        if purged
        else ("id", "chain", "subject", "on", "label", "case", "expires")
    )
    table = Table()
    for column in columns:
        table.add_column(column.replace("_", " "))
    for row in rows:
        cells = (row[column] for column in columns)
        table.add_row(*(", ".join(c) if isinstance(c, list) else str(c or "") for c in cells))
    app.console().print(whole(table))


def _render_one(app: App, document: dict[str, Any]) -> None:
    from rich.table import Table

    table = Table(show_header=False)
    for key, value in document.items():
        if key not in ("schema", "settings") and value not in (None, "", []):
            table.add_row(key.replace("_", " "), ", ".join(value) if isinstance(value, list) else str(value))
    for key, value in document["settings"].items():
        if value not in (None, "", 0):
            table.add_row(key.replace("_", " "), str(value))
    app.console().print(whole(table))
