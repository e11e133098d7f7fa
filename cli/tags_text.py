"""Tags for people: a table of many, or the claims about one address, best first, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from cli.app import whole

if TYPE_CHECKING:
    from rich.console import Console

SHOWN_ROWS = 200
_MORE = (
    ("actor", "actor"), ("role", "role"), ("nested_in", "account at"), ("programme", "programmes"),
    ("designated_at", "designated"), ("valid_from", "held from"), ("valid_to", "held to"), ("pack", "pack"),
    ("author", "said by"), ("reason", "because"), ("case_id", "case"), ("context", "context"),
)  # fmt: skip


def render(console: Console, document: Mapping[str, Any]) -> None:
    """Print tags, and in which lists they were looked up."""

    def say(text: str) -> None:
        console.print(text, soft_wrap=True)

    rows, address = document["tags"], document["query"]["address"]
    if not rows:
        say("No tags match." if address is None else f"No tag of {address} in the lists below.")
    elif "resolution" in document:
        for row in rows[:SHOWN_ROWS]:
            _one(console, row)
        for resolution in document["resolution"]:
            _resolution(console, resolution)
    else:
        _table(console, rows[:SHOWN_ROWS])
    if len(rows) > SHOWN_ROWS:
        say(f"{SHOWN_ROWS} of {len(rows)} shown; --json prints all.")
    for row in document["withdrawn"][:SHOWN_ROWS]:
        taken = row["withdrawn"]
        say(
            f"withdrawn on {taken['withdrawn_at']} by {taken['author']}: {row['label']} ({row['source']}): "
            f"{taken['reason']}"
        )
    if "asked" in document:
        say(f"{document['tagged']:,} of {document['asked']:,} addresses are tagged.")
    if not document["lists"]:
        say("No claims are loaded, so nothing was looked up: `tracer tags import FILE` loads some.")
    elif address is not None:
        say("Looked up in:")
        for row in document["lists"]:
            say(
                f"  {row['list']} ({row['rows']:,} rows, {row['published'] or 'undated'}, version {row['version']})"
            )
    not_read(document["lists"])
    if address is not None and document["lists"]:
        say("A tag is what its source says, not a fact of the chain; no tag is no innocence.")


def not_read(lists: Sequence[Mapping[str, Any]]) -> None:
    """Say which lists an answer is without, because their permissions keep them from this user."""
    for row in lists:
        if row["status"] == "missing":
            click.echo(f"NOT READ: {row['list']} ({row['rows']:,} rows): its permissions keep it from you.")


def _label(row: Mapping[str, Any]) -> str:
    protected = f" (protected: {row['protection'].replace('_', ' ')})" if row["protection"] else ""
    label: str = row["label"]
    return label + protected + (f" [{row['tlp']}]" if row["tlp"] else "")


def _words(row: Mapping[str, Any]) -> str:
    return " ".join(word for word in (row["category"], row["concepts"]) if word)


def _one(console: Console, row: Mapping[str, Any]) -> None:
    """One claim about the address that was asked for."""
    console.print(
        f"{row['rank']:>3}. {_label(row)}: {_words(row) or 'no category'} on {row['chain']}", soft_wrap=True
    )
    console.print(f"     {row['why']}", soft_wrap=True)
    console.print(f"     by {row['source']}", soft_wrap=True)
    more = [f"{what} {row[name]}" for name, what in _MORE if row[name]]
    if more:
        console.print(f"     {'; '.join(more)}", soft_wrap=True)
    console.print(f"     claim {row['claim_id']}", soft_wrap=True, style="dim")


def _table(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    from rich.table import Table

    table = Table("chain", "address", "label", "category", "actor", "confidence", "date", "source")
    for row in rows:
        cells = (row["chain"], row["address"], _label(row), _words(row), row["actor"], row["confidence"],
                 row["lastmod"], row["source"])  # fmt: skip
        table.add_row(*(cell or "" for cell in cells))
    console.print(whole(table))


def _resolution(console: Console, resolution: Mapping[str, Any]) -> None:
    names, where = resolution["claimed_by"], f"on {resolution['chain']}"
    if resolution["at_different_times"]:
        text = f"Claimed {where} by {' and '.join(names)} at different times: the day decides (--at DATE)."
    elif resolution["named"] is None:
        text = f"Claimed {where} by {' and '.join(names)}, as surely and as recently: nobody is named."
    elif len(names) > 1:
        text = f"Taken {where} as {resolution['named']} by the rule: {resolution['rule']}."
    else:
        return
    console.print(text, soft_wrap=True)
