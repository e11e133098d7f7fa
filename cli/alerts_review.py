"""`tracer alerts review`: who works on an alert, and what was decided."""

from __future__ import annotations

import time
from typing import Any

import click

from cli import compose
from cli.alerts_wanted import STATUSES
from cli.app import App, case_options, json_option, json_text
from tracer.errors import UsageError


@click.command("review")
@click.argument("alerts", nargs=-1, required=True)
@click.option("--status", type=click.Choice(STATUSES), help="What it is now.")
@click.option("--assignee", metavar="NAME", help="Who works on it; '' is nobody.")
@click.option("--note", default="", metavar="TEXT", help="Why.")
@click.option("--by", required=True, metavar="NAME", help="Who says so.")
@case_options
@json_option
@click.pass_obj
def review(
    app: App, /, alerts: tuple[str, ...], *, status: str | None, assignee: str | None, note: str, by: str,
    case_id: str, purpose: str, as_json: bool,
) -> None:  # fmt: skip
    """Write down what was decided about ALERTS (ids, or their starts): all of them, or none.

    What an alert says stays as it is. Each decision is kept with who made it and when, here and in the custody log.
    """
    from tracer.state import State
    from tracer.watching import reviews

    if status is None and assignee is None and not note:
        raise UsageError("nothing was decided.", hint="Give --status, --assignee or --note.")
    compose.words(assignee, note, by)
    with compose.case_question(app, "alerts review", [], case_id, purpose) as question:
        with State.open(app.workspace) as state, state.transaction():
            found = dict.fromkeys(reviews.find(state, text) for text in alerts)
            rows = [
                reviews.review(
                    state, alert_id, by=by, now=time.time(), status=status, assignee=assignee, note=note
                )
                for alert_id in found
            ]
        document = {"schema": "tracer.alert_reviews/1", "by": by, "note": note or None, "alerts": rows}
        question.answered(json_text(document).encode())
    app.emit(document, as_json, _render)


def _render(document: dict[str, Any]) -> None:
    for row in document["alerts"]:
        who = f", {row['assignee']}" if row["assignee"] else ""
        click.echo(f"{row['alert_id'][:16]}: {row['before']} -> {row['status']}{who}")
