"""`tracer alerts export`: the record of alerts for other tools."""

from __future__ import annotations

import csv
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import click

from cli import compose
from cli.alerts_wanted import chosen, wanted_options
from cli.app import App, case_options, drop_output
from tracer.errors import StoreUnwritable

COLUMNS = (
    "alert_id", "revision", "raised", "revised", "alert_type", "severity", "status", "assignee", "chain", "txid",
    "chain_state", "validity", "late", "height", "direction", "asset", "amount", "base_units", "watch_id", "label",
    "case", "tlp", "protected",
)  # fmt: skip


@click.command("export")
@wanted_options
@click.option("--format", "kind", type=click.Choice(["csv", "jsonl"]), default="csv", show_default=True)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="A file; else standard output.")
@case_options
@click.pass_obj
def export(app: App, /, *, kind: str, out: Path | None, case_id: str, purpose: str, **filters: Any) -> None:
    """Write alerts, the newest first: CSV for spreadsheets, or JSON lines with all that is recorded and decided."""
    from tracer.state import State
    from tracer.watching import reviews

    with compose.case_question(app, "alerts export", [], case_id, purpose) as question:
        wanted = chosen(filters)
        with State.open(app.workspace) as state:
            rows = reviews.listed(state, wanted)
            if kind == "jsonl":
                rows = [reviews.shown(state, row["alert_id"]) for row in rows]
        text = _table(rows) if kind == "csv" else _lines(rows)
        question.answered(text.encode())
    _write(text, out)
    app.say(f"{len(rows)} alerts written" + (f" to {out}" if out else ""))


def _table(rows: list[dict[str, Any]]) -> str:
    """UTF-8 CSV (RFC 4180); what a spreadsheet would take for a formula begins with an apostrophe (OWASP)."""
    from adapters.intel.csvtext import escaped

    out = StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for row in rows:
        alert = row["alert"]
        amount = alert.get("amount") or {}
        cells = row | {
            "direction": alert.get("direction"), "asset": amount.get("asset"), "amount": amount.get("decimal"),
            "base_units": amount.get("base_units"),
        }  # fmt: skip
        writer.writerow([escaped(_cell(cells[name])) for name in COLUMNS])
    return out.getvalue()


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _lines(rows: list[dict[str, Any]]) -> str:
    from tracer.watching.notice import compact

    return "".join(compact({"schema": "tracer.alert_record/1", **row}) + "\n" for row in rows)


def _write(text: str, out: Path | None) -> None:
    try:
        if out is not None:
            out.write_text(text, encoding="utf-8", newline="")
            return
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        drop_output()
    except OSError as error:
        raise StoreUnwritable(f"cannot write {out or 'the standard output'}: {error.strerror}.") from error
