"""`tracer screenings review`: a decision on a kept screening, by one person or by two."""

from __future__ import annotations

from typing import Any

import click

from cli import compose
from cli import screenings_common as common
from cli.app import App, case_options, json_option, json_text
from tracer.errors import UsageError


@click.command("review")
@click.argument("screening_id", metavar="ID")
@click.option(
    "--decision",
    required=True,
    type=click.Choice(["accept", "reject", "escalate", "exception", "reopen"]),
    help="exception: accept it, and let the same pass from now on, up to what was seen.",
)
@common.person_options
@click.option("--expires", metavar="DATE|DAYS", help="Of an exception: when it ends (90d, 2027-01-31).")
@case_options
@json_option
@click.pass_obj
def review(
    app: App, *, screening_id: str, decision: str, by: str, reason: str, expires: str | None, case_id: str,
    purpose: str, as_json: bool,
) -> None:  # fmt: skip
    """Decide on a kept screening. ID may be cut short.

    Where the policy asks for a second person, the decision waits (`pending_second`) until another one, with another
    --by, gives the same.
    """
    from tracer.screening.kept import decisions, store
    from tracer.state import State

    choice = next(each for each in decisions.CHOICES if each == decision)
    with compose.case_question(app, "screenings review", (), case_id, purpose) as question:
        compose.words(by, reason, case_id)
        if expires is not None and choice != "exception":
            raise UsageError(
                "--expires is of an exception.", hint="Say --decision exception, or leave it out."
            )
        who = common.person(by)
        with State.open(app.workspace) as state:
            record = store.find(state, screening_id)
            question.read(f"screening:{record.screening_id}")
            question.used(record.document.get("claims", ()))
            terms = None
            if choice == "exception" and expires is not None:
                terms = decisions.terms_of(
                    record, expires=common.expiry(expires), reason=reason, case_id=case_id
                )
            made = decisions.decide(
                state,
                record.screening_id,
                choice,
                who,
                reason,
                now=common.now(),
                terms=terms,
                case_id=case_id,
            )
            past = decisions.history(state, record.screening_id)
        document = {
            "schema": "tracer.screening_decision/1",
            "screening_id": record.screening_id,
            "verdict": record.verdict,
            "status": made.status,
            "decision": decisions.plain(made),
            "history": [decisions.plain(each) for each in past],
        }
        question.answered(json_text(document).encode())
    app.emit(document, as_json, _render)


def _render(document: dict[str, Any]) -> None:
    made = document["decision"]
    click.echo(f"{document['screening_id'][:16]} ({document['verdict']}): {made['decision']} by {made['by']}")
    if document["status"] == "pending_second":
        click.echo("The policy asks for a second person: it waits until another one decides the same.")
    else:
        click.echo(f"status {document['status']}")
    if made["exception"]:
        click.echo(f"exception {made['exception']}")
