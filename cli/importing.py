"""What `tags import` and `vasps import` share: read files, put claims in, report, say what was rejected."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from cli.app import Advance, App
from tracer.errors import BadClaim
from tracer.intel.claims import ClaimKind, ClaimT, Reading

SHOWN_REJECTIONS = 20


def import_claims(
    app: App,
    kind: ClaimKind,
    paths: tuple[Path, ...],
    read: Callable[[Path, Advance], Reading[ClaimT]],
    as_json: bool,
) -> None:
    """Import files (folders recursively) and print `tracer.import/1`.

    Good rows go in. Rejected rows are named on stderr and end in `BadClaim` (exit 4), so that a script
    notices; the document was printed by then.
    """
    from adapters.intel.rows import claim_files
    from tracer.intel import store

    files = claim_files(paths)
    readings = []
    for number, path in enumerate(files, start=1):
        with app.progress(f"reading {path.name} ({number}/{len(files)})") as advance:
            readings.append(read(path, advance))
    added = store.add(app.workspace, kind, readings)
    rejections = [rejection for reading in readings for rejection in reading.rejections]
    document = {
        "schema": "tracer.import/1",
        "kind": kind,
        "files": len(files),
        "rows": sum(reading.rows for reading in readings),
        "imported": added.imported,
        "unchanged": added.unchanged,
        "rejected": len(rejections),
        "rejections": [asdict(rejection) for rejection in rejections],
        "intel_snapshot": added.snapshot_id,
    }
    app.emit(document, as_json, _render)
    for rejection in rejections[:SHOWN_REJECTIONS]:
        click.echo(f"{rejection.file}:{rejection.line}: {rejection.reason}", err=True)
    if len(rejections) > SHOWN_REJECTIONS:
        click.echo(f"... and {len(rejections) - SHOWN_REJECTIONS} more; --json lists all", err=True)
    if rejections:
        taken = added.imported + added.unchanged
        raise BadClaim(
            f"{len(rejections)} of {document['rows']} rows were rejected; {taken} went in.",
            hint="Correct the lines named above and import the file again.",
        )


def _render(document: dict[str, Any]) -> None:
    click.echo(
        f"{document['kind']}: {document['rows']} rows in {document['files']} file(s): "
        f"{document['imported']} imported, {document['unchanged']} unchanged, {document['rejected']} rejected"
    )
    click.echo(f"snapshot {document['intel_snapshot']}")
