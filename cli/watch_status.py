"""`tracer watch status`: how far chains are watched, for people and for a monitor from outside."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from cli import compose
from cli.app import App, json_option
from cli.trace_answer import many
from cli.watch_options import age

if TYPE_CHECKING:
    from tracer.state import State


@click.command("status")
@click.option(
    "--max-lag", metavar="TIME", help="Exit with 3 where no new block was watched for so long, e.g. 30m."
)
@json_option
@click.pass_context
def status(ctx: click.Context, max_lag: str | None, as_json: bool) -> None:
    """Show how far each chain is watched, what is in the record and what waits to be sent."""
    from tracer.state import State
    from tracer.watching import alerts, outbox, store
    from tracer.watching.model import utc

    app: App = ctx.obj
    limit = None if max_lag is None else age(max_lag, "--max-lag")
    now = time.time()
    with State.open(app.workspace) as state:
        rows = [_row(app, state, name, limit, now) for name in store.chains(state)]
        document = {
            "schema": "tracer.watch_status/1",
            "evaluated_at": utc(now),
            "max_lag_seconds": None if limit is None else int(limit),
            "watches": store.count(state),
            "chains": rows,
            **alerts.counted(state),
            "purged": len(store.purges(state)),
            "channels": outbox.health(state),
        }
    app.emit(document, as_json, _render)
    if any(row["lagging"] for row in rows):
        ctx.exit(3)


def _row(app: App, state: State, name: str, limit: float | None, now: float) -> dict[str, Any]:
    from tracer.watching import cursor, store
    from tracer.watching.model import utc
    from tracer.watching.stalled import lag

    at, behind, problem = cursor.cursor(state, name), None, "nothing of this chain was read yet"
    if at is not None and app.workspace.chain_file(name).exists():
        with compose.open_ledger(app, name) as ledger:
            tip = ledger.read_to()
        behind = None if tip is None else max(0, tip - at.height)
        problem = cursor.below(at, tip) if tip is None or tip < at.height else at.problem
    elif at is not None:
        problem = cursor.below(at, None)
    seconds, old = (None, 0.0) if at is None else (lag(at, now), now - at.time)
    return {
        "chain": name,
        "watches": store.count(state, name),
        "height": at.height if at else None,
        "block_hash": at.hash if at else None,
        "block_time": utc(at.time) if at else None,
        "blocks_behind": behind,
        "last_look": at.read if at else None,
        "last_new_block": at.fresh if at else None,
        "lag_seconds": None if seconds is None else int(seconds),
        "lagging": limit is not None
        and (seconds is None or seconds > limit or (bool(behind) and old > limit)),
        "full_trails": store.full_trails(state, name),
        "problem": problem or None,
    }


def _render(document: dict[str, Any]) -> None:
    click.echo(
        f"{many(document['watches'], 'watch', 'es')}, {many(document['alerts'], 'alert')}, {document['open']:,} open"
    )
    for row in document["chains"]:
        at = "nothing read yet" if row["height"] is None else f"up to {row['height']} ({row['block_time']})"
        behind = f", {row['blocks_behind']:,} blocks behind the ledger" if row["blocks_behind"] else ""
        lag = "" if row["lag_seconds"] is None else f", last new block {row['lag_seconds']:,} s ago"
        mark = " LAGS" if row["lagging"] else ""
        click.echo(f"{row['chain']}: {many(row['watches'], 'watch', 'es')}, {at}{behind}{lag}{mark}")
        if row["full_trails"]:
            click.echo(
                f"  {many(row['full_trails'], 'full trail')} with outputs left out (`tracer watch list --json`)"
            )
        if row["problem"]:
            click.echo(f"  {row['problem']}")
    for channel in document["channels"]:
        if channel["waiting"] or channel["dead"]:
            click.echo(
                f"channel {channel['channel']}: {channel['waiting']:,} wait, {channel['dead']:,} dead letters"
            )
