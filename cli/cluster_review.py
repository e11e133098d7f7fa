"""`tracer cluster review`: links that were refused, and merges that raised an alarm."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from cli import cluster_common as common
from cli.app import App, at_option, case_options, intel_option, json_option, json_text, whole
from cli.cluster_common import DEFAULT_CHAIN

if TYPE_CHECKING:
    from tracer.clustering.review import Item, Side

ROWS = 20
WORDS = {
    "different_parties": "claims give the two sides to different parties",
    "split": "an analyst split them",
    "payer_payee": "one paid the other, in a payment whose change is known",
    "both_large": "both sides are large",
    "one_side_known": "claims know one side's party, and not the other's",
    "leap": "the largest cluster of all would grow by a leap",
}


@click.command("review")
@click.argument("chain", default=DEFAULT_CHAIN)
@click.option(
    "--tier", type=click.Choice(["conservative", "extended"]), help="Of this tier only; else of both."
)
@click.option(
    "--limit", type=click.IntRange(0), default=ROWS, show_default=True, help="How many to list; 0 for all."
)
@at_option
@intel_option
@case_options
@json_option
@click.pass_obj
def command(
    app: App,
    *,
    chain: str,
    tier: str | None,
    limit: int,
    at: str | None,
    intel: str | None,
    case_id: str,
    purpose: str,
    as_json: bool,
) -> None:
    """List what waits for an analyst: links of CHAIN (bitcoin) that were refused, and merges that are too large.

    Settle one with `tracer cluster join`, `tracer cluster split`, or by withdrawing the claim that is wrong.
    """
    from cli import compose
    from tracer.clustering import review
    from tracer.clustering.rules import Tier

    entry = compose.chain(chain)
    asked = [entry.name, f"--tier={tier or 'both'}", f"--limit={limit}"]
    asked += [f"--at={at}"] if at else []
    with compose.case_question(app, "cluster review", asked, case_id, purpose) as question:
        snapshot = compose.claims(app, intel)
        question.read(snapshot.id)
        built = "conservative" if tier == "conservative" else "extended"
        with compose.linked(app, entry.name, snapshot, built, at=at) as ledger:
            state = common.usable(ledger, built)
            found = review.items(ledger, state.height, Tier(tier) if tier else None)
            document = {
                "schema": "tracer.cluster_review/1",
                **common.head(ledger, state, snapshot),
                "counts": dict(sorted(Counter(f"{item.tier} {item.reason}" for item in found).items())),
                "items": [_row(item) for item in (found[:limit] if limit else found)],
                "not_listed": max(0, len(found) - limit) if limit else 0,
            }
        question.read(document["as_of"][0]["block_hash"])
        question.answered(json_text(document).encode())
    app.emit(document, as_json, lambda shown: _render(app, shown))


def _row(item: Item) -> dict[str, Any]:
    def side(of: Side) -> dict[str, Any]:
        return {"address": of.address, "cluster": of.cluster, "size": of.size}

    return {
        "kind": item.kind,
        "tier": item.tier,
        "reason": item.reason,
        "heuristic": item.heuristic,
        "times": item.times,
        "txid": item.txid,
        "a": side(item.a),
        "b": side(item.b),
    }


def _render(app: App, document: dict[str, Any]) -> None:
    from rich.table import Table

    if not document["items"]:
        click.echo("Nothing waits: no link was refused, and no merge raised an alarm.")
    else:
        table = Table("what", "tier", "why", "by", "times", "first transaction", "one side", "other side")
        for row in document["items"]:
            table.add_row(
                row["kind"],
                row["tier"],
                WORDS[row["reason"]],
                row["heuristic"],
                f"{row['times']:,}",
                row["txid"] or "(an override)",
                f"{row['a']['address']} ({row['a']['size']:,} in its cluster)",
                f"{row['b']['address']} ({row['b']['size']:,} in its cluster)",
            )
        app.console().print(whole(table))
        for what, count in document["counts"].items():
            click.echo(f"{count:,}: {what.partition(' ')[0]} tier, {WORDS[what.partition(' ')[2]]}")
    if document["not_listed"]:
        click.echo(f"{document['not_listed']:,} more; --limit 0 lists all.")
    for note in document["coverage"]["notes"]:
        click.echo(f"partial: {note}")
