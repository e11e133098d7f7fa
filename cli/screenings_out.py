"""`tracer screenings export|purge`: kept screenings out of the workspace, and out of the world."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any

import click

from cli import compose
from cli import screenings_common as common
from cli.app import App, case_options, json_option, json_text
from tracer.errors import StoreUnwritable
from tracer.intel.claims import RED, most_closed

if TYPE_CHECKING:
    from tracer.screening.kept.decisions import Decision
    from tracer.screening.kept.store import Record
    from tracer.state import State

_PAGE = 500
COLUMNS = (
    "screening_id", "kept_at", "evaluated_at", "chain", "kind", "subject", "direction", "customer_reference",
    "verdict", "policy_verdict", "risk", "handling", "rules", "policy", "coverage", "status", "decided_by",
    "decided_at", "reason", "case", "tlp",
)  # fmt: skip
"""Of the CSV: one line per screening, with the last decision on it."""


@click.command("export")
@click.option("--out", required=True, metavar="FILE|-", help="File to write, or - for standard output.")
@click.option(
    "--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True,
    help="jsonl: whole documents with all decisions. csv: one line each.",
)  # fmt: skip
@click.option(
    "--tlp-red", is_flag=True, help="With screenings that rest on TLP:RED claims, left out otherwise."
)
@click.option("--protected", is_flag=True, help="With screenings of possible victims, left out otherwise.")
@common.filter_options
@case_options
@json_option
@click.pass_obj
def export(
    app: App, *, out: str, form: str, tlp_red: bool, protected: bool, verdict: str | None, status: str | None,
    subject: str | None, chain_name: str | None, since: str | None, until: str | None, of_case: str | None,
    case_id: str, purpose: str, as_json: bool,
) -> None:  # fmt: skip
    """Write kept screenings with their decisions, newest first. What is left out is counted and said."""
    from tracer.state import State

    with compose.case_question(app, "screenings export", (), case_id, purpose) as question:
        found = common.filters(
            verdict=verdict, status=status, subject=subject, chain_name=chain_name, since=since, until_text=until,
            of_case=of_case,
        )  # fmt: skip
        left: Counter[str] = Counter({"tlp_red": 0, "protected": 0})
        marks: set[str | None] = set()
        digest, count = hashlib.sha256(), 0
        try:
            with TemporaryFile() as spool, State.open(app.workspace) as state:
                if form == "csv":
                    _write(spool, digest, _csv([COLUMNS]))
                for records, decided in _pages(state, found):
                    chosen = [each for each in records if not _withheld(each, left, tlp_red, protected)]
                    marks.update(each.document.get("tlp") for each in chosen)
                    count += len(chosen)
                    whole = [common.whole_record(each, decided.get(each.screening_id, [])) for each in chosen]
                    _write(spool, digest, _csv(map(_row, chosen, whole)) if form == "csv" else _jsonl(whole))
                document = {
                    "schema": "tracer.screenings_export/1",
                    "file": out,
                    "format": form,
                    "sha256": digest.hexdigest(),
                    "screenings": count,
                    "tlp": most_closed(marks),
                    "left_out": dict(left),
                }
                question.read(f"exported:sha256:{document['sha256']}")
                question.answered(json_text(document).encode())
                _deliver(spool, out)
        except OSError as error:
            raise StoreUnwritable(
                f"cannot write {out}: {error.strerror}.", hint="Name another file with --out FILE."
            ) from error
    if out == "-":
        _summary(document, app)
    else:
        app.emit(document, as_json, lambda shown: _summary(shown, None))


@click.command("purge")
@click.option("--older-than", required=True, metavar="AGE", help="Retention: 365d, 52w.")
@click.option("--dry-run", is_flag=True, help="Count only.")
@click.option(
    "--compact",
    is_flag=True,
    help="Give the space back to the disk; needs as much of it free as state.sqlite has.",
)
@case_options
@json_option
@click.pass_obj
def purge(
    app: App, *, older_than: str, dry_run: bool, compact: bool, case_id: str, purpose: str, as_json: bool
) -> None:
    """Delete screenings kept longer ago than AGE, with the decisions on them.

    What is under review, belongs to a case, or carries an exception in force stays. What goes is gone from the file.
    The custody log keeps how many there were, and the digest of their ids.
    """
    from tracer.screening.kept import retention
    from tracer.screening.kept.persons import iso
    from tracer.state import State

    with compose.case_question(app, "screenings purge", (), case_id, purpose) as question:
        now = common.now()
        before = max(0, now - common.age(older_than))
        with State.open(app.workspace) as state:
            done = retention.purge(state, before=before, now=now, rehearse=dry_run, compact=compact)
        document = {
            "schema": "tracer.screenings_purge/1",
            "before": iso(before),
            "dry_run": dry_run,
            "purged": done.count,
            "verdicts": dict(sorted(done.verdicts.items())),
            "exceptions": done.exceptions,
            "left": dict(sorted(done.left.items())),
            "digest": f"sha256:{done.digest}",
            "file_cleared": done.log_empty and not dry_run,
        }
        if not dry_run:
            question.read(f"purged:{done.count}")
            question.read(f"purged:{document['digest']}")
        question.answered(json_text(document).encode())
    app.emit(document, as_json, _render_purge)
    if not done.log_empty:
        app.warn(
            "others read the state all along: its write-ahead log still holds what was purged. Purge again later."
        )


def _pages(state: State, found: Sequence[Any]) -> Iterator[tuple[list[Record], dict[str, list[Decision]]]]:
    from itertools import islice

    from tracer.screening.kept import decisions

    records = common.chosen_records(state, list(found))
    while page := list(islice(records, _PAGE)):
        yield page, decisions.histories(state, page)


def _withheld(record: Record, left: Counter[str], tlp_red: bool, protected: bool) -> bool:
    """Whether a screening stays here: by its marking, or because its subject may be a victim."""
    said = record.document
    if said.get("tlp") == RED and not tlp_red:
        left["tlp_red"] += 1
        return True
    if (said["handling"] == "protect" or said.get("protected")) and not protected:
        left["protected"] += 1
        return True
    return False


def _row(record: Record, whole: dict[str, Any]) -> list[str]:
    row = common.brief(record)
    last = whole["decisions"][-1] if whole["decisions"] else {"by": "", "time": "", "reason": ""}
    row |= {
        "rules": " ".join(row["rules"]),
        "coverage": record.document["coverage"]["status"],
        "decided_by": last["by"],
        "decided_at": last["time"],
        "reason": last["reason"],
        "tlp": record.document.get("tlp"),
    }
    return ["" if row[name] is None else str(row[name]) for name in COLUMNS]


def _jsonl(rows: Sequence[dict[str, Any]]) -> bytes:
    texts = (json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows)
    return "".join(f"{text}\n" for text in texts).encode("utf-8", "backslashreplace")


def _csv(rows: Any) -> bytes:
    """RFC 4180; what a spreadsheet would take for a formula begins with an apostrophe."""
    from adapters.intel.csvtext import escaped

    out = StringIO(newline="")
    csv.writer(out).writerows([escaped(cell) for cell in row] for row in rows)
    return out.getvalue().encode("utf-8", "backslashreplace")


def _write(spool: IO[bytes], digest: Any, content: bytes) -> None:
    digest.update(content)
    spool.write(content)


def _deliver(spool: IO[bytes], out: str) -> None:
    spool.seek(0)
    if out == "-":
        shutil.copyfileobj(spool, sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    path = Path(out)
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            shutil.copyfileobj(spool, file)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _summary(document: dict[str, Any], app: App | None) -> None:
    lines = [f"{document['screenings']:,} screenings, SHA-256 {document['sha256']}"]
    if document["tlp"]:
        lines.append(
            f"They rest on claims marked {document['tlp']}: pass them on to nobody whom it does not allow."
        )
    for name, words in (
        ("tlp_red", "that rest on TLP:RED claims (--tlp-red takes them)"),
        ("protected", "of possible victims (--protected takes them)"),
    ):
        if document["left_out"][name]:
            lines.append(f"left out: {document['left_out'][name]:,} {words}")
    for line in lines:
        if app is None:
            click.echo(line)
        else:
            app.say(line)


def _render_purge(document: dict[str, Any]) -> None:
    words = "would be purged" if document["dry_run"] else "purged"
    counts = ", ".join(f"{count:,} {verdict}" for verdict, count in document["verdicts"].items())
    click.echo(
        f"{document['purged']:,} screenings kept before {document['before']} {words} ({counts or 'none'})"
    )
    for name, why in (
        ("under_review", "under review"), ("case", "of a case"), ("exception", "with an exception in force")
    ):  # fmt: skip
        if document["left"].get(name):
            click.echo(f"stay: {document['left'][name]:,} {why}")
    if document["exceptions"]:
        click.echo(f"exceptions that had ended: {document['exceptions']:,}")
    click.echo(f"digest of their ids {document['digest']}")
