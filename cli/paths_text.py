"""Paths for people: one block each, every txid on a line of its own, whole; then what may be read into it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from cli.compose import chain
from cli.trace_answer import ROWS, many, with_worth
from tracer.flow.paths.limits import nothing, within

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    Document = Mapping[str, Any]


def render(console: Console, document: Document) -> None:
    """Print an answer about paths."""
    _head(console, document)
    for rank, path in enumerate(document["paths"], start=1):
        _block(console, rank, path)
    if document["more"]:
        console.print(
            f"\n... and there are more paths: --best {2 * document['parameters']['best']} lists some"
        )
    _categories(console, document)
    for row in document["protected"][:ROWS]:
        console.print(
            f"\nProtected, leave it out of what is passed on: {row['protection'].replace('_', ' ')} {row['address']}",
            soft_wrap=True,
        )
    for title, lines in (
        ("What this result says", says(document)),
        ("What it does not say", says_not(document)),
    ):
        console.print(f"\n{title}", style="bold")
        for line in lines:
            console.print(f"  - {line}")


def _head(console: Console, document: Document) -> None:
    tip, coverage = document["as_of"][0], document["coverage"]
    if document["tlp"]:
        console.print(
            f"{document['tlp']}: show this to nobody whom that marking does not allow", style="bold"
        )
    console.print(f"Paths on {tip['chain']} as of block {tip['height']} ({tip['block_time']})", style="bold")
    for seed in document["seeds"]:
        console.print(f"  from {seed['kind']} {seed['value']}: {many(seed['lots'], 'lot')}", soft_wrap=True)
    for end in document["targets"]:
        console.print(f"  to {end['kind']} {end['value']}", soft_wrap=True)
    if not document["targets"]:
        exits = document["parameters"]["exits"]
        console.print(f"  to services{': ' + ', '.join(exits) if exits else ''}")
    console.print(
        f"  engine {document['engine']}, claims {document['intel_snapshot']}, coverage {coverage['status']}"
    )
    for note in coverage["notes"]:
        console.print(f"  note: {note}", soft_wrap=True)


def _block(console: Console, rank: int, path: Mapping[str, Any]) -> None:
    start, end = path["from"], path["to"]
    console.print(
        f"\n{rank}. at most {with_worth(path['bottleneck'])}, {many(path['hops'], 'hop')}, "
        f"{_span(path['first_time'], path['last_time'])}",
        style="bold",
        soft_wrap=True,
    )
    console.print(
        f"   from {start['address'] or 'no address'}, which held {with_worth(start['amount'])} since {start['time']}",
        soft_wrap=True,
    )
    console.print(f"      {start['outpoint']}", soft_wrap=True)
    for step in path["steps"]:
        console.print(
            f"   {step['time']}  {with_worth(step['amount'])} to {step['address'] or 'no address'}",
            soft_wrap=True,
        )
        console.print(f"      {step['makes']}", soft_wrap=True)
    if end["entity"]:
        known = end["kyc_level"]
        if known == "unknown" and end["kyc_last_known"]:
            known = f"unknown, last known {end['kyc_last_known']}"
        console.print(f"   held by {end['entity']} ({end['category']}, KYC then: {known})", soft_wrap=True)
    if end["swept_to"]:
        console.print(f"   swept to {end['swept_to']['address']} by", soft_wrap=True)
        console.print(f"      {end['swept_to']['txid']}", soft_wrap=True)


def _span(first: str, last: str) -> str:
    seconds = (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds()
    return f"{seconds / 86_400:.1f} days from {first} to {last}"


def _categories(console: Console, document: Document) -> None:
    rows = document["by_category"]
    if not rows:
        return
    console.print("\nServices that any path reaches", style="bold")
    for row in rows[:ROWS]:
        hidden = "" if row["asked_for"] else "; not asked for"
        console.print(
            f"  {row['category']}, KYC then {row['kyc_level']}: {many(row['outputs'], 'output')}, "
            f"by one path at most {with_worth(row['bottleneck'])}{hidden}",
            soft_wrap=True,
        )
    if len(rows) > ROWS:
        console.print(f"  ... and {many(len(rows) - ROWS, 'more kind')} in the JSON")


def empty(document: Document) -> bool:
    """Whether there was nothing to start from."""
    return nothing(document["parameters"], document["unit"]) in document["coverage"]["notes"]


def says(document: Document) -> list[str]:
    """The result in plain words."""
    hops, reached = document["parameters"]["hops"], document["reached"]
    if empty(document):
        why = nothing(document["parameters"], document["unit"])
        return [f"{why[0].upper()}{why[1:]}."]
    if not document["paths"]:
        what = "to it" if document["targets"] else "to a service that was asked for"
        limits = within(document["parameters"], chain(document["as_of"][0]["chain"]).decimals)
        return [f"No path {limits} leads {what} in what was read."]
    return [
        f"Money can have gone along each of these paths, at most {with_worth(reached['bottleneck'])} by a single one.",
        f"Paths of at most {hops} hops end in {many(reached['outputs'], 'output')} in all.",
    ]


def says_not(document: Document) -> list[str]:
    """What nobody may read into it."""
    found = bool(document["paths"])
    return [
        text
        for text, holds in (
            (
                "A path shows that money can have flowed, not that it did; how much did, `tracer trace` says by a "
                "convention.",
                found,
            ),
            (
                "Bottlenecks of several paths must not be added up: two paths may need the same coins.",
                len(document["paths"]) > 1,
            ),
            (
                "That no path was found is no proof that there is none: one may lie beyond these limits, or lead "
                "through a service, a pool or a mix, which no path here does.",
                not found and not empty(document),
            ),
            (
                "Not everything on the way was looked at (see the notes): better paths may be missing.",
                document["coverage"]["status"] != "complete" or not document["complete"],
            ),
            ("An address on a path need not belong to whoever stands at its start or its end.", found),
        )
        if holds
    ]
