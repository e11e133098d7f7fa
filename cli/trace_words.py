"""A trace in plain words: what it says, and what nobody may read into it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cli.trace_answer import MARKING, Answer, Document, many, with_worth


def says(document: Document) -> list[str]:
    """The result in plain words; every sentence names the convention it rests on."""
    answer = Answer(document)
    lines = []
    for doc in answer.documents:
        under = f"Under {doc['method'].upper() if doc['method'] in _SHORT else doc['method']}"
        lines.append(f"{under}, {_found(answer, doc)}.")
        lines += [f"{under}, {text}." for text in _ended(answer, doc)]
        lines += _behind(under, doc)
    if answer.main["unit"] == "entity" and answer.backward:
        lines.append(
            "The money entered the market or service; shares are shares of the pool's inflow; "
            "not attributable to one order or one customer."
        )
    elif answer.main["unit"] == "entity":
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


def _found(answer: Answer, doc: Mapping[str, Any]) -> str:
    """Services that can be asked; poison's are those where marked outputs lie, whole."""
    if not doc["endpoints"]:
        labelled = any(stop["basis"] == "claim" for stop in doc["stops"])
        asked = " of the kind asked for" if answer.filtered else " that could be asked" if labelled else ""
        what = f"no {'' if labelled else 'labelled '}service{asked}"
        return (
            f"{what} {'paid it' if answer.backward else 'was reached'} in the blocks and claims named above"
        )
    if doc["method"] == MARKING:
        return f"{_marked(answer)} {_holding(doc['endpoints'])}"
    did = "of the seed came from" if answer.backward else "from the seed reached"
    return f"money {did} {_exits(doc['endpoints'])}"


def _marked(answer: Answer) -> str:
    if answer.backward:
        return "outputs marked by the seed's money were paid by"
    return "outputs that any of the seed's money touched reached"


def _ended(answer: Answer, doc: Mapping[str, Any]) -> Iterator[str]:
    """Labelled places that nobody can be asked at: a market's pool, a mixer, a category to stop at."""
    sums: dict[tuple[str, str], int] = {}
    for stop in doc["stops"]:
        if stop["basis"] == "claim":
            key = (stop["entity"] or "a tagged address", stop["reason"])
            sums[key] = sums.get(key, 0) + int(stop["amount"]["base_units"])
    if not sums:
        return
    ranked = sorted(sums.items(), key=lambda item: (-item[1], item[0]))
    named = [
        f"{name} ({reason}): {answer.coins(units)} {answer.asset}"
        for (name, reason), units in ranked[:_NAMED]
    ]
    more = f" and {len(ranked) - _NAMED} more" if len(ranked) > _NAMED else ""
    if doc["method"] == MARKING:
        did = "marked outputs lie at" if answer.backward else "marked outputs ended at"
    else:
        did = "it came from" if answer.backward else "it ended at"
    yield f"{did} {', '.join(named)}{more}; not attributable further"


def _holding(rows: Sequence[Mapping[str, Any]]) -> str:
    named = [
        f"{r['entity']}, holding {with_worth(r['amount'])} in all (KYC then: {r['kyc_level']})"
        for r in rows[:_NAMED]
    ]
    return "; ".join(named) + (f"; and {len(rows) - _NAMED} more" if len(rows) > _NAMED else "")


def _exits(rows: Sequence[Mapping[str, Any]]) -> str:
    named = [f"{r['entity']} {with_worth(r['amount'])} (KYC then: {r['kyc_level']})" for r in rows[:_NAMED]]
    return ", ".join(named) + (f" and {len(rows) - _NAMED} more" if len(rows) > _NAMED else "")


def _behind(under: str, doc: Mapping[str, Any]) -> Iterator[str]:
    """Exits that only the word of a service leads to."""
    rows = [row for row in doc["offchain"] if row["continuation"] and row["continuation"]["endpoints"]]
    for row in rows[:_NAMED]:
        found, marking = row["continuation"]["endpoints"], doc["method"] == MARKING
        what, reached = ("marked outputs", _holding(found)) if marking else ("money", _exits(found))
        yield (
            f"{under}, on the word of {row['reference']} ({row['source']}), {what} behind {row['from']} "
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


_SHORT = ("fifo", "lifo", "tiho")

_NAMED = 3
"""Of services, and of links, a sentence names these; the sections above have more."""

_VALUED = ("endpoints", "stops", "unspent", "unread")


def untagged_pool(stop: Mapping[str, Any]) -> str:
    """What tells that a wallet nobody tagged is a pool, or that a pool is shielded; "" at any other stop."""
    if stop["basis"] == "shielded_pool":
        return " (a shielded pool)"
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
    rows = [row for part in answer.parts for row in part["stops"]]
    untagged = any(row["basis"] == "pool_like" for row in rows)
    shielded = any(row["basis"] == "shielded_pool" for row in rows)
    mixed = any(row["reason"] == "mixer" and row["basis"] != "shielded_pool" for row in rows)
    one = len(answer.documents) == 1
    turned = {about: texts[answer.backward] for about, texts in _TURNED.items()}
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
                "Poison marks whole outputs and divides nothing: its amounts are what was marked, not what was the "
                "seed's.",
                MARKING in answer.methods,
            ),
            (
                "A withdrawal is a payment of the service: only the service can say whose account it debited.",
                "withdrawal" in roles,
            ),
            (
                "An address in very many transactions is some business that nobody named; --high-degree 0 follows "
                "through it.",
                "high_degree" in stops,
            ),
            (turned["lead"], bool(answer.main["leads"])),
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
            (turned["pool"], "custodial_pool" in stops),
            (turned["mixer"], mixed),
            (turned["shielded"], shielded),
            (
                "An off-chain link is what a service says; inside it coins are interchangeable, and how much of a "
                "withdrawal the traced money paid for only the service knows.",
                any(doc["offchain"] for doc in answer.documents),
            ),
            (
                "An account that a service holds at another service may be many customers': ask both.",
                any(row["nested_in"] for part in answer.parts for row in part["endpoints"]),
            ),
            (turned["unread"], any(int(t["unread"]) for t in totals)),
            (turned["pruned"], not stops.isdisjoint(_LIMITS)),
            (turned["interrupted"], "interrupted" in stops),
            (
                "An address without a tag may still belong to a service: the absence of a label is not innocence.",
                True,
            ),
        )
        if holds
    ]


_LIMITS = ("hop_limit", "value_floor", "tx_limit", "time_window")
"""Stops that a limit of the question made, and nobody's hand."""

_TURNED = {
    "lead": (
        "A service behind a mixer is a lead: somebody's coins went there, and nobody can tell whose.",
        "A service behind a mixer is a lead: somebody's coins came from there, and nobody can tell whose.",
    ),
    "pool": (
        "Inside a pool coins are interchangeable: nothing that later left it is attributed to this money.",
        "Inside a pool coins are interchangeable: what earlier entered the pool is not this money's source.",
    ),
    "mixer": (
        "What entered a mixer is not followed through it; where it came out is not known.",
        "What entered the mixer before is not followed back; whose coins these were is not known.",
    ),
    "shielded": (
        "What went into a shielded pool is not followed: which later payments out of it are this money's no ledger "
        "says.",
        "What came out of a shielded pool has no source that a ledger names.",
    ),
    "unread": (
        "Unread money is neither unspent nor spent: the blocks that would tell were not read.",
        "Where unread money came from is not known: the blocks that would tell were not read.",
    ),
    "pruned": (
        "Pruned money went on; the limits of this question (hops, value, time, size) cut it off.",
        "Pruned money has an earlier source; the limits of this question (hops, value, time, size) cut it off.",
    ),
    "interrupted": (
        "Interrupted money went on; a person ended the trace there, and nobody looked further.",
        "Interrupted money has an earlier source; a person ended the trace there, and nobody looked further.",
    ),
}
"""What is said forward and backward."""
