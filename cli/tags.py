"""`tracer tags`: claims about addresses, in and out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import compose
from cli.app import Advance, App, case_options, json_option, json_text, whole
from tracer.errors import BadAddress, UsageError

if TYPE_CHECKING:
    import polars as pl

    from tracer.intel.claims import Reading, Tag
    from tracer.intel.snapshot import Snapshot

SHOWN_ROWS = 200
FIELDS = (
    "claim_id", "chain", "address", "label", "category", "actor", "role", "confidence", "source", "lastmod",
    "is_cluster_definer",
)  # fmt: skip


@click.group()
def command() -> None:
    """Import and list claims about addresses (formats: docs/formats.md)."""


@command.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@json_option
@click.pass_obj
def import_(app: App, files: tuple[Path, ...], as_json: bool) -> None:
    """Import tags from CSV or YAML FILES; folders are taken recursively.

    Good rows go in; each bad row is named by file, line and reason, and the command ends with exit code 4.
    """
    from adapters.intel.readers import read_tags
    from cli.importing import import_claims

    def read(path: Path, advance: Advance) -> Reading[Tag]:
        return read_tags(path, compose.parse_address, advance)

    import_claims(app, "tags", files, read, as_json)


@command.command("list")
@click.argument("address", required=False)
@click.option("--chain", metavar="NAME", help="Only tags of this chain.")
@click.option("--category", metavar="ID", help="Only tags of this category.")
@click.option("--actor", metavar="ID", help="Only tags of this actor.")
@case_options
@json_option
@click.pass_obj
def list_(
    app: App,
    *,
    address: str | None,
    chain: str | None,
    category: str | None,
    actor: str | None,
    case_id: str,
    purpose: str,
    as_json: bool,
) -> None:
    """List tags, all or those of one ADDRESS.

    Asking for an address, an actor or a category is a question of a case: it leaves a line in the custody log.
    """
    query = {"address": address, "chain": chain, "category": category, "actor": actor}
    if not any(query.values()):
        app.emit(_document(app, compose.claims(app), query), as_json, lambda found: _render(app, found))
        return
    asked = [address] if address else []
    asked += [f"--{name}={value}" for name, value in list(query.items())[1:] if value is not None]
    with compose.case_question(app, "tags list", asked, case_id, purpose) as question:
        snapshot = compose.claims(app)
        question.read(snapshot.id)
        document = _document(app, snapshot, query)
        question.answered(json_text(document).encode())
    app.emit(document, as_json, lambda found: _render(app, found))


def _document(app: App, snapshot: Snapshot, query: dict[str, str | None]) -> dict[str, Any]:
    import polars as pl

    from tracer.intel import taxonomy

    if query["category"] is not None and query["category"] not in taxonomy.load():
        raise UsageError(f"unknown category {query['category']!r}.", hint="docs/formats.md names the file.")
    tags = snapshot.tags(query["chain"])
    for column in ("category", "actor"):
        if query[column] is not None:
            tags = tags.filter(pl.col(column) == query[column])
    if query["address"] is not None:
        known = {"bitcoin", *compose.chains_read(app), *snapshot.tags()["chain"].unique().to_list()}
        tags = _of_address(tags, query["address"], [query["chain"]] if query["chain"] else sorted(known))
    return {
        "schema": "tracer.tags/1",
        "intel_snapshot": snapshot.id,
        "query": query,
        "lists": snapshot.lists(),
        "tags": [
            {name: None if value == "" else value for name, value in row.items()}
            for row in tags.select(FIELDS).iter_rows(named=True)
        ],
    }


def _of_address(tags: pl.DataFrame, address: str, chains: list[str]) -> pl.DataFrame:
    """Tags of one address, on each of the chains on which it is an address."""
    import polars as pl

    found = []
    for name in chains:
        entry = compose.chain(name)
        try:
            key = entry.parse_address(address)
        except BadAddress:
            if len(chains) == 1:
                raise
            continue
        found.append(
            tags.filter(
                (pl.col("chain") == entry.name)
                & (pl.col("kind") == key.kind)
                & (pl.col("payload") == key.payload)
            )
        )
    if not found:
        raise BadAddress(
            f"{address!r} is no address of {', '.join(chains)}.",
            hint="Name its chain with --chain to see why.",
        )
    return pl.concat(found)


def _render(app: App, document: dict[str, Any]) -> None:
    from rich.table import Table

    rows, address = document["tags"], document["query"]["address"]
    if not rows:
        click.echo("No tags match." if address is None else f"No tag of {address} in the lists below.")
    else:
        table = Table("chain", "address", "label", "category", "actor", "confidence", "date", "source")
        for row in rows[:SHOWN_ROWS]:
            shown = ("chain", "address", "label", "category", "actor", "confidence", "lastmod", "source")
            table.add_row(*(row[name] or "" for name in shown))
        app.console().print(whole(table))
        if len(rows) > SHOWN_ROWS:
            click.echo(f"{SHOWN_ROWS} of {len(rows)} shown; --json prints all.")
    if not document["lists"]:
        click.echo("No claims are loaded, so nothing was looked up: `tracer tags import FILE` loads some.")
    elif address is not None:
        click.echo("Looked up in:")
        for row in document["lists"]:
            click.echo(f"  {row['list']} ({row['rows']} rows, newest {row['published'] or 'undated'})")
        click.echo("A tag is what its source says, not a fact of the chain; no tag is no innocence.")
