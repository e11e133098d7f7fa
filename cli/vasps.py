"""`tracer vasps`: services and what they ask of their customers, in and out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import compose
from cli.app import Advance, App, case_options, json_option, json_text, whole

if TYPE_CHECKING:
    from tracer.intel.claims import Reading, Vasp
    from tracer.intel.snapshot import Snapshot


@click.group()
def command() -> None:
    """Import and list services with their KYC level in time (formats: docs/formats.md)."""


@command.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@json_option
@click.pass_obj
def import_(app: App, files: tuple[Path, ...], as_json: bool) -> None:
    """Import services from CSV or YAML FILES; folders are taken recursively.

    Good rows go in; each bad row is named by file, line and reason, and the command ends with exit code 4.
    """
    from adapters.intel.readers import read_vasps
    from cli.importing import import_claims

    def read(path: Path, advance: Advance) -> Reading[Vasp]:
        return read_vasps(path, advance)

    import_claims(app, "vasps", files, read, as_json)


@command.command("list")
@click.argument("vasp_id", required=False)
@case_options
@json_option
@click.pass_obj
def list_(app: App, vasp_id: str | None, case_id: str, purpose: str, as_json: bool) -> None:
    """List services, all or the history of one VASP_ID: one row per dated statement.

    Asking for one VASP_ID is a question of a case: it leaves a line in the custody log.
    """
    if vasp_id is None:
        document = _document(compose.claims(app), None)
    else:
        with compose.case_question(app, "vasps list", [vasp_id], case_id, purpose) as question:
            snapshot = compose.claims(app)
            question.read(snapshot.id)
            document = _document(snapshot, vasp_id)
            question.answered(json_text(document).encode())
    app.emit(document, as_json, lambda found: _render(app, found))


def _document(snapshot: Snapshot, vasp_id: str | None) -> dict[str, Any]:
    import polars as pl

    rows = snapshot.vasps()
    if vasp_id is not None:
        rows = rows.filter(pl.col("vasp_id") == vasp_id)
    return {
        "schema": "tracer.vasps/1",
        "intel_snapshot": snapshot.id,
        "query": {"vasp_id": vasp_id},
        "vasps": [
            {name: None if value == "" else value for name, value in row.items()}
            for row in rows.iter_rows(named=True)
        ],
    }


def _render(app: App, document: dict[str, Any]) -> None:
    from rich.table import Table

    rows, asked = document["vasps"], document["query"]["vasp_id"]
    if not rows:
        click.echo("No services are loaded." if asked is None else f"No loaded list speaks of {asked}.")
        return
    table = Table("id", "name", "type", "KYC", "from", "to", "jurisdiction", "Monero", "assessed", "source")
    for row in rows:
        monero = {None: "unknown", True: "yes", False: "no"}[row["xmr_support"]]
        table.add_row(
            row["vasp_id"], row["name"], row["type"] or "", row["kyc_level"], row["valid_from"] or "",
            row["valid_to"] or "", row["jurisdiction"] or "", monero, row["assessed_at"] or "", row["source"],
        )  # fmt: skip
    app.console().print(whole(table))
    click.echo("The level that counts is the one on the day of the payment; unknown is not none.")
