"""A trace in plain words: what it says, and what nobody may read into it."""

from __future__ import annotations

from cli.trace_answer import Answer, Document, with_worth


def says(document: Document) -> list[str]:
    """The result in plain words; every sentence names the convention it rests on."""
    answer = Answer(document)
    lines = []
    for doc in answer.documents:
        rows = doc["endpoints"]
        under = f"Under {'FIFO' if doc['method'] == 'fifo' else doc['method']}"
        if rows:
            named = ", ".join(
                f"{r['entity']} {with_worth(r['amount'])} (KYC then: {r['kyc_level']})" for r in rows[:3]
            )
            more = f" and {len(rows) - 3} more" if len(rows) > 3 else ""
            lines.append(f"{under}, money from the seed reached {named}{more}.")
        else:
            asked = " of the kind asked for" if answer.filtered else ""
            lines.append(
                f"{under}, no labelled service{asked} was reached in the blocks and claims named above."
            )
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


def _prices(answer: Answer) -> list[str]:
    """Whose prices the fiat values rest on."""
    amounts = [row["amount"] for doc in answer.documents for key in _VALUED for row in doc[key]]
    amounts.append(answer.main["seed_summary"]["gross_received"])
    known = [amount["fiat"] for amount in amounts if amount["fiat"]]
    if not known:
        return []
    sources = sorted({source for fiat in known for source in fiat["source"].split("; ")})
    return [
        f"Values in {known[0]['currency']} are the price of the UTC day of each payment by {'; '.join(sources)}; "
        "sums are sums of these. Nobody needs to have bought or sold at that price."
    ]


_VALUED = ("endpoints", "stops", "unspent", "unread")


def says_not(document: Document) -> list[str]:
    """What nobody may read into the result."""
    answer = Answer(document)
    legs = [leg for doc in answer.documents for row in doc["endpoints"] for leg in row["legs"]]
    stops = {row["reason"] for doc in answer.documents for row in doc["stops"]}
    totals = [doc["totals"][0] for doc in answer.documents]
    roles = {leg["role"] for leg in legs}
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
                any(row["nested_in"] for doc in answer.documents for row in doc["endpoints"]),
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
