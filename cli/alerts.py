"""`tracer alerts`: what watches raised, who works on it, and getting it to where it should be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli import compose
from cli.alerts_export import export
from cli.alerts_replay import dispatch, replay
from cli.alerts_review import review
from cli.alerts_wanted import chosen, wanted_options
from cli.app import App, case_options, json_option, json_text, whole
from tracer.intel.claims import clean, most_closed

if TYPE_CHECKING:
    from tracer.watching.reviews import Wanted


@click.group()
def command() -> None:
    """List, show and work on alerts; send them again."""


command.add_command(review)
command.add_command(replay)
command.add_command(export)
command.add_command(dispatch)


@command.command("list")
@wanted_options
@click.option(
    "--limit", type=click.IntRange(1, 1_000_000), default=100, show_default=True, help="At most so many."
)
@case_options
@json_option
@click.pass_obj
def list_(app: App, /, limit: int, case_id: str, purpose: str, *, as_json: bool, **filters: Any) -> None:
    """List alerts, the newest first. All filters that are given must hold."""
    from tracer.state import State
    from tracer.watching import reviews

    with compose.case_question(app, "alerts list", [], case_id, purpose) as question:
        wanted: Wanted = chosen(filters)
        with State.open(app.workspace) as state:
            rows = reviews.listed(state, wanted, limit + 1)
        document = {
            "schema": "tracer.alerts/1",
            "tlp": most_closed(row["tlp"] for row in rows[:limit]),
            "more": len(rows) > limit,
            "alerts": rows[:limit],
        }
        question.answered(json_text(document).encode())
    app.emit(document, as_json, lambda shown: _render(app, shown))


@command.command("show")
@click.argument("alert")
@case_options
@json_option
@click.pass_obj
def show(app: App, alert: str, case_id: str, purpose: str, *, as_json: bool) -> None:
    """Show ALERT (its id, or the start of it): every revision, decisions, deliveries."""
    from tracer.state import State
    from tracer.watching import reviews

    with compose.case_question(app, "alerts show", [], case_id, purpose) as question:
        with State.open(app.workspace) as state:
            document = {"schema": "tracer.alert_record/1", **reviews.shown(state, reviews.find(state, alert))}
        question.answered(json_text(document).encode())
    app.emit(document, as_json, _render_one)


def _render(app: App, document: dict[str, Any]) -> None:
    from rich.table import Table

    from tracer.watching.notice import headline

    if not document["alerts"]:
        click.echo("No alerts of this kind.")
        return
    table = Table("raised", "alert", "status", "assignee", "what")
    for row in document["alerts"]:
        table.add_row(
            row["raised"], row["alert_id"][:16], row["status"], row["assignee"] or "", headline(row["alert"])
        )
    app.console().print(whole(table))
    if document["tlp"]:
        click.echo(f"marked {document['tlp']}")
    if document["more"]:
        click.echo("There are more: --limit N shows them, --since and the other filters narrow.")


def _render_one(document: dict[str, Any]) -> None:
    from tracer.watching.notice import prose

    click.echo(prose(document["alert"]), nl=False)
    click.echo(
        f"status: {document['status']}" + (f", {document['assignee']}" if document["assignee"] else "")
    )
    if document["tlp"]:
        click.echo(f"marked: {document['tlp']}")
    click.echo("revisions:")
    for row in document["revisions"]:
        said = row["alert"]
        state = ", ".join(str(word) for word in (said.get("chain_state"), said.get("validity")) if word)
        click.echo(f"  {row['revision']}  {row['recorded']}  {state}")
    for row in document["notes"]:
        who = f" -> {row['assignee']}" if row["assignee"] else ""
        click.echo(f"note  {row['time']}  {clean(row['by'])}: {row['status']}{who}  {clean(row['note'])}")
    for row in document["deliveries"]:
        at = row["delivered"] or row["due"] or ""
        why = f"  {row['last_error']}" if row["last_error"] else ""
        click.echo(
            f"sent  {row['channel']}  revision {row['revision']}: {row['state']} {at} ({row['attempts']}x){why}"
        )
