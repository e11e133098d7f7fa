"""`tracer alerts replay|dispatch`: sending alerts again, and sending what is due."""

from __future__ import annotations

import time
from typing import Any

import click

from cli import compose, dispatching
from cli.alerts_wanted import moment
from cli.app import App, case_options, json_option, json_text
from tracer.errors import UsageError


@click.command("replay")
@click.argument("alert", required=False)
@click.option(
    "--since", metavar="TIME", help="Recorded then or later: a UTC date or time, or 30m, 24h, 7d ago."
)
@click.option("--channel", metavar="NAME", help="On this channel only.")
@click.option("--dead", is_flag=True, help="Only what was given up.")
@click.option("--no-send", is_flag=True, help="Only put it into the outbox; whoever sends next sends it.")
@case_options
@json_option
@click.pass_obj
def replay(
    app: App, /, alert: str | None, *, since: str | None, channel: str | None, dead: bool, no_send: bool,
    case_id: str, purpose: str, as_json: bool,
) -> None:  # fmt: skip
    """Send alerts again, all of them since a time, or ALERT: the same bytes with the same ids, oldest first.

    Receivers tell repetitions by the id. What is on its way already is left alone.
    """
    from tracer.state import State
    from tracer.watching import outbox, reviews

    if alert is None and since is None and not dead:
        raise UsageError("which alerts?", hint="Give --since TIME, --dead, or an alert.")
    if channel is not None:
        dispatching.named(app, channel)
    with compose.case_question(app, "alerts replay", [], case_id, purpose) as question:
        with State.open(app.workspace) as state, state.transaction():
            found = reviews.find(state, alert) if alert is not None else None
            counts = outbox.replay(
                state, time.time(), since=moment(since), channel=channel, alert_id=found, dead=dead
            )
        document = {"schema": "tracer.alert_replay/1", "queued": sum(counts.values()), "channels": counts}
        question.answered(json_text(document).encode())
    if counts and not no_send:
        dispatching.send(app)
    app.emit(document, as_json, _render_replay)


@click.command("dispatch")
@click.option("--follow", is_flag=True, help="Go on with all that falls due until Ctrl-C.")
@json_option
@click.pass_context
def dispatch(ctx: click.Context, *, follow: bool, as_json: bool) -> None:
    """Send what is due now; `tracer watch run` does so too. Exit code 3 where a channel did not take something."""
    import signal

    app: App = ctx.obj
    app.workspace.ready()
    if follow:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with dispatching.dispatching(app) as sending:
            try:
                while True:
                    sending.check()
                    time.sleep(0.5)
            except KeyboardInterrupt:
                app.say("stopping; what is on its way is finished")
        return
    summary = dispatching.send(app)
    document = {
        "schema": "tracer.dispatch/1", "delivered": summary.delivered, "put_off": summary.put_off,
        "dead": summary.dead, "troubles": dict(sorted(summary.troubles.items())),
    }  # fmt: skip
    if as_json:
        app.emit(document, as_json, lambda _: None)
    else:
        app.say(f"{summary.delivered} delivered, {summary.put_off} put off, {summary.dead} given up")
    if summary.troubles:
        ctx.exit(3)


def _render_replay(document: dict[str, Any]) -> None:
    if not document["queued"]:
        click.echo("Nothing to send again.")
    for name, count in document["channels"].items():
        click.echo(f"{name}: {count} sent again, or waiting to be")
