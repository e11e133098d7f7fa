"""`tracer vasps`: services and what they ask of their customers, in and out."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import compose
from cli.app import Advance, App, case_options, intel_option, json_option, json_text, whole
from cli.importing import import_options
from cli.tags_text import not_read
from tracer.errors import StoreUnwritable, UsageError

if TYPE_CHECKING:
    import polars as pl

    from tracer.intel.reading import Reading
    from tracer.intel.snapshot import Snapshot


@click.group()
def command() -> None:
    """Import, list and export services with their KYC level in time (formats: docs/formats.md)."""


@command.command("import")
@click.option("--starter", is_flag=True, help="Import the starter register that comes with this program.")
@import_options
@click.pass_obj
def import_(
    app: App,
    files: tuple[Path, ...],
    list_name: str,
    published: str,
    *,
    starter: bool,
    strict: bool,
    as_json: bool,
) -> None:
    """Import services from FILES: CSV, YAML or KYCNot JSON; folders are taken recursively.

    Good rows go in; each bad row is named by file, line and reason, and the command ends with exit code 4.
    """
    if starter:
        from importlib.resources import as_file
        from importlib.resources import files as resources

        if files:
            raise UsageError("--starter brings its own file: give no others.")
        app.say(
            "the starter register is a start: few services, as of its dates; docs/register.md says how it was made"
        )
        with as_file(resources("adapters.intel") / "starter" / "vasps.csv") as path:
            files, list_name = (path,), list_name or "tracer-starter-register"
            _import(app, files, list_name, published, strict=strict, as_json=as_json)
        return
    if not files:
        raise UsageError("name at least one file or folder.", hint="--starter imports the starter register.")
    _import(app, files, list_name, published, strict=strict, as_json=as_json)


def _import(
    app: App, files: tuple[Path, ...], list_name: str, published: str, *, strict: bool, as_json: bool
) -> None:
    from cli.importing import import_claims

    def read(path: Path, advance: Advance) -> Reading:
        return compose.read_claims(path, ("vasps",), advance, list_name=list_name, published=published)

    import_claims(app, "vasps", files, read, list_name=list_name, strict=strict, as_json=as_json)


@command.command("list")
@click.argument("vasp_id", required=False)
@click.option("--at", "day", metavar="DATE", help="The level of each service on this day (ISO date).")
@intel_option
@case_options
@json_option
@click.pass_obj
def list_(
    app: App,
    vasp_id: str | None,
    day: str | None,
    intel: str | None,
    case_id: str,
    purpose: str,
    *,
    as_json: bool,
) -> None:
    """List services, all or the history of one VASP_ID: one row per dated statement.

    Asking for one VASP_ID or for a day is a question of a case: it leaves a line in the custody log.
    """
    if not (vasp_id or day or case_id or purpose):
        document = _document(compose.claims(app, intel), None, day)
    else:
        asked = [*([vasp_id] if vasp_id else []), *([f"--at={day}"] if day else [])]
        with compose.case_question(app, "vasps list", asked, case_id, purpose) as question:
            compose.words(vasp_id)
            snapshot = compose.claims(app, intel)
            question.read(snapshot.id)
            document = _document(snapshot, vasp_id, day)
            question.used(row["claim_id"] for row in document["vasps"])
            question.answered(json_text(document).encode())
    app.emit(document, as_json, lambda found: _render(app, found))


def _document(snapshot: Snapshot, vasp_id: str | None, day: str | None) -> dict[str, Any]:
    import polars as pl

    from tracer.intel import kyc
    from tracer.intel.claims import Vasp, from_row, most_closed

    rows = snapshot.vasps()
    if vasp_id is not None:
        rows = rows.filter(pl.col("vasp_id") == vasp_id)
    shown = []
    for row in rows.iter_rows(named=True):
        claim = from_row("vasps", row)
        interval = list(kyc.evidence_interval(claim)) if isinstance(claim, Vasp) else None
        said = {name: None if value == "" else value for name, value in row.items()}
        shown.append(said | {"evidence_interval": interval})
    document: dict[str, Any] = {
        "schema": "tracer.vasps/1",
        "intel_snapshot": snapshot.id,
        "query": {"vasp_id": vasp_id, "at": day},
        "tlp": most_closed(row["tlp"] for row in shown),
        "lists": snapshot.lists("vasps"),
        "vasps": shown,
    }
    if day is not None:
        document["levels"] = _levels(snapshot, rows, _iso(day))
    return document


def _iso(day: str) -> str:
    from tracer.flow.question import seconds, utc

    return (utc(seconds(day)) or "")[:10]


def _levels(snapshot: Snapshot, rows: pl.DataFrame, day: str) -> list[dict[str, Any]]:
    found = []
    for vasp_id in sorted(set(rows["vasp_id"].to_list())):
        kyc, vasp = snapshot.kyc_at(vasp_id, day), snapshot.vasp(vasp_id, day)
        found.append(
            {
                "vasp_id": vasp_id,
                "name": vasp.name if vasp else vasp_id,
                "kyc_level": str(kyc.level),
                "kyc_last_known": str(kyc.last_known) if kyc.last_known else None,
                "kyc_interval": list(kyc.interval) if kyc.interval else None,
                "disagreeing": list(kyc.disagreeing),
                "claims": list(kyc.claims),
            }
        )
    return found


@command.command("export")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="CSV file to write.")
@intel_option
@case_options
@json_option
@click.pass_obj
def export(app: App, *, out: Path, intel: str | None, case_id: str, purpose: str, as_json: bool) -> None:
    """Write the register as CSV; importing it gives the same claims. TLP:RED rows are left out and counted."""
    import polars as pl

    from adapters.intel.register import register
    from tracer.intel.claims import RED, most_closed
    from tracer.intel.files import write_whole

    with compose.case_question(app, "vasps export", [f"--out={out}"], case_id, purpose) as question:
        snapshot = compose.claims(app, intel)
        question.read(snapshot.id)
        rows = snapshot.vasps()
        kept = rows.filter(pl.col("tlp") != RED)
        text = register(kept)
        document = {
            "schema": "tracer.export/1",
            "intel_snapshot": snapshot.id,
            "tlp": most_closed(kept["tlp"].to_list()),
            "files": [{"file": out.name, "bytes": len(text), "sha256": hashlib.sha256(text).hexdigest()}],
            "vasps": kept.height,
            "left_out": {
                "tlp_red": rows.height - kept.height,
                "not_read": sum(entry.rows for entry in snapshot.unreadable() if entry.kind == "vasps"),
            },
        }
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            write_whole(out, text)
        except OSError as error:
            raise StoreUnwritable(
                f"cannot write {out}: {error.strerror}.", hint="Choose another file."
            ) from error
        question.used(kept["claim_id"].to_list())
        question.answered(json_text(document).encode())

    def render(shown: dict[str, Any]) -> None:
        left = shown["left_out"]
        click.echo(
            f"{shown['vasps']:,} rows in {out}; left out: {left['tlp_red']} TLP:RED rows, {left['not_read']} that you "
            "may not read"
        )
        if shown["tlp"]:
            click.echo(
                f"It holds rows marked {shown['tlp']}: pass them on to nobody whom that does not allow."
            )

    app.emit(document, as_json, render)


def _render(app: App, document: dict[str, Any]) -> None:
    from rich.table import Table

    rows, asked = document["vasps"], document["query"]["vasp_id"]
    not_read(document["lists"])
    if not rows:
        click.echo("No services are loaded." if asked is None else f"No loaded list speaks of {asked}.")
        return
    if "levels" in document:
        _render_levels(app, document)
        return
    table = Table("id", "name", "type")
    for column in ("KYC", "from", "to", "status"):
        table.add_column(column, no_wrap=True)
    table.add_column("where")
    table.add_column("Monero")
    table.add_column("assessed", no_wrap=True)
    for row in rows:
        monero = {None: "unknown", True: "yes", False: "no"}[row["xmr_support"]]
        since, until = row["evidence_interval"]
        table.add_row(
            row["vasp_id"], row["name"], row["type"] or "", row["kyc_level"], since, until, row["status"] or "",
            row["jurisdiction"] or "", monero, row["assessed_at"] or "",
        )  # fmt: skip
    app.console().print(whole(table))
    if asked is None:
        click.echo("`tracer vasps list ID` shows sources and all else that is said.")
    else:
        _render_more(rows)
    click.echo("The level that counts is the one on the day of the payment; outside its dates it is unknown,")
    click.echo("and unknown is not none.")


def _render_levels(app: App, document: dict[str, Any]) -> None:
    from rich.table import Table

    day = document["query"]["at"]
    table = Table("id", "name", f"KYC on {day}", "last known", "evidence")
    for row in document["levels"]:
        level = row["kyc_level"] + (f" ({', '.join(row['disagreeing'])})" if row["disagreeing"] else "")
        between = " to ".join(row["kyc_interval"]) if row["kyc_interval"] else ""
        table.add_row(row["vasp_id"], row["name"], level, row["kyc_last_known"] or "", between)
    app.console().print(whole(table))
    click.echo("Unknown is not none.")


def _render_more(rows: list[dict[str, Any]]) -> None:
    """What is known beyond the table, under each name once."""
    told = (
        "source", "names", "legal_entity", "lei", "jurisdiction_licensed", "jurisdiction_operating", "licences",
        "kyc_threshold_usd", "travel_rule", "enforcement", "successor", "nested_in", "legal_contact", "records_holder",
        "retention", "evidence_url", "evidence_sha256", "captured_at", "confidence", "assessor", "next_review", "note",
    )  # fmt: skip
    for name in told:
        for value in dict.fromkeys(row[name] for row in rows if row[name]):
            click.echo(f"  {name.replace('_', ' ')}: {value}")
