"""`tracer screenings`: what was screened and kept, what people decided on it, and what became of it."""

from __future__ import annotations

from typing import Any

import click

from cli import compose
from cli import screenings_common as common
from cli.app import App, case_options, json_option, json_text, whole
from cli.screenings_except import approve, except_, exceptions, withdraw
from cli.screenings_out import export, purge
from cli.screenings_rescan import rescan
from cli.screenings_review import review


@click.group()
def command() -> None:
    """List, show, decide, screen again, export and purge screenings that were kept."""


for _each in (review, except_, exceptions, approve, withdraw, rescan, export, purge):
    command.add_command(_each)


@command.command("list")
@common.filter_options
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Most that are listed."
)
@case_options
@json_option
@click.pass_obj
def list_(
    app: App, *, verdict: str | None, status: str | None, subject: str | None, chain_name: str | None,
    since: str | None, until: str | None, of_case: str | None, limit: int, case_id: str, purpose: str, as_json: bool,
) -> None:  # fmt: skip
    """List kept screenings, newest first."""
    from tracer.state import State

    with compose.case_question(app, "screenings list", (), case_id, purpose) as question:
        found = common.filters(
            verdict=verdict, status=status, subject=subject, chain_name=chain_name, since=since, until_text=until,
            of_case=of_case,
        )  # fmt: skip
        with State.open(app.workspace) as state:
            records = list(common.chosen_records(state, found, limit + 1))
        records.sort(key=lambda record: (-record.kept, -record.seq))
        document = {
            "schema": "tracer.screenings/1",
            "screenings": [common.brief(record) for record in records[:limit]],
            "more": len(records) > limit,
        }
        question.answered(json_text(document).encode())
    app.emit(document, as_json, lambda shown: _render(app, shown))


@command.command("show")
@click.argument("screening_id", metavar="ID")
@click.option(
    "--document", "alone", is_flag=True, help="Print the document that was answered, and nothing else."
)
@case_options
@json_option
@click.pass_obj
def show(app: App, *, screening_id: str, alone: bool, case_id: str, purpose: str, as_json: bool) -> None:
    """Show one kept screening with what was decided on it. ID may be cut short."""
    from tracer.screening.kept import decisions, store
    from tracer.state import State

    with compose.case_question(app, "screenings show", (), case_id, purpose) as question:
        with State.open(app.workspace) as state:
            record = store.find(state, screening_id)
            past = decisions.history(state, record.screening_id)
        question.read(f"screening:{record.screening_id}")
        question.used(record.document.get("claims", ()))
        document = record.document if alone else common.whole_record(record, past)
        question.answered(json_text(document).encode())
    app.emit(document, as_json or alone, lambda shown: _render_one(app, shown))


def _render(app: App, document: dict[str, Any]) -> None:
    from rich.table import Table

    rows = document["screenings"]
    if not rows:
        click.echo("No screening is kept that is so.")
        return
    table = Table("id", "kept", "verdict", "status", "subject", "rules", "case")
    for row in rows:
        judged = row["policy_verdict"]
        table.add_row(
            row["screening_id"][:16],
            row["kept_at"],
            row["verdict"] if judged == row["verdict"] else f"{row['verdict']} ({judged} by the policy)",
            row["status"],
            f"{row['chain']}:{row['subject']}",
            ", ".join(row["rules"]),
            row["case"] or "",
        )
    app.console().print(whole(table))
    if document["more"]:
        click.echo(f"These are the newest {len(rows):,}; --limit shows more.")


def _render_one(app: App, document: dict[str, Any]) -> None:
    from rich.table import Table

    said = document["screening"]
    subject = said["subject"]
    name = subject["address"] if subject["kind"] != "transfer" else f"{subject['txid']}:{subject['vout']}"
    click.echo(f"screening {said['screening_id']}")
    click.echo(f"{subject['kind']} {subject['chain']}:{name}, {subject['direction']}")
    judged = said.get("policy_verdict")
    click.echo(
        f"verdict {said['verdict']}{f' ({judged} by the policy)' if judged else ''}, risk {said['risk'] or '-'}"
    )
    for reason in said["risk_reasons"]:
        click.echo(f"  {reason}")
    for row in said.get("exceptions", ()):
        covers = f"covers {', '.join(row['covers'])}" if row["covers"] else "covers nothing"
        again = f"; fired again: {'; '.join(row['fired_again'])}" if row["fired_again"] else ""
        click.echo(f"exception {row['exception_id']} {covers}{again}")
    if said["handling"] == "protect":
        click.echo("Handle with protection: the payer may be a victim.")
    click.echo(f"policy {said['policy']['id']}@{said['policy']['version']}, evaluated {said['evaluated_at']}")
    click.echo(f"coverage {said['coverage']['status']}, claims {said['intel_snapshot']}")
    click.echo(f"status {document['status']}, kept {document['kept_at']}, case {document['case'] or '-'}")
    if document["decisions"]:
        table = Table("#", "time", "by", "decision", "status", "reason")
        for row in document["decisions"]:
            table.add_row(
                str(row["number"]), row["time"], row["by"], row["decision"], row["status"], row["reason"]
            )
        app.console().print(whole(table))
