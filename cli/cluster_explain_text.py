"""An explanation for people: one paragraph per link, then what it says and what it does not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from cli.cluster_review import WORDS

if TYPE_CHECKING:
    from rich.console import Console

_BY = {
    "override_join": "an analyst's word",
    "co_spend": "spent together",
    "same_key": "one key",
    "deposit_sweep": "swept to a hot wallet",
    "agreed_change": "change of a payment",
}


def render(console: Console, document: Mapping[str, Any]) -> None:
    """Print it; addresses and txids stand whole on a line of their own, so that they can be copied."""
    for line in (*_answer(document), *_said(document), *_says(document)):
        console.print(line, soft_wrap=True)


def _answer(document: Mapping[str, Any]) -> Iterator[str]:
    if not document["linked"]:
        yield f"{document['from']} and {document['to']} are not linked in the {document['tier']} tier:"
        yield from (f"  {name}" for name in document["clusters"])
        yield from _leads(document)
        return
    links = document["links"]
    many = "1 link" if len(links) == 1 else f"{len(links):,} links"
    yield f"{document['clusters'][0]}, {document['tier']} tier: joined by {many}"
    yield f"from {document['from']}"
    for number, link in enumerate(links, 1):
        yield f"{number:>4} {link['to']}"
        yield f"       {_heuristic(link)}; {_confidence(link)}"
        if link["txid"]:
            yield f"       {_transaction(link)}"


def _said(document: Mapping[str, Any]) -> Iterator[str]:
    """Analysts' words that touch the answer, and what was not looked at."""
    for row in document["overrides"]:
        at = f" at {row['txid']}" if row["txid"] else ""
        yield (
            f"override: {row['author']} {row['kind']}s {row['a']} and {row['b']}{at} ({row['reason']}), "
            f"claim {row['claim'][:16]}"
        )
    for note in document["coverage"]["notes"]:
        yield f"partial: {note}"


def _transaction(link: Mapping[str, Any]) -> str:
    inputs = "" if link["vin_from"] is None else f", inputs {link['vin_from']} and {link['vin_to']}"
    return f"{link['txid']}, block {link['height']}, {link['time']}{inputs}"


def _heuristic(link: Mapping[str, Any]) -> str:
    used = link["heuristic"]
    said = f"{_BY.get(used['id'], used['id'])} ({used['id']} version {used['version']}, {used['tier']})"
    if link["override"]:
        word = link["override"]
        return f"{said}: {word['author']}, {word['said_at']}: {word['reason']}"
    if link["agreed"] != [used["id"]]:
        said += f", agreed by {', '.join(link['agreed'])}"
    return said


def _confidence(link: Mapping[str, Any]) -> str:
    if link["confidence"] is None:
        return "confidence not measured"
    rate = link["error_rate"]
    if rate is None:
        return f"confidence {link['confidence']} %, error rate not measured"
    return (
        f"{link['confidence']} %, error rate {rate['rate']} ({rate['interval'][0]} to {rate['interval'][1]})"
    )


def _leads(document: Mapping[str, Any]) -> Iterator[str]:
    leads, more = document["leads"], document["leads_not_listed"]
    if leads:
        yield "Kept apart, for a person to look at; none of these is a link:"
    for lead in leads:
        where = f", block {lead['height']}, {lead['time']}" if lead["txid"] else ""
        yield f"   - {lead['txid'] or 'no transaction'}{where}"
        yield f"       {lead['from']} and {lead['to']}: {_why(lead)}"
    if more:
        yield f"{more:,} more in which members of both were spent are not listed"


_LEADS = {
    "gas_funder": (
        "one sent the other its first native coin; shops and friends do so too",
        "{} sent both their first native coin; shops and friends do so too",
    ),
    "self_authorisation": (
        "one let the other spend its tokens, and it did; so do the victims of a thief",
        "{} spent the tokens of both",
    ),
    "tron_activation": (
        "one activated the other or lends it energy; energy is also rented out",
        "{} activated both or lends them energy; energy is also rented out",
    ),
}
"""Lead heuristic -> its words where one of the two did it, and where a third did it for both."""


def _why(lead: Mapping[str, Any]) -> str:
    if lead["why"] == "mix":
        mix = lead["mix"]
        return f"looks like {mix['kind']} of at least {mix['participants']} ({mix['confidence']} %)"
    if lead["why"] == "split":
        word = lead["override"]
        return f"split by {word['author']}: {word['reason']}"
    if lead["why"] == "refused":
        refused = lead["refused"]
        between = " and ".join(
            row["address"] + (f" ({', '.join(row['parties'])})" if row["parties"] else "")
            for row in refused["between"]
        )
        return f"{refused['heuristic']} refused: {WORDS[refused['reason']]}: {between}"
    if lead["why"] in _LEADS:
        direct, shared = _LEADS[lead["why"]]
        return shared.format(lead["through"]) if lead["through"] else direct
    return "one of them was anyone's to spend"


def _says(document: Mapping[str, Any]) -> list[str]:
    if not document["linked"]:
        lines = ["Not linked by anything that was read; that does not mean that they have different owners."]
        if document["linked_in_extended"] is not None:
            does = "joins" if document["linked_in_extended"] else "does not join"
            asks = ": ask with --tier extended" if document["linked_in_extended"] else ""
            lines.append(f"The extended tier {does} them{asks}.")
        return lines
    lines = [
        "A chain is as good as its weakest link; error rates are of simulated worlds (docs/accuracy.md)."
        " Who signs the inputs of one transaction is taken for one party:"
        " a PayJoin, or a trade signed by two parties, joins two owners, and a custodian's addresses are the"
        " custodian's, not its customers'. No link says who the owner is."
    ]
    if document["tier"] == "extended":
        lines.append(
            "Links of the extended tier err more often (docs/accuracy.md); they are leads to check, not evidence."
        )
    return lines
