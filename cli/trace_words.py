"""A trace in plain words: what it says, and what nobody may read into it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cli.trace_answer import Answer, Document, many, with_worth


def says(document: Document) -> list[str]:
    """The result in plain words; every sentence names the convention it rests on."""
    answer = Answer(document)
    lines = []
    for doc in answer.documents:
        under = f"Under {'FIFO' if doc['method'] == 'fifo' else doc['method']}"
        if doc["endpoints"]:
            lines.append(f"{under}, money from the seed reached {_exits(doc['endpoints'])}.")
        else:
            asked = " of the kind asked for" if answer.filtered else ""
            lines.append(
                f"{under}, no labelled service{asked} was reached in the blocks and claims named above."
            )
        lines += _behind(under, doc)
    if answer.main["unit"] == "entity":
        lines.append(
            "The money left the market or service; shares are shares of the pool's outflow; "
            "not attributable to one order or one customer."
        )
    lines += _prices(answer)
    if len(answer.documents) > 1:
        lines.append(
            "The methods are conventions; the truth may lie anywhere from nothing to the upper bound of each service."
        )
    return lines


def _exits(rows: Sequence[Mapping[str, Any]]) -> str:
    named = [f"{r['entity']} {with_worth(r['amount'])} (KYC then: {r['kyc_level']})" for r in rows[:_NAMED]]
    return ", ".join(named) + (f" and {len(rows) - _NAMED} more" if len(rows) > _NAMED else "")


def _behind(under: str, doc: Mapping[str, Any]) -> Iterator[str]:
    """Exits that only the word of a service leads to."""
    rows = [row for row in doc["offchain"] if row["continuation"] and row["continuation"]["endpoints"]]
    for row in rows[:_NAMED]:
        reached = _exits(row["continuation"]["endpoints"])
        yield (
            f"{under}, on the word of {row['reference']} ({row['source']}), money behind {row['from']} "
            f"reached {reached}; totals apart."
        )
    if len(rows) > _NAMED:
        yield f"{under}, services were reached behind {many(len(rows) - _NAMED, 'more link')}; totals apart."


def _prices(answer: Answer) -> list[str]:
    """Whose prices the fiat values rest on."""
    amounts = [row["amount"] for part in answer.parts for key in _VALUED for row in part[key]]
    amounts.append(answer.main["seed_summary"]["gross_received"])
    known = [amount["fiat"] for amount in amounts if amount["fiat"]]
    if not known:
        return []
    sources = sorted({source for fiat in known for source in fiat["source"].split("; ")})
    return [
        f"Values in {known[0]['currency']} are the price of the UTC day of each payment by {'; '.join(sources)}; "
        "sums are sums of these. Nobody needs to have bought or sold at that price."
    ]


_NAMED = 3
"""Of services, and of links, a sentence names these; the sections above have more."""

_VALUED = ("endpoints", "stops", "unspent", "unread")


def untagged_pool(stop: Mapping[str, Any]) -> str:
    """What tells that a wallet nobody tagged is a pool; "" at any other stop."""
    if stop["basis"] != "pool_like":
        return ""
    found = stop["evidence"]
    return (
        f" (an untagged wallet that behaves like a pool: {many(found['depositors'], 'depositor')}, "
        f"{many(found['batches'], 'batch payout')})"
    )


def account(leg: Mapping[str, Any]) -> str:
    """What the account behind a deposit address looks like, where its payers tell."""
    shape = {
        "single_like": "one person's account by its payers",
        "shared_like": "an account that many people pay",
        "nested": "a service's account by its payers",
    }.get(leg["account_shape"] or "")
    return f"; {shape}" if shape else ""


def says_not(document: Document) -> list[str]:
    """What nobody may read into the result."""
    answer = Answer(document)
    legs = [leg for part in answer.parts for row in part["endpoints"] for leg in row["legs"]]
    stops = {row["reason"] for part in answer.parts for row in part["stops"]}
    totals = [part["totals"][0] for part in answer.parts]
    roles = {leg["role"] for leg in legs}
    shapes = {leg["account_shape"] for leg in legs}
    untagged = any(row["basis"] == "pool_like" for part in answer.parts for row in part["stops"])
    one = len(answer.documents) == 1
    return [
        text
        for text, holds in (
            (f"It holds under {answer.methods[0]} alone; another convention may name other services.", one),
            (
                "A service that only one convention finds is a lead, not a finding.",
                any(row["only_in"] for row in answer.comparison),
            ),
            (
                "A payment to a hot wallet identifies no customer: ask who was credited by that transaction.",
                "hot" in roles,
            ),
            (
                "A deposit address is the service's: only the service can say whose account it credited.",
                "deposit" in roles,
            ),
            (
                "Whoever holds an account that many people pay is not the payer: ask whom the service credited, "
                "and for whom.",
                "shared_like" in shapes,
            ),
            (
                "An untagged pool is recognised by what it does: whose it is nobody said; --pools tagged follows "
                "through it.",
                untagged,
            ),
            (
                "Inside a pool coins are interchangeable: nothing that later left it is attributed to this money.",
                "custodial_pool" in stops,
            ),
            (
                "What entered a mixer is not followed through it; where it came out is not known.",
                "mixer" in stops,
            ),
            (
                "An off-chain link is what a service says; inside it coins are interchangeable, and how much of a "
                "withdrawal the traced money paid for only the service knows.",
                any(doc["offchain"] for doc in answer.documents),
            ),
            (
                "An account that a service holds at another service may be many customers': ask both.",
                any(row["nested_in"] for part in answer.parts for row in part["endpoints"]),
            ),
            (
                "Unread money is neither unspent nor spent: the blocks that would tell were not read.",
                any(int(t["unread"]) for t in totals),
            ),
            (
                "Pruned money went on; the limits of this question (hops, value, time, size) cut it off.",
                any(int(t["pruned"]) for t in totals),
            ),
            (
                "An address without a tag may still belong to a service: the absence of a label is not innocence.",
                True,
            ),
        )
        if holds
    ]
