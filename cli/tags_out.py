"""`tracer tags export|compare|stats`: claims out of the workspace, and what the lists amount to."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import compose
from cli.app import App, case_options, intel_option, json_option, json_text, whole
from cli.tags_text import not_read
from tracer.errors import SourceUnavailable, StoreUnwritable, UsageError
from tracer.intel.claims import RED, most_closed

if TYPE_CHECKING:
    import polars as pl

    from tracer.intel.manifest import ListEntry
    from tracer.intel.snapshot import Snapshot

SHOWN = 20


@click.command("export")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Folder the packs are written to."
)
@click.option("--list", "list_name", metavar="NAME", help="Only this list.")
@click.option("--category", metavar="ID", help="Only this category.")
@click.option("--actor", metavar="ID", help="Only this actor.")
@click.option("--of-case", metavar="ID", help="Only claims made for this case.")
@click.option("--tlp-red", is_flag=True, help="With TLP:RED claims, which are left out otherwise.")
@click.option("--protected", is_flag=True, help="With victims and test purchases, left out otherwise.")
@intel_option
@case_options
@json_option
@click.pass_obj
def export(
    app: App, *, out: Path, list_name: str | None, category: str | None, actor: str | None, of_case: str | None,
    tlp_red: bool, protected: bool, intel: str | None, case_id: str, purpose: str, as_json: bool,
) -> None:  # fmt: skip
    """Write tags and actors as TagPacks and ActorPacks. What is left out is counted and said.

    Importing the packs gives the same claims.
    """
    from adapters.intel.export import actorpacks, tagpacks
    from tracer.intel import taxonomy

    if category is not None and category not in taxonomy.load():
        raise UsageError(f"unknown category {category!r}.", hint="docs/formats.md names the file.")
    chosen = {"list": list_name, "category": category, "actor": actor, "of-case": of_case}
    asked = [f"--out={out}", *(f"--{name}={value}" for name, value in chosen.items() if value is not None)]
    asked += [name for name, given in (("--tlp-red", tlp_red), ("--protected", protected)) if given]
    with compose.case_question(app, "tags export", asked, case_id, purpose) as question:
        compose.words(list_name, actor, of_case)
        snapshot = compose.claims(app, intel)
        question.read(snapshot.id)
        tags = _chosen(_standing(snapshot, "tags", list_name), category, actor, of_case)
        actors = _standing(snapshot, "actors", list_name)
        if category or actor or of_case:
            actors = actors.clear()
        red = 0 if tlp_red else int((tags["tlp"] == RED).sum()) + int((actors["tlp"] == RED).sum())
        if not tlp_red:
            tags, actors = (frame.filter(frame["tlp"] != RED) for frame in (tags, actors))
        shielded = tags.clear() if protected else _shielded(snapshot, tags)
        tags = tags.join(shielded, on="claim_id", how="anti", maintain_order="left")
        packs = [*tagpacks(tags), *actorpacks(actors)]
        document = {
            "schema": "tracer.export/1",
            "intel_snapshot": snapshot.id,
            "tlp": most_closed([*tags["tlp"].to_list(), *actors["tlp"].to_list()]),
            "files": [
                {"file": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
                for name, data in ((name, text.encode()) for name, text in packs)
            ],
            "tags": tags.height,
            "actors": actors.height,
            "left_out": {
                "tlp_red": red,
                "protected": shielded.height,
                "not_read": sum(e.rows for e in snapshot.unreadable() if e.kind in ("tags", "actors")),
            },
        }
        _write(out, packs)
        question.used([*tags["claim_id"].to_list(), *actors["claim_id"].to_list()])
        question.answered(json_text(document).encode())
    app.emit(document, as_json, lambda shown: _render_export(shown, out))


def _standing(snapshot: Snapshot, kind: Any, list_name: str | None) -> pl.DataFrame:
    frame = snapshot.claims(kind)
    if list_name is None:
        return frame
    import polars as pl

    entries = [entry for entry in snapshot.entries if entry.list == list_name]
    if not entries:
        raise UsageError(f"there is no list {list_name!r}.", hint="`tracer tags stats` names the lists.")
    ids = [_frame(snapshot, entry).select("claim_id") for entry in entries if entry.kind == kind]
    return frame.join(pl.concat([frame.select("claim_id").clear(), *ids]), on="claim_id", how="semi")


def _frame(snapshot: Snapshot, entry: ListEntry) -> pl.DataFrame:
    try:
        return snapshot.list_frame(entry)
    except PermissionError as error:
        raise SourceUnavailable(
            f"list {entry.list!r} cannot be read: its permissions keep it from you.", hint="Ask its owner."
        ) from error


def _chosen(tags: pl.DataFrame, category: str | None, actor: str | None, of_case: str | None) -> pl.DataFrame:
    import polars as pl

    for column, value in (("category", category), ("actor", actor), ("case_id", of_case)):
        if value is not None:
            tags = tags.filter(pl.col(column) == value)
    return tags


def _shielded(snapshot: Snapshot, tags: pl.DataFrame) -> pl.DataFrame:
    """Claims about addresses that any claim asks to protect: the person is protected, not one statement."""
    from tracer.intel.wording import protecting

    protected = protecting(snapshot.tags())
    return tags.join(protected, on=["chain", "kind", "payload"], how="semi")


def _write(out: Path, packs: list[tuple[str, str]]) -> None:
    from tracer.intel.files import write_whole

    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in packs:
            write_whole(out / name, text.encode())
    except OSError as error:
        raise StoreUnwritable(
            f"cannot write to {out}: {error.strerror}.", hint="Choose another folder with --out DIR."
        ) from error


def _render_export(document: dict[str, Any], out: Path) -> None:
    click.echo(
        f"{document['tags']:,} tags and {document['actors']:,} actors in {len(document['files'])} packs, in {out}"
    )
    if document["tlp"]:
        click.echo(
            f"The packs hold claims marked {document['tlp']}: pass them on to nobody whom it does not allow."
        )
    left = document["left_out"]
    for name, words in (
        ("tlp_red", "TLP:RED claims (--tlp-red takes them)"),
        ("protected", "claims about protected addresses (--protected takes them)"),
        ("not_read", "claims in lists that you may not read"),
    ):
        if left[name]:
            click.echo(f"left out: {left[name]:,} {words}")


@click.command("compare")
@click.argument("first", metavar="LIST")
@click.argument("second", metavar="LIST")
@intel_option
@case_options
@json_option
@click.pass_obj
def compare(
    app: App, *, first: str, second: str, intel: str | None, case_id: str, purpose: str, as_json: bool
) -> None:
    """Compare the addresses of two lists, named by their start: what both hold, and what only one does.

    Names may be cut short: all lists that begin so are taken together.
    """
    with compose.case_question(app, "tags compare", [first, second], case_id, purpose) as question:
        snapshot = compose.claims(app, intel)
        question.read(snapshot.id)
        document = _comparison(snapshot, first, second)
        question.answered(json_text(document).encode())
    app.emit(document, as_json, lambda shown: _render_comparison(app, shown))


def _comparison(snapshot: Snapshot, first: str, second: str) -> dict[str, Any]:
    import polars as pl

    entries = [_named(snapshot, name) for name in (first, second)]
    keys = ["chain", "address"]
    here, there = (
        pl.concat([_frame(snapshot, entry).select(keys) for entry in found]).unique().sort(keys)
        for found in entries
    )
    both = here.join(there, on=keys, how="semi")
    sides = here.join(there, on=keys, how="anti"), there.join(here, on=keys, how="anti")
    return {
        "schema": "tracer.tags_comparison/1",
        "intel_snapshot": snapshot.id,
        "lists": [
            {
                "name": name,
                "published": max((e.published for e in found), default="") or None,
                "lists": [e.list for e in found],
                "addresses": frame.height,
            }
            for name, found, frame in zip((first, second), entries, (here, there), strict=True)
        ],
        "both": both.height,
        "chains": [
            {"chain": chain, "both": _count(both, chain), "only_first": _count(sides[0], chain),
             "only_second": _count(sides[1], chain)}
            for chain in sorted({*here["chain"].to_list(), *there["chain"].to_list()})
        ],
        "only_first": sides[0].to_dicts(),
        "only_second": sides[1].to_dicts(),
    }  # fmt: skip


def _count(frame: pl.DataFrame, chain: str) -> int:
    return int((frame["chain"] == chain).sum())


def _named(snapshot: Snapshot, name: str) -> list[ListEntry]:
    tags = [entry for entry in snapshot.entries if entry.kind == "tags"]
    found = [entry for entry in tags if entry.list == name] or [e for e in tags if e.list.startswith(name)]
    if not found:
        raise UsageError(f"no list begins with {name!r}.", hint="`tracer tags stats` names the lists.")
    return found


def _render_comparison(app: App, document: dict[str, Any]) -> None:
    from rich.table import Table

    one, two = document["lists"]
    for side in (one, two):
        click.echo(
            f"{side['name']}: {side['addresses']:,} addresses in {len(side['lists'])} list(s), "
            f"{side['published'] or 'undated'}"
        )
    table = Table("chain", "in both", f"only {one['name']}", f"only {two['name']}")
    for row in document["chains"]:
        table.add_row(row["chain"], *(f"{row[key]:,}" for key in ("both", "only_first", "only_second")))
    app.console().print(whole(table))
    for side, rows in ((one, document["only_first"]), (two, document["only_second"])):
        for row in rows[:SHOWN]:
            click.echo(f"only in {side['name']}: {row['chain']} {row['address']}")
        if len(rows) > SHOWN:
            click.echo(f"... and {len(rows) - SHOWN:,} more only in {side['name']}; --json lists all")


@click.command("stats")
@intel_option
@case_options
@json_option
@click.pass_obj
def stats(app: App, intel: str | None, case_id: str, purpose: str, as_json: bool) -> None:
    """Count the tags: by list, chain, category, confidence and age; how many are contested or withdrawn.

    With --case or --purpose it leaves a line in the custody log.
    """
    snapshot = compose.claims(app, intel)
    document = _statistics(snapshot)
    if case_id or purpose:
        with compose.case_question(app, "tags stats", [], case_id, purpose) as question:
            question.read(snapshot.id)
            question.answered(json_text(document).encode())
    app.emit(document, as_json, lambda shown: _render_stats(app, shown))


def _statistics(snapshot: Snapshot) -> dict[str, Any]:
    import polars as pl

    from tracer.intel import taxonomy
    from tracer.intel.wording import protecting

    tags = snapshot.tags()
    # a label of a person or an offence says what an address was used for, not who else claims it
    holding = [word for word, concept in taxonomy.load().items() if concept.behaviour != "follow"]
    said = pl.when(pl.col("actor") != "").then(pl.col("actor")).otherwise(pl.col("label"))
    actors = {name: snapshot.names.actor_of(name) or name for name in tags.select(said.unique()).to_series()}
    named = said.replace(actors).str.to_lowercase()
    held = (pl.col("actor") != "") | pl.col("category").is_in(holding)
    per_address = tags.group_by("chain", "kind", "payload").agg(
        named.filter(held).n_unique().alias("parties")
    )

    def counted(column: str) -> dict[str, int]:
        rows = tags.group_by(column).len().sort("len", column, descending=[True, False]).iter_rows()
        return {name or "(none)": count for name, count in rows}

    return {
        "schema": "tracer.tags_stats/1",
        "intel_snapshot": snapshot.id,
        "tags": tags.height,
        "addresses": per_address.height,
        "contested_addresses": int((per_address["parties"] > 1).sum()),
        "actors": len(set(tags["actor"].unique().to_list()) - {""}),
        "protected": protecting(tags).height,
        "withdrawn": snapshot.withdrawn_tags().height,
        "by_chain": counted("chain"),
        "by_category": counted("category"),
        "by_confidence": counted("confidence"),
        "by_year": dict(sorted(_years(tags).items())),
        "lists": snapshot.lists("tags", "actors"),
    }


def _years(tags: pl.DataFrame) -> dict[str, int]:
    years = tags["lastmod"].str.slice(0, 4).value_counts().iter_rows()
    return {year or "undated": count for year, count in years}


def _render_stats(app: App, document: dict[str, Any]) -> None:
    from rich.table import Table

    click.echo(
        f"{document['tags']:,} tags of {document['addresses']:,} addresses and {document['actors']:,} actors; "
        f"{document['contested_addresses']:,} addresses are claimed by more than one party, "
        f"{document['protected']:,} tags protect somebody, {document['withdrawn']:,} were withdrawn"
    )
    for title in ("by_chain", "by_category", "by_confidence", "by_year"):
        table = Table(title.removeprefix("by_"), "tags")
        table.columns[1].justify = "right"
        for name, count in list(document[title].items())[:SHOWN]:
            table.add_row(name, f"{count:,}")
        if len(document[title]) > SHOWN:
            table.add_row(f"... and {len(document[title]) - SHOWN} more in the JSON", "")
        app.console().print(whole(table))
    table = Table("list", "rows", "published", "version")
    for row in document["lists"]:
        table.add_row(row["list"], f"{row['rows']:,}", row["published"] or "undated", row["version"])
    app.console().print(whole(table))
    not_read(document["lists"])
