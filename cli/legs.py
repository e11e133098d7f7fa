"""`tracer legs`: links that no chain shows, on the word of a service that was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli import compose
from cli.app import App, case_options, claim_options, intel_option, json_option, json_text
from cli.importing import today
from cli.tags_edit import put
from cli.tags_text import not_read
from tracer.intel.claims import most_closed

if TYPE_CHECKING:
    from tracer.intel.snapshot import Snapshot


@click.group()
def command() -> None:
    """Add and list off-chain links: what a service says it did with a deposit."""


@command.command("add")
@click.option("--from", "origin", required=True, metavar="TXID:VOUT", help="What the service received.")
@click.option("--to", "target", required=True, metavar="TXID:VOUT", help="What it says it paid out for it.")
@click.option("--reference", required=True, metavar="TEXT", help="The service's reply: file number, date.")
@click.option("--chain", default="bitcoin", show_default=True, metavar="NAME", help="Chain of --from.")
@click.option("--to-chain", default="", metavar="NAME", help="Chain of --to; that of --from when left out.")
@click.option("--source", default="", metavar="TEXT", help="Who replied; the reference when left out.")
@click.option("--date", "said_at", default="", metavar="DATE", help="Day of the reply; today when left out.")
@claim_options
@json_option
@click.pass_obj
def add(
    app: App, *, origin: str, target: str, reference: str, chain: str, to_chain: str, source: str, said_at: str,
    author: str, reason: str, case_id: str, tlp: str, as_json: bool,
) -> None:  # fmt: skip
    """Add a link from a deposit to a withdrawal, as an exchange's reply to a request states it.

    A trace that reaches the deposit shows the link dashed and goes on behind it with totals of its own: it
    is the word of a service, not of a chain.
    """
    compose.chain(chain)
    compose.chain(to_chain or chain)
    row = {
        "chain": chain, "origin": origin, "to_chain": to_chain or chain, "target": target, "reference": reference,
        "source": source or reference, "said_at": said_at or today(), "author": author, "reason": reason,
        "case_id": case_id, "tlp": compose.marking(tlp, case_id),
    }  # fmt: skip
    put(app, "legs add", "legs", row, as_json)


@command.command("list")
@intel_option
@case_options
@json_option
@click.pass_obj
def list_(app: App, intel: str | None, case_id: str, purpose: str, *, as_json: bool) -> None:
    """List the off-chain links. It is a question of a case: it leaves a line in the custody log."""
    with compose.case_question(app, "legs list", [], case_id, purpose) as question:
        snapshot = compose.claims(app, intel)
        question.read(snapshot.id)
        document = _document(snapshot)
        question.used(row["claim_id"] for row in document["legs"])
        question.answered(json_text(document).encode())
    app.emit(document, as_json, _render)


def _document(snapshot: Snapshot) -> dict[str, Any]:
    rows = snapshot.claims("legs").to_dicts()
    return {
        "schema": "tracer.legs/1",
        "intel_snapshot": snapshot.id,
        "tlp": most_closed(row["tlp"] for row in rows),
        "lists": snapshot.lists("legs"),
        "legs": [{name: value or None for name, value in row.items()} for row in rows],
    }


def _render(document: dict[str, Any]) -> None:
    not_read(document["lists"])
    if not document["legs"]:
        standing = "stand: all were withdrawn" if document["lists"] else "are loaded"
        click.echo(f"No off-chain links {standing}. `tracer legs add` adds one.")
    for row in document["legs"]:
        mark = f" [{row['tlp']}]" if row["tlp"] else ""
        click.echo(f"{row['chain']} {row['origin']}")
        click.echo(f"  - - - {row['reference']} ({row['said_at']}, {row['author']}){mark} - - ->")
        click.echo(f"{row['to_chain']} {row['target']}")
