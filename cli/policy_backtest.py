"""`tracer policy backtest`: try a policy on what was screened, on a file, or on the deposits of the last days."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import compose
from cli.app import App, at_option, case_options, intel_option, json_option, json_text, whole
from cli.policy_cases import deposits, examined, kept, of_file
from cli.policy_common import policy_named
from tracer.errors import UsageError

if TYPE_CHECKING:
    pass

CHUNK = 1_000
"""Subjects examined per opening of a ledger."""
MOST_LISTED = 10_000
DAY = 86_400


@click.command("backtest")
@click.option(
    "--days", type=click.IntRange(1, 36_600), metavar="N",
    help="Screenings kept, or deposits made, in the last N days; 30 when left out.",
)  # fmt: skip
@click.option(
    "--policy",
    "policy_name",
    metavar="NAME|FILE",
    default="default",
    show_default=True,
    help="The policy to try.",
)
@click.option(
    "--against", metavar="NAME|FILE",
    help="The policy to compare with. Left out: of kept screenings what was answered, else default.",
)  # fmt: skip
@click.option(
    "--file", "file", type=click.Path(path_type=Path), metavar="FILE",
    help="Try it on the subjects of a table, as `tracer screen --file` reads it.",
)  # fmt: skip
@click.option(
    "--deposits-to", "holder", metavar="HOLDER",
    help="Try it on all that arrived at an address, cluster:, tag: or vasp: of the last days.",
)  # fmt: skip
@click.option(
    "--chain", "chain_name", metavar="NAME", help="Chain of the holder, or of subjects that name none."
)
@click.option(
    "--own",
    multiple=True,
    metavar="ENTITY",
    help="Our own wallets: never counterparty, never looked through.",
)
@click.option(
    "--list", "listed", type=click.IntRange(0), default=50, show_default=True, help="Changes to print."
)
@click.option(
    "--evaluated-at",
    metavar="TIME",
    help="The end of the last days, and as of when lists must be young enough.",
)
@at_option
@intel_option
@case_options
@json_option
@click.pass_obj
def backtest(
    app: App,
    days: int | None,
    policy_name: str,
    against: str | None,
    file: Path | None,
    holder: str | None,
    chain_name: str | None,
    own: tuple[str, ...],
    listed: int,
    evaluated_at: str | None,
    at: str | None,
    intel: str | None,
    case_id: str,
    purpose: str,
    as_json: bool,
) -> None:
    """Try a policy on the past before it is put in force: alerts gained, alerts lost, and which.

    Kept screenings are judged again from what they hold, each subject once (its newest), by the lists and at the time
    they were judged with. Nothing is kept, and nothing is changed.
    """
    from cli.screening_common import moment
    from tracer.screening.backtest import Tally, document

    if file is not None and holder is not None:
        raise UsageError("a backtest is of a file or of deposits, not of both.")
    if file is not None and days is not None:
        raise UsageError("--days is of kept screenings and of deposits.", hint="Leave it out with --file.")
    compose.words(holder, *own)
    with compose.case_question(app, "policy backtest", (), case_id, purpose) as log:
        new = policy_named(policy_name)
        old = policy_named(against) if against else None
        if old is None and (file or holder):
            old = policy_named("default")
        for policy in (new, old):
            if policy is not None:
                log.read(f"policy {policy.id} {policy.sha256}")
        now = moment(evaluated_at)
        since = now - (days or 30) * DAY
        notes: list[str] = []
        tally = Tally(MOST_LISTED)
        if file is None and holder is None:
            source: dict[str, Any] = {"from": "kept"}
            found = kept(app, new, old, since, now, notes)
        else:
            assert old is not None
            subjects = (
                of_file(app, file, chain_name, notes, log)
                if file is not None
                else deposits(app, holder or "", chain_name, since, now, at, intel)
            )
            source = {"from": "file", "name": str(file)} if file else {"from": "deposits", "holder": holder}
            found = examined(app, subjects, new, old, own, now, at, intel, log)
        with app.progress("judging") as advance:
            for case in found:
                tally.add(case)
                advance(tally.count, 0)
        if not tally.count and source["from"] == "kept":
            raise UsageError(
                f"no screening is kept of the last {days or 30} days.",
                hint="Try more --days, --file or --deposits-to.",
            )
        said = document(
            tally, policy=new, against=old, source=source, days=None if file else days or 30, evaluated_at=now,
            notes=notes,
        )  # fmt: skip
        log.answered(json_text(said).encode())
    app.emit(said, as_json, lambda shown: _render(app, shown, listed))


def _render(app: App, said: dict[str, Any], most: int) -> None:
    from rich.table import Table

    old = said["against"]
    before = f"{old['id']} {old['version']}" if old else "as answered"
    after = f"{said['policy']['id']} {said['policy']['version']}"
    source = {"kept": "screenings kept", "file": "subjects of the file", "deposits": "deposits"}[
        said["subjects"]["from"]
    ]
    days = f" of the last {said['days']} days" if said["days"] else ""
    click.echo(f"{said['subjects']['count']} {source}{days}: {after} against {before}")
    table = Table("", before, after)
    for verdict, count in said["verdicts"]["before"].items():
        table.add_row(verdict, str(count), str(said["verdicts"]["after"][verdict]))
    alerts = said["alerts"]
    table.add_row(
        "alerts", str(alerts["before"]), f"{alerts['after']} (+{alerts['gained']} -{alerts['lost']})"
    )
    app.console().print(table)
    if said["changed"] and most:
        table = Table("subject", "from", "to", "rules gained", "rules lost")
        for row in said["changed"][:most]:
            table.add_row(
                _name(row["subject"]), row["from"], row["to"], ", ".join(row["rules_gained"]),
                ", ".join(row["rules_lost"]),
            )  # fmt: skip
        app.console().print(whole(table))
    if (rest := len(said["changed"]) + said["left_off"] - most) > 0:
        click.echo(f"{rest} more changes; --list or --json shows them.")
    for note in said["notes"]:
        click.echo(f"note: {note}")


def _name(subject: dict[str, Any]) -> str:
    place = subject["vout"] if subject["vout"] is not None else subject["transfer_index"]
    transfer = (
        f"{subject['txid']}:{place}" if place is not None else f"{subject['txid']}@{subject['address']}"
    )
    return f"{subject['chain']}:{transfer if subject['txid'] else subject['address']}"
