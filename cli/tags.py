"""`tracer tags`: claims about addresses, in and out."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import compose
from cli.app import Advance, App, case_options, intel_option, json_option, json_text
from cli.importing import import_options, iso_day
from cli.tags_edit import add, impact, withdraw
from cli.tags_out import compare, export, stats
from cli.tags_text import render
from tracer.errors import BadClaim, SourceUnavailable, UsageError
from tracer.intel.claims import most_closed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import polars as pl

    from tracer.intel.reading import Reading
    from tracer.intel.snapshot import Snapshot

FIELDS = (
    "claim_id", "chain", "address", "label", "category", "actor", "role", "confidence", "source", "lastmod",
    "is_cluster_definer", "asset", "concepts", "tag_type", "nested_in", "programme", "designated_at", "subject",
    "valid_from", "valid_to", "protection", "context", "pack", "creator", "author", "reason", "case_id", "tlp",
)  # fmt: skip


@click.group()
def command() -> None:
    """Import, list, add and withdraw claims about addresses (formats: docs/formats.md)."""


for subcommand in (add, withdraw, impact, export, compare, stats):
    command.add_command(subcommand)


@command.command("import")
@import_options
@click.pass_obj
def import_(
    app: App, files: tuple[Path, ...], list_name: str, published: str, *, strict: bool, as_json: bool
) -> None:
    """Import tags from FILES: TagPacks, ActorPacks, sanctions lists, CSV; folders are taken recursively.

    Good rows go in; each bad row is named by file, line and reason, and the command ends with exit code 4.
    A sanctions list takes the place of its former version; additions and removals are named.
    """
    from cli.importing import import_claims

    if not files:
        raise UsageError("name at least one file or folder.")

    def read(path: Path, advance: Advance) -> Reading:
        return compose.read_claims(
            path, ("tags", "actors"), advance, list_name=list_name, published=published
        )

    import_claims(app, "tags", files, read, list_name=list_name, strict=strict, as_json=as_json)


@command.command("list")
@click.argument("address", required=False)
@click.option(
    "--file", "file", type=click.Path(path_type=Path), help="Addresses, one per line: `chain,address`."
)
@click.option("--chain", metavar="NAME", help="Only tags of this chain.")
@click.option("--category", metavar="ID", help="Only tags of this category.")
@click.option("--actor", metavar="ID", help="Only tags of this actor.")
@click.option("--at", "day", metavar="DATE", help="Only tags that held on this day (ISO date).")
@intel_option
@case_options
@json_option
@click.pass_obj
def list_(
    app: App,
    *,
    address: str | None,
    file: Path | None,
    chain: str | None,
    category: str | None,
    actor: str | None,
    day: str | None,
    intel: str | None,
    case_id: str,
    purpose: str,
    as_json: bool,
) -> None:
    """List tags, all or those of one ADDRESS, ranked by confidence and recency, with the reason.

    Asking for an address, an actor or a category is a question of a case: it leaves a line in the custody log.
    """
    if address and file:
        raise UsageError("give an address or --file, not both.")
    chain = compose.claims_chain(chain) if chain else None
    query = {
        "address": address,
        "chain": chain,
        "category": category,
        "actor": actor,
        "at": day and iso_day(day),
    }
    if not (any(query.values()) or file or case_id or purpose):
        app.emit(
            _document(compose.claims(app, intel), query), as_json, lambda found: render(app.console(), found)
        )
        return
    asked = [address] if address else []
    asked += [f"--{name}={value}" for name, value in list(query.items())[1:] if value is not None]
    asked += [f"--file={file}"] if file else []
    content = read_text(file) if file else ""
    with compose.case_question(app, "tags list", asked, case_id, purpose) as question:
        snapshot = compose.claims(app, intel)
        question.read(snapshot.id)
        if file:
            question.read(f"sha256:{hashlib.sha256(content.encode()).hexdigest()}")
        document = _many(snapshot, query, file, content) if file else _document(snapshot, query)
        question.used(row["claim_id"] for row in document["tags"])
        question.answered(json_text(document).encode())
    app.emit(document, as_json, lambda found: render(app.console(), found))
    if document.get("rejections"):
        raise BadClaim(
            f"{len(document['rejections'])} lines are no addresses; the others were looked up.",
            hint="--json names them.",
        )


def _document(snapshot: Snapshot, query: dict[str, str | None]) -> dict[str, Any]:
    tags = _chosen(snapshot.tags(query["chain"]), query)
    withdrawn = _chosen(snapshot.withdrawn_tags(), query)
    if query["address"] is not None:
        chains = compose.chains_of(query["address"], query["chain"], tags)
        tags, withdrawn = (_of_address(frame, query["address"], chains) for frame in (tags, withdrawn))
    rows = tags.to_dicts()
    return {
        "schema": "tracer.tags/1",
        "intel_snapshot": snapshot.id,
        "query": query,
        "tlp": most_closed(row["tlp"] for row in rows),
        "lists": snapshot.lists("tags", "actors"),
        **(
            _ranked(snapshot, rows) if query["address"] is not None else {"tags": [_row(row) for row in rows]}
        ),
        "actors": _actors(snapshot, query["actor"]),
        "withdrawn": [
            _row(row) | {"withdrawn": _withdrawal(snapshot, row["claim_id"])} for row in withdrawn.to_dicts()
        ],
    }


def _actors(snapshot: Snapshot, actor: str | None) -> list[dict[str, Any]]:
    """What actor packs say of an actor that was asked for."""
    import polars as pl

    if actor is None:
        return []
    rows = snapshot.claims("actors").filter(pl.col("id") == actor).to_dicts()
    return [{name: value or None for name, value in row.items()} for row in rows]


def _chosen(tags: pl.DataFrame, query: Mapping[str, str | None]) -> pl.DataFrame:
    import polars as pl

    from tracer.intel import taxonomy

    compose.words(query["actor"])
    if query["category"] is not None and query["category"] not in taxonomy.load():
        raise UsageError(f"unknown category {query['category']!r}.", hint="docs/formats.md names the file.")
    if query["chain"] is not None:
        tags = tags.filter(pl.col("chain") == query["chain"])
    if query["category"] is not None:
        among = pl.col("concepts").str.split(" ").list.contains(query["category"])
        tags = tags.filter((pl.col("category") == query["category"]) | among)
    if query["actor"] is not None:
        tags = tags.filter(pl.col("actor") == query["actor"])
    if query["at"] is not None:
        begun = pl.col("valid_from") <= query["at"]
        tags = tags.filter(begun & ((pl.col("valid_to") == "") | (pl.col("valid_to") >= query["at"])))
    return tags


def _ranked(snapshot: Snapshot, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Tags of one address, per chain best first with the reason, and whom they resolve to on each."""
    from tracer.intel import ranking

    shown, resolution = [], []
    for chain in sorted({row["chain"] for row in rows}):
        own = [snapshot.names.identified(row) for row in rows if row["chain"] == chain]
        best = ranking.ranked(own)
        for place, (row, why) in enumerate(zip(best, ranking.reasons(best), strict=True), start=1):
            shown.append(_row(row) | {"rank": place, "why": why})
        parties = {ranking.party(row): ranking.named(row) for row in reversed(ranking.leaders(best))}
        claimed = sorted({ranking.named(row) for row in own})
        # claims of different times do not contradict each other, and which one counts the payment's day decides
        times = len({(row["valid_from"], row["valid_to"]) for row in own}) > 1 and len(claimed) > 1
        resolution.append(
            {
                "chain": chain,
                "named": next(iter(parties.values())) if len(parties) == 1 and not times else None,
                "claimed_by": claimed,
                "at_different_times": times,
                "rule": ranking.RULE,
            }
        )
    return {"tags": shown, "resolution": resolution}


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    from tracer.intel.ranking import protection_of

    shown = {name: None if row[name] == "" else row[name] for name in FIELDS}
    return shown | {"protection": protection_of(row) or None}


def _withdrawal(snapshot: Snapshot, claim: str) -> dict[str, str]:
    number, taken = snapshot.withdrawn[claim]
    return {
        "claim": number,
        "author": taken.author,
        "reason": taken.reason,
        "withdrawn_at": taken.withdrawn_at,
    }


def _of_address(tags: pl.DataFrame, address: str, chains: Sequence[str]) -> pl.DataFrame:
    """Tags of one address, on each of the chains on which it is an address."""
    import polars as pl

    found = [tags.clear()]
    for name in chains:
        _, key = compose.parse_address(name, address)
        found.append(
            tags.filter(
                (pl.col("chain") == name) & (pl.col("kind") == key.kind) & (pl.col("payload") == key.payload)
            )
        )
    return pl.concat(found)


def read_text(file: Path) -> str:
    """A file of addresses as text."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SourceUnavailable(f"cannot read {file}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise SourceUnavailable(f"{file} is not UTF-8.", hint="Save it as UTF-8.") from error


def _many(snapshot: Snapshot, query: dict[str, str | None], file: Path, content: str) -> dict[str, Any]:
    """Tags of the addresses of a file; lines that are no addresses are named, not skipped."""
    import polars as pl

    asked: list[tuple[str, int, bytes, str, int]] = []
    rejections: list[dict[str, Any]] = []
    for line, chain, text in _asked_lines(content, query["chain"] or "bitcoin", rejections):
        try:
            canonical, key = compose.parse_address(chain, text)
        except UsageError as error:
            rejections.append({"line": line, "reason": error.problem})
            continue
        asked.append((chain, key.kind, key.payload, canonical, line))
    columns = {
        "chain": pl.String,
        "kind": pl.UInt8,
        "payload": pl.Binary,
        "text": pl.String,
        "line": pl.Int64,
    }
    found = _chosen(snapshot.tags_of(pl.DataFrame(asked, schema=columns, orient="row")), query)
    return {
        "schema": "tracer.tags/1",
        "intel_snapshot": snapshot.id,
        "query": query | {"file": str(file)},
        "asked": len(asked),
        "tagged": found["asked"].n_unique(),
        "rejections": rejections,
        "tlp": most_closed(found["tlp"].to_list()),
        "lists": snapshot.lists("tags", "actors"),
        "tags": [_row(row) | {"line": row["line"]} for row in found.iter_rows(named=True)],
        "withdrawn": [],
    }


def _asked_lines(
    content: str, chain: str, rejections: list[dict[str, Any]]
) -> Iterator[tuple[int, str, str]]:
    """(line, chain, address) of a CSV with a header, of `chain,address` lines, or of addresses alone."""
    import csv

    place = {"chain": 0, "address": 1}
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            cells = [cell.strip() for cell in next(csv.reader([line], strict=True), [])]
        except csv.Error as error:
            rejections.append({"line": number, "reason": f"bad quotes: {error}"})
            continue
        if not any(cells):
            continue
        lowered = [cell.lower() for cell in cells]
        if number == 1 and "address" in lowered:
            place = {name: lowered.index(name) for name in ("chain", "address") if name in lowered}
        elif len(cells) == 1:
            yield number, chain, cells[0]
        elif len(cells) <= max(place.values()):
            rejections.append({"line": number, "reason": f"{len(cells)} fields, and no address among them"})
        else:
            yield number, cells[place["chain"]] if "chain" in place else chain, cells[place["address"]]
