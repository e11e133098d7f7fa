"""What all imports of claims share: read files, put claims in, report, say what was rejected."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.app import Advance, App, json_option
from tracer.errors import BadClaim, UsageError

if TYPE_CHECKING:
    from tracer.intel.reading import Reading
    from tracer.intel.store import Change

SHOWN_REJECTIONS = 20
SHOWN_CHANGES = 20

Read = Callable[[Path, Advance], "Reading"]
"""Reads one file; the callback shows progress."""


def import_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """FILES, `--list`, `--published`, `--strict`, `--json`: what every import of claims takes."""
    for decorate in (
        json_option,
        click.option("--strict", is_flag=True, help="Refuse a file whole where one of its rows is bad."),
        click.option(
            "--published", metavar="DATE", default="", help="When the list was published (ISO date)."
        ),
        click.option(
            "--list",
            "list_name",
            metavar="NAME",
            default="",
            help="The file is all of this list: what the list held before and no longer holds is taken out.",
        ),
        click.argument("files", nargs=-1, type=click.Path(path_type=Path)),
    ):
        function = decorate(function)
    return function


def iso_day(text: str) -> str:
    """An ISO date as given, `UsageError` where it is none."""
    try:
        return date.fromisoformat(text.strip()).isoformat()
    except ValueError as error:
        raise UsageError(f"{text!r} is no date.", hint="Write it like 2025-03-04.") from error


def publication(text: str) -> str:
    """When a list was published: an ISO date, not in the future; "" where nothing is said."""
    if not text:
        return ""
    day = iso_day(text)
    if day > (datetime.now(UTC).date() + timedelta(days=1)).isoformat():
        raise UsageError(f"--published {day} lies in the future.")
    return day


def today() -> str:
    """The UTC day of the import, against which dates in the future are rejected."""
    return datetime.now(UTC).date().isoformat()


def import_claims(
    app: App, kind: str, files: Sequence[Path], read: Read, *, list_name: str, strict: bool, as_json: bool
) -> None:
    """Import files (folders recursively) and print `tracer.import/1`.

    Good rows go in; with `strict` only files without a bad row. Rejected rows are named on stderr and end in
    `BadClaim` (exit 4), so that a script notices; the document was printed by then.
    """
    from adapters.intel.readers import claim_files, shown
    from tracer.intel import store

    paths = claim_files(files)
    if list_name and len(paths) > 1:
        raise UsageError(
            f"--list names one whole list, and these are {len(paths)} files: each would take the place of the "
            "one before.",
            hint="Import them one by one, each under its own name, or leave --list out.",
        )
    readings = []
    for number, path in enumerate(paths, start=1):
        with app.progress(f"reading {shown(Path(path.name))} ({number}/{len(paths)})") as advance:
            readings.append(read(path, advance))
    rows = sum(reading.rows for reading in readings)
    if strict:
        readings = [_refused(reading) if reading.rejections else reading for reading in readings]
    with app.progress("storing") as advance:
        added = store.add(app.workspace, readings)
        advance(1, 1)
    rejections = [rejection for reading in readings for rejection in reading.rejections]
    rejected = rows - added.imported - added.unchanged
    document: dict[str, Any] = {
        "schema": "tracer.import/1",
        "kind": kind,
        "files": len(paths),
        "rows": rows,
        "imported": added.imported,
        "unchanged": added.unchanged,
        "rejected": rejected,
        "rejections": [asdict(rejection) for rejection in rejections],
        "intel_snapshot": added.snapshot_id,
        "lists": [_list_row(change) for change in added.changes],
    }
    app.emit(document, as_json, _render)
    for rejection in rejections[:SHOWN_REJECTIONS]:
        click.echo(f"{rejection.file}:{rejection.line}: {rejection.reason}", err=True)
    if len(rejections) > SHOWN_REJECTIONS:
        click.echo(f"... and {len(rejections) - SHOWN_REJECTIONS} more; --json lists all", err=True)
    if rejections:
        raise BadClaim(
            f"{rejected} of {rows} rows were rejected; {rows - rejected} went in.",
            hint="Correct the lines named above and import the file again.",
        )


def _refused(reading: Reading) -> Reading:
    """The same file with none of its rows, and why."""
    from tracer.intel.reading import Rejection

    why = Rejection(
        reading.file,
        reading.rejections[0].line,
        f"the file was refused whole (--strict): {reading.frame.height} good rows were not taken either",
    )
    return replace(reading, frame=reading.frame.clear(), rejections=(*reading.rejections, why))


def _list_row(change: Change) -> dict[str, Any]:
    """One list as imported, and what that changed where it takes a former version's place."""
    entry = change.entry
    return {
        "list": entry.list,
        "kind": entry.kind,
        "version": entry.version or entry.claims[:16],
        "published": entry.published or None,
        "rows": entry.rows,
        "entries": change.entries,
        "replaces": (change.former.version or change.former.claims[:16]) if change.former else None,
        "added": len(change.added),
        "removed": len(change.removed),
        "changed": change.changed,
        "kept": change.kept,
        "additions": list(change.added),
        "removals": list(change.removed),
    }


def _render(document: dict[str, Any]) -> None:
    click.echo(
        f"{document['kind']}: {document['rows']:,} rows in {document['files']} file(s): "
        f"{document['imported']:,} imported, {document['unchanged']:,} unchanged, {document['rejected']:,} rejected"
    )
    for row in document["lists"]:
        dated = f", published {row['published']}" if row["published"] else ", undated"
        entries = f" of {row['entries']:,} entries" if row["entries"] is not None else ""
        click.echo(f"  {row['list']}: {row['rows']:,} rows{entries}{dated}, version {row['version']}")
        if row["replaces"] is None:
            continue
        click.echo(
            f"    in place of version {row['replaces']}: {row['added']:,} added, {row['removed']:,} removed, "
            f"{row['changed']:,} changed"
        )
        for sign, subjects in (("+", row["additions"]), ("-", row["removals"])):
            for subject in subjects[:SHOWN_CHANGES]:
                click.echo(f"    {sign} {' '.join(subject.values())}")
            if len(subjects) > SHOWN_CHANGES:
                click.echo(f"    {sign} ... and {len(subjects) - SHOWN_CHANGES:,} more; --json lists all")
        if row["kept"]:
            click.echo(
                f"    {row['kept']:,} former rows stay: the file may be damaged (new bad rows, or a tenth of its "
                "entries gone)"
            )
    click.echo(f"snapshot {document['intel_snapshot']}")
