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
    _stops(console, document)
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
    if start["outpoint"] or "transfers" not in start:
        console.print(
            f"   from {start['address'] or 'no address'}, which held {with_worth(start['amount'])} since "
            f"{start['time']}",
            soft_wrap=True,
        )
        console.print(f"      {start['outpoint']}", soft_wrap=True)
    else:
        console.print(
            f"   from {start['address'] or 'no address'}, to which {with_worth(start['amount'])} came by "
            f"{many(start['transfers'], 'transfer')}, the first at {start['time']}",
            soft_wrap=True,
        )
    for step in path["steps"]:
        console.print(f"   {step['time']}  {_step(step)}", soft_wrap=True)
        console.print(f"      {step['makes']}", soft_wrap=True)
    if end["entity"]:
        known = end["kyc_level"]
        if known == "unknown" and end["kyc_last_known"]:
            known = f"unknown, last known {end['kyc_last_known']}"
        console.print(f"   held by {end['entity']} ({end['category']}, KYC then: {known})", soft_wrap=True)
    if stop := end.get("stop"):
        console.print(f"   {_ended(stop)}", soft_wrap=True)
    if end["swept_to"]:
        console.print(f"   swept to {end['swept_to']['address']} by", soft_wrap=True)
        console.print(f"      {end['swept_to']['txid']}", soft_wrap=True)


def _step(step: Mapping[str, Any]) -> str:
    """What moved, and to whom; of a conversion what became what."""
    to = step["address"] or "no address"
    converted = step.get("conversion")
    if converted is None:
        amount = "an amount that nobody could read" if step["amount"] is None else with_worth(step["amount"])
        return f"{amount} to {to}"
    gave, got = (converted[side]["amount_onchain"] for side in ("from", "to"))
    return f"{converted['kind']} of {with_worth(gave)} into {with_worth(got)} to {to}"


def _ended(stop: Mapping[str, Any]) -> str:
    """Why a trail ends there, and where a bridge says that the money went."""
    who = f" of {stop['entity']}" if stop["entity"] else ""
    words = f"which is a {stop['reason'].replace('_', ' ')}{who} ({stop['basis'].replace('_', ' ')})"
    told = stop["evidence"] or {}
    if stop["reason"] != "bridge" or not told:
        return words
    where = told["chain"] or (f"network {told['network']}" if told["network"] else "a chain it does not name")
    return f"{words}, on to {told['recipient'] or 'somebody it does not name'} on {where}"


def _stops(console: Console, document: Document) -> None:
    """Where the search had to stop on an account chain, the shortest list that says it."""
    rows = document.get("stops", [])
    if not rows:
        return
    told: dict[str, int] = {}
    for row in rows:
        line = f"{row['address'] or 'no address'}, {_ended(row)}"
        told[line] = told.get(line, 0) + 1
    console.print("\nPlaces where the search stopped", style="bold")
    for line, count in list(told.items())[:ROWS]:
        console.print(f"  {line}: {many(count, 'transfer')}", soft_wrap=True)
    if len(told) > ROWS:
        console.print(f"  ... and {many(len(told) - ROWS, 'more place')} in the JSON")


def _span(first: str, last: str) -> str:
    seconds = (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds()
    return f"{seconds / 86_400:.1f} days from {first} to {last}"


def _categories(console: Console, document: Document) -> None:
    rows = document["by_category"]
    if not rows:
        return
    console.print("\nServices that any path reaches", style="bold")
    what = _ends(document)
    for row in rows[:ROWS]:
        hidden = "" if row["asked_for"] else "; not asked for"
        console.print(
            f"  {row['category']}, KYC then {row['kyc_level']}: {many(row['outputs'], what)}, "
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
        limits = within(document["parameters"], _decimals(document))
        return [f"No path {limits} leads {what} in what was read."]
    most = " or ".join(with_worth(amount) for amount in reached.get("bottlenecks", [reached["bottleneck"]]))
    return [
        f"Money can have gone along each of these paths, at most {most} by a single one.",
        f"Paths of at most {hops} hops end in {many(reached['outputs'], _ends(document))} in all.",
        *(
            [
                "The path of the fewest hops comes first; among those the asset that arrives, then the amount. Amounts "
                "of different assets are not compared."
            ]
            if "bottlenecks" in reached
            else []
        ),
    ]


def _ends(document: Document) -> str:
    """What paths end in on this chain."""
    return "transfer" if "bottlenecks" in document["reached"] else "output"


def _decimals(document: Document) -> int:
    """Digits after the point of what --min-value was given in."""
    known = (row["decimals"] for row in document.get("floors", []) if row["decimals"] is not None)
    return next(known, chain(document["as_of"][0]["chain"]).decimals)


def _barred(document: Document) -> str:
    """What else than a service no path goes through on this chain."""
    return "a pool, a mix or a bridge" if "bottlenecks" in document["reached"] else "a pool or a mix"


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
                f"through a service, {_barred(document)}, which no path here does.",
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
