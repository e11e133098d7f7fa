"""`tracer channels`: where alerts can go, whether they arrive there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from cli import dispatching
from cli.app import App, json_option, whole
from tracer.errors import UsageError

if TYPE_CHECKING:
    from tracer.watching.sink import Channel, Envelope


@click.group()
def command() -> None:
    """Show and test the channels that alerts go out on (channels.toml in the workspace)."""


def known(app: App) -> set[str] | None:
    """Names of the channels there are; None where the workspace has no `channels.toml`."""
    found = dispatching.configured(app)
    return None if found is None else set(found.channels)


def default_channels(app: App) -> list[str]:
    """Channels of watches that name none."""
    found = dispatching.configured(app)
    return [] if found is None else found.defaults()


@command.command("list")
@json_option
@click.pass_obj
def list_(app: App, *, as_json: bool) -> None:
    """List the channels: what goes there, what waits, when something was last taken. Secrets are not read."""
    from tracer.state import State
    from tracer.watching import outbox

    there = dispatching.channels(app)
    health = {}
    if app.workspace.state.exists():
        with State.open(app.workspace) as state:
            health = {row["channel"]: row for row in outbox.health(state)}
    rows = [_row(channel, health.pop(name, {})) for name, channel in there.items()]
    strangers = [
        {"channel": name, "waiting": row["waiting"], "dead": row["dead"]}
        for name, row in sorted(health.items())
        if row["waiting"] or row["dead"]
    ]
    document = {"schema": "tracer.channels/1", "channels": rows, "unknown": strangers}
    app.emit(document, as_json, lambda shown: _render(app, shown))


@command.command("test")
@click.argument("names", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Every channel.")
@json_option
@click.pass_context
def test(ctx: click.Context, names: tuple[str, ...], *, every: bool, as_json: bool) -> None:
    """Send a test alert to NAMES now; exit code 3 where one was not taken.

    A channel that its receiver had taken down (HTTP 410) is used again once a test of it was taken. What is
    dead then goes out by `tracer alerts replay --dead --channel NAME`.
    """
    from tracer.state import State
    from tracer.watching import outbox

    app: App = ctx.obj
    if not names and not every:
        raise UsageError("no channel was named.", hint="Name some, or give --all.")
    chosen = list(dispatching.channels(app).values()) if every else [dispatching.named(app, n) for n in names]
    rows = []
    for channel in chosen:
        now = time.time()
        problem = _try(channel, now)
        if problem is None:
            with State.open(app.workspace) as state, state.transaction():
                outbox.answered(state, channel.name, now)
        rows.append(
            {"channel": channel.name, "kind": channel.kind, "taken": problem is None, "problem": problem}
        )
    document = {"schema": "tracer.channel_test/1", "channels": rows}
    app.emit(document, as_json, _render_test)
    if not all(row["taken"] for row in rows):
        ctx.exit(3)


def _try(channel: Channel, now: float) -> str | None:
    """Send a test; the reason where it was not taken."""
    from tracer.watching.sink import Refused, Retry

    try:
        sink = channel.open()
        try:
            sink.send(_test_alert(channel, now), now=now)
        finally:
            sink.close()
    except (Retry, Refused) as problem:
        return problem.why
    return None


def _test_alert(channel: Channel, now: float) -> Envelope:
    """Like the daily test, in no record."""
    from tracer.watching import notice, upkeep
    from tracer.watching.document import document, encoded
    from tracer.watching.model import SYSTEM, Raised

    details = {"test": True, "note": "A test of this channel: nothing happened."}
    event = Raised(SYSTEM, upkeep.TEST, f"channel|{channel.name}|{now}", "low", "", details=details)
    text = encoded(document(event, revision=1))
    return notice.envelope(channel, notice.Told(event.alert_id, 1, text, "", False))


def _row(channel: Channel, health: dict[str, Any]) -> dict[str, Any]:
    from tracer.watching.model import utc

    def time_of(name: str) -> str | None:
        return None if health.get(name) is None else utc(health[name] / 1000)

    return {
        "channel": channel.name, "kind": channel.kind,
        "content": "all" if channel.internal else "id only" if channel.third_party and not channel.allow_content
        else "all but protected",
        "digest_seconds": channel.digest or None, "cooldown_seconds": channel.cooldown or None,
        "waiting": health.get("waiting", 0), "oldest": time_of("oldest"), "dead": health.get("dead", 0),
        "last_taken": time_of("delivered"), "last_failed": time_of("failed"),
        "taken_down": time_of("disabled"), "reason": health.get("reason") or None,
    }  # fmt: skip


def _render(app: App, document: dict[str, Any]) -> None:
    from rich.table import Table

    if not document["channels"]:
        click.echo("No channels: the workspace has no channels.toml, or it names none (docs/alerting.md).")
    else:
        table = Table("channel", "kind", "content", "waiting", "dead", "last taken", "last failed", "reason")
        for row in document["channels"]:
            table.add_row(
                row["channel"], row["kind"], row["content"], str(row["waiting"]), str(row["dead"]),
                row["last_taken"] or "never", row["last_failed"] or "", row["reason"] or "",
            )  # fmt: skip
        app.console().print(whole(table))
    for row in document["unknown"]:
        click.echo(f"{row['channel']}: no such channel; {row['waiting']} wait for it, {row['dead']} are dead")


def _render_test(document: dict[str, Any]) -> None:
    for row in document["channels"]:
        click.echo(f"{row['channel']} ({row['kind']}): {'taken' if row['taken'] else row['problem']}")
