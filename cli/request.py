"""`tracer request`: a letter and a table for each service that a trace reached."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import compose
from cli.app import App, case_options, json_option, json_text
from tracer.errors import DataError, SourceUnavailable, StoreUnwritable, UsageError
from tracer.intel.claims import RED, UNMARKED, clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tracer.evidence.asked import Request, Requests
    from tracer.evidence.letter import Heading

MOST_BYTES = 512 << 20
"""(P) A larger file is no trace: at 200,000 transactions, the limit of `tracer trace`, one has under 200 MB."""


@click.command("request", short_help="Write the letters to the services a trace reached.")
@click.argument("vasp", metavar="VASP")
@click.option(
    "--from", "source", required=True, metavar="TRACE.json", help="What `tracer trace --json` printed, or -."
)
@click.option("--out", type=click.Path(path_type=Path), default=Path(), help="Folder of the files; this one.")
@click.option("--ask", default="preserve,produce", show_default=True, help="Of preserve, produce, freeze.")
@click.option("--reference", default="", metavar="TEXT", help="Your file number.")
@click.option("--authority", default="", metavar="TEXT", help="Who asks.")
@click.option("--date", "day", default="", metavar="DATE", help="Date of the letter; left blank else.")
@click.option("--leads", is_flag=True, help="Ask about what one of several methods alone finds too.")
@click.option("--force", is_flag=True, help="Replace files that hold something else.")
@case_options
@json_option
@click.pass_obj
def command(
    app: App, *, vasp: str, source: str, out: Path, ask: str, reference: str, authority: str, day: str, leads: bool,
    force: bool, case_id: str, purpose: str, as_json: bool,
) -> None:  # fmt: skip
    """Write one letter (plain text) and one table (CSV) to VASP, with its own payments of a trace and no others.

    VASP is the id or the name of a service that the trace reached, or `all`. The files hold what the chain shows
    of each payment and what is asked; amounts traced, seeds and other services stand in none of them. What only one
    of several methods of the trace finds is a lead and left out, unless --leads is given.
    """
    from cli.trace_answer import many
    from tracer.evidence.request import read

    with compose.case_question(app, "request", (), case_id, purpose) as log:
        compose.words(vasp, reference, authority)
        heading = _heading(ask, reference, authority, day)
        raw = _bytes(source)
        digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
        log.read(f"trace:{digest}")
        made = read(_json(raw, source), leads=leads)
        log.read(made.snapshot)
        for tip in made.tips:
            log.read(f"{tip.chain}:{tip.block_hash}")
        chosen = [request for request in made.choose(vasp) if request.legs]
        left_out = [request for request in made.choose(vasp) if request.left_out]
        if not chosen:
            raise _nothing_left(vasp, left_out)
        files = [(request, _files(made, request, heading)) for request in chosen]
        _write(out, [file for _, own in files for file in own], force=force)
        requests = [_document(made, request, heading, out, own, digest) for request, own in files]
        for request in chosen:
            log.used(request.claims)
        document = requests[0]
        if vasp.casefold() == "all":
            document = {
                "schema": "tracer.requests/1",
                "requests": requests,
                "left_out": sum(request.left_out for request in left_out),
                "services_left_out": [request.party for request in left_out if not request.legs],
            }
        log.answered(json_text(document).encode())
    if made.tlp in (UNMARKED, RED):
        app.warn(
            f"the trace is marked {made.tlp}. The letters hold facts of the chain only, but sending one shows that its "
            "addresses are known: see that the marking allows it."
        )
    app.emit(document, as_json, _render)
    for caution in (text for said in requests for text in said["cautions"]):
        app.warn(caution)
    whole = [request for request in left_out if not request.legs]
    if whole:
        payments = sum(request.left_out for request in whole)
        app.warn(
            f"{many(len(whole), 'service')} left out ({many(payments, 'payment')}), as one convention alone finds "
            f"{'it' if len(whole) == 1 else 'them'} (--leads): {', '.join(r.party for r in whole[:20])}"
            f"{' ...' if len(whole) > 20 else ''}"
        )


def _nothing_left(vasp: str, left_out: Sequence[Request]) -> UsageError:
    count = sum(request.left_out for request in left_out)
    if not count:
        return UsageError(
            f"nothing is left to ask of {clean(vasp)}: claims protect the addresses of all its payments."
        )
    return UsageError(
        f"nothing is left to ask of {clean(vasp)}: one convention alone finds its payments ({count:,}): leads.",
        hint="--leads asks about them.",
    )


def _heading(ask: str, reference: str, authority: str, day: str) -> Heading:
    from datetime import date

    from tracer.evidence.letter import ASKS, Heading

    asked = {part.strip().lower() for part in ask.split(",") if part.strip()}
    if not asked or not asked <= set(ASKS):
        raise UsageError(f"--ask {ask!r} is not understood.", hint=f"Use some of {', '.join(ASKS)}.")
    try:
        written = date.fromisoformat(day).isoformat() if day else ""
    except ValueError:
        raise UsageError(f"--date {day!r} is no date.", hint="Write 2019-05-02.") from None
    ordered = tuple(name for name in ASKS if name in asked)
    return Heading(ordered, clean(reference), clean(authority), written)


def _bytes(source: str) -> bytes:
    """The file, or standard input for `-`; at most `MOST_BYTES`."""
    try:
        if source == "-":
            raw = sys.stdin.buffer.read(MOST_BYTES + 1)
        else:
            with Path(source).open("rb") as file:
                raw = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL in it
        why = getattr(error, "strerror", None) or "no such name"
        raise SourceUnavailable(f"cannot read {source}: {why}.") from error
    if len(raw) > MOST_BYTES:
        raise DataError(f"{source} has more than {MOST_BYTES >> 20} MB: it is no trace.")
    return raw


def _json(raw: bytes, source: str) -> object:
    import json

    hint = "Give what `tracer trace --json` printed."
    try:
        return json.loads(raw)
    except RecursionError:
        raise DataError(f"{source} is nested too deep: it is no trace.", hint=hint) from None
    except ValueError as error:
        raise DataError(f"{source} is no JSON: {error}.", hint=hint) from error


def _files(made: Requests, request: Request, heading: Heading) -> list[tuple[str, bytes]]:
    from tracer.evidence.letter import COLUMNS, letter, rows

    name = f"request-{request.slug}"
    table = _csv([COLUMNS, *rows(made, request, heading)])
    text = letter(made, request, heading, f"{name}.csv")
    return [(f"{name}.txt", text.encode()), (f"{name}.csv", table)]


def _csv(rows: Iterable[Sequence[str]]) -> bytes:
    """UTF-8 CSV (RFC 4180); what a spreadsheet would take for a formula begins with an apostrophe (OWASP)."""
    import csv
    from io import StringIO

    from adapters.intel.csvtext import escaped

    out = StringIO(newline="")
    csv.writer(out).writerows([escaped(cell) for cell in row] for row in rows)
    return out.getvalue().encode()


def _write(out: Path, files: Sequence[tuple[str, bytes]], *, force: bool) -> None:
    """All files or none: one that is there and holds something else is not replaced unasked."""
    from tracer.intel.files import write_whole

    try:
        known = {name: path.read_bytes() for name, _ in files if (path := out / name).exists()}
        other = [name for name, content in files if known.get(name, content) != content]
        if other and not force:
            raise UsageError(f"{out / other[0]} holds another request.", hint="--force replaces it.")
        out.mkdir(parents=True, exist_ok=True)
        for name, content in files:
            if name not in known or name in other:
                write_whole(out / name, content)
    except OSError as error:
        raise StoreUnwritable(
            f"cannot write to {out}: {error.strerror}.", hint="Choose another folder with --out DIR."
        ) from error


def _document(
    made: Requests,
    request: Request,
    heading: Heading,
    out: Path,
    files: Sequence[tuple[str, bytes]],
    digest: str,
) -> dict[str, Any]:
    from tracer.evidence.addressee import addressee, cautions

    return {
        "schema": "tracer.request/1",
        "vasp": request.party,
        "entity": request.entity,
        "addressee": addressee(request).name,
        "as_of": [
            {"chain": tip.chain, "caip2": tip.caip2, "height": tip.height, "block_hash": tip.block_hash}
            for tip in made.of(request)
        ],
        "trace": digest,
        "tlp": made.tlp,
        "asked": list(heading.asks),
        "legs": len(request.legs),
        "protected": request.protected,
        "left_out": request.left_out,
        "cautions": cautions(request),
        "files": [
            {"path": str(out / name), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in files
        ],
    }


def _render(document: dict[str, Any]) -> None:
    for said in document.get("requests", [document]):
        legs = f"{said['legs']:,} payment{'' if said['legs'] == 1 else 's'}"
        click.echo(f"{said['vasp']}: {legs} to ask {said['addressee']} about ({', '.join(said['asked'])})")
        for file in said["files"]:
            click.echo(f"  {file['path']}")
