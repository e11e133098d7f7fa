"""A trace for people: services with what each method says of them, the transactions to ask about, where the rest went.

Txids and addresses stand on lines of their own, whole, so that they can be copied at any width.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cli.trace_answer import (
    MARKING,
    ROWS,
    Answer,
    Document,
    Row,
    by_asset,
    label,
    many,
    not_shown,
    with_worth,
)
from cli.trace_leads import behind_mixers
from cli.trace_peels import peel_chains
from cli.trace_sources import behind, overruled, protected, where_to_ask
from cli.trace_words import account, says, says_not, untagged_pool

if TYPE_CHECKING:
    from rich.console import Console


def render(console: Console, document: Document) -> None:
    """Print a trace."""
    answer = Answer(document)
    parts = by_asset(document)
    _head(console, answer, [Answer(part) for part in parts])
    for part in map(Answer, parts):
        _services(console, part)
        _legs(console, part)
        where_to_ask(console, part)
        _stops(console, part)
        peel_chains(console, part)
        _resting(console, part, "unspent", "Not spent up to the block named above")
        _resting(console, part, "minted", "Mined: the money was new")
        _totals(console, part)
    _conversions(console, answer)
    behind(console, answer)
    behind_mixers(console, answer)
    overruled(console, answer)
    protected(console, answer)
    # of an asset that met nothing there is nothing to say beside others that did
    telling = [part for part in parts if Answer(part).met] or parts
    for title, said in (("What this result says", says), ("What it does not say", says_not)):
        lines = dict.fromkeys(line for part in telling for line in said(part))
        console.print(f"\n{title}", style="bold")
        for line in lines:
            console.print(f"  - {line}")


def _head(console: Console, answer: Answer, parts: Sequence[Answer]) -> None:
    doc = answer.main
    tip = doc["as_of"][0]
    if doc["tlp"]:
        console.print(f"{doc['tlp']}: show this to nobody whom that marking does not allow", style="bold")
    what = "Source of funds" if answer.backward else "Trace"
    console.print(f"{what} on {tip['chain']} as of block {tip['height']} ({tip['block_time']})", style="bold")
    for other in doc["as_of"][1:]:
        console.print(f"  and on {other['chain']} as of block {other['height']} ({other['block_time']})")
    for seed in doc["seeds"][:ROWS]:
        console.print(f"  seed {seed['kind']} {seed['value']}: {many(seed['lots'], 'lot')}", soft_wrap=True)
    _more(console, len(doc["seeds"]), "seed")
    summaries = [part.main["seed_summary"] for part in parts]
    brought = [s for s in summaries if int((s["left"] or s["gross_received"])["base_units"])]
    for summary in brought or summaries[:1]:
        if summary["left"] is not None:
            console.print(f"  left the entity in the window: {with_worth(summary['left'])}")
        else:
            console.print(
                f"  received {with_worth(summary['gross_received'])}, "
                f"of it {summary['internal']['decimal']} inside the seed set, "
                f"{summary['external_received']['decimal']} from outside"
            )
    for row in doc.get("unbelieved", ()):
        console.print(
            f"  not believed: {row['asset']} ({row['problem']}), {many(row['transfers'], 'transfer')}"
        )
    console.print(f"  coverage: {doc['coverage']['status']}")
    for note in doc["coverage"]["notes"]:
        console.print(f"    {note}")


def _columns(console: Console, rows: Sequence[Sequence[str]]) -> None:
    """Aligned cells, the first to the left, amounts to the right; no console is too narrow for a whole amount."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *cells in rows:
        line = "  ".join(cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
        console.print(f"  {first.ljust(widths[0])}  {line}", soft_wrap=True)


def _more(console: Console, count: int, what: str) -> None:
    if count > ROWS:
        console.print(f"  ... and {many(count - ROWS, f'more {what}')} in the JSON")


def _services(console: Console, answer: Answer) -> None:
    rows = answer.merged(
        (doc["method"], _identity(row), row, row["amount"])
        for doc in answer.documents
        for row in doc["endpoints"]
    )
    if rows:
        title = "Services it came from" if answer.backward else "Services reached"
        console.print(f"\n{title} ({answer.asset})", style="bold")
    for found in rows[:ROWS]:
        _service(console, answer, found)
    _more(console, len(rows), "service")
    if not rows:
        asked = " that --exits asks for" if answer.filtered else " that could be asked"
        did = "found that paid it" if answer.backward else "reached"
        within = f" with {answer.asset}" if answer.one_of_many else ""
        console.print(f"\nNo service{asked} was {did}{within}.")
    for doc in answer.documents if answer.filtered else ():
        under = f" under {doc['method']}" if len(answer.methods) > 1 else ""
        hidden = not_shown(doc["other_endpoints"])
        console.print(f"Not shown because of --exits{under}: {hidden}", soft_wrap=True)


def _service(console: Console, answer: Answer, found: Row) -> None:
    """One service: who, then a line for each method that found it and, of several, the most there can be."""
    row = found.row
    last = f" (last known {row['kyc_last_known']})" if row["kyc_last_known"] else ""
    only = {said["endpoint"]: said["only_in"] for said in answer.comparison}
    lone = only.get(row["vasp_id"] or row["entity"])
    lead = f"; only {lone} finds it: a lead" if lone else ""
    console.print(
        f"  {row['entity']} ({row['category']}), KYC then: {row['kyc_level']}{last}{lead}", soft_wrap=True
    )
    values = zip(answer.methods, answer.amounts(found), answer.worths(found), strict=True)
    lines = [
        (label(method), amount, f"{valued}  {_way(found.by[method])}".lstrip())
        for method, amount, valued in values
        if method in found.by
    ]
    if row["range"]:
        lines.append(("at most", answer.coins(int(row["range"]["upper_bound"])), ""))
    names, amounts = (max(len(line[place]) for line in lines) for place in (0, 1))
    for name, amount, more in lines:
        console.print(f"      {name.ljust(names)}  {amount.rjust(amounts)}  {more}".rstrip(), soft_wrap=True)


def _way(row: Mapping[str, Any]) -> str:
    first, last = row["first_time"][:10], row["last_time"][:10]
    days = first if first == last else f"{first} to {last}"
    share = f"share {row['share']}, " if row["share"] is not None else ""
    return f"{share}{many(row['min_hops'], 'hop')}, {days}"


def _identity(row: dict[str, Any]) -> tuple[Any, ...]:
    """What makes two rows of different methods the same service at the same KYC level and evidence."""
    interval = row["kyc_interval"]
    name, host = row["vasp_id"] or row["entity"], row["nested_in"] and row["nested_in"]["vasp_id"]
    return name, host, row["kyc_level"], row["kyc_last_known"], tuple(interval or ())


def _legs(console: Console, answer: Answer) -> None:
    rows = answer.merged(
        (
            doc["method"],
            (leg["txid"], leg["vout"], leg["transfer_index"], leg["amount_onchain"].get("asset_id")),
            {**leg, "entity": row["entity"]},
            leg["amount_traced"],
        )
        for doc in answer.documents
        for row in doc["endpoints"]
        for leg in row["legs"]
    )
    if not rows:
        return
    console.print("\nSingle transactions to ask about", style="bold")
    for number, found in enumerate(rows[:ROWS], start=1):
        leg = found.row
        traced = "; ".join(
            f"{word}: {_by_method(answer, found, methods, str)}"
            for word, methods in (("traced", answer.dividing), ("marked", {MARKING} & {*answer.methods}))
            if methods
        )
        where = {
            "unknown": "to an address of unknown role",
            "withdrawal": "paid out",
        }.get(leg["role"], f"to a {leg['role']} address")
        console.print(
            f"{number:>4}. {leg['entity']}: {with_worth(leg['amount_onchain'])} on {leg['time']} "
            f"{where} ({leg['role_basis']}{account(leg)}); {traced}",
            soft_wrap=True,
        )
        console.print(f"      {leg['address'] or 'to no single address'}", soft_wrap=True)
        place = leg["transfer_index"] if leg["vout"] is None else leg["vout"]
        where = ", the net of several transfers" if place is None else f":{place}"
        console.print(f"      {leg['txid']}{where}", soft_wrap=True)
    _more(console, len(rows), "transaction")


def _by_method(
    answer: Answer, found: Row, methods: Collection[str], name: Callable[[str], str] = label
) -> str:
    """What each of the methods says of one thing: `fifo 0.5 (2071.12 USD), haircut 0.25`."""
    values = zip(answer.methods, answer.amounts(found), answer.worths(found), strict=True)
    return ", ".join(
        f"{name(method)} {amount} {valued}".rstrip() for method, amount, valued in values if method in methods
    )


def _stops(console: Console, answer: Answer) -> None:
    rows = answer.merged(
        (
            doc["method"],
            (stop["reason"], stop["txid"], stop["address"]),
            stop,
            stop["amount"],
        )
        for doc in answer.documents
        for stop in doc["stops"]
    )
    if not rows:
        return
    by_reason = {
        reason: [found for found in rows if found.row["reason"] == reason]
        for reason in sorted({found.row["reason"] for found in rows})
    }
    console.print(f"\nWhere the trail was ended ({answer.asset})", style="bold")
    lines = [["", "stops", *map(label, answer.methods)]]
    for reason, own in by_reason.items():
        sums = [answer.coins(sum(found.units.get(m, 0) for found in own)) for m in answer.methods]
        lines.append([reason, f"{len(own):,}", *sums])
    _columns(console, lines)
    for reason, own in by_reason.items():
        for found in own[:2]:
            place = f" at {found.row['address']}" if found.row["address"] else ""
            place += f" ({found.row['entity']})" if found.row["entity"] else untagged_pool(found.row)
            most = max(found.units, key=lambda method: (method != MARKING, found.units[method]))
            marked = "marked " if most == MARKING else ""
            valued = f" ({found.fiat[most]})" if found.fiat[most] else ""
            console.print(
                f"  {reason}: {marked}{answer.coins(found.units[most])}{valued}{place}, {found.row['txid']}",
                soft_wrap=True,
            )


def _resting(console: Console, answer: Answer, key: str, title: str) -> None:
    """Outputs in which money rests; on an account chain accounts."""
    rows = answer.merged(
        (doc["method"], (row["outpoint"] or row["address"],), row, row["amount"])
        for doc in answer.documents
        for row in doc[key]
    )
    if not rows:
        return
    console.print(f"\n{title}", style="bold")
    for found in rows[: ROWS // 2]:
        what = f"in {found.row['outpoint']}" if found.row["outpoint"] else answer.asset
        console.print(f"  {_by_method(answer, found, answer.methods)} {what}", soft_wrap=True)
        console.print(f"      {found.row['address'] or 'no address'}", soft_wrap=True)
    if len(rows) > ROWS // 2:
        what = "output" if rows[0].row["outpoint"] else "account"
        console.print(f"  ... and {many(len(rows) - ROWS // 2, f'more {what}')} in the JSON")


def _totals(console: Console, answer: Answer) -> None:
    title = "Where it came from" if answer.backward else "Where it is"
    console.print(f"\n{title} ({answer.asset})", style="bold")
    sums = [doc["totals"][0] for doc in answer.documents]
    buckets = [
        [name, *(answer.coins(int(total[name])) for total in sums)]
        for name in (*answer.entered, *answer.buckets)
    ]
    _columns(console, [["", *map(label, answer.methods)], *buckets])
    if MARKING in answer.methods:
        coins = "; services are all the coins that services paid from" if answer.backward else ""
        console.print(
            f"  {MARKING}: marked, not divided: these do not add up to the seed{coins}", soft_wrap=True
        )


def _conversions(console: Console, answer: Answer) -> None:
    """Swaps and wraps on the way, under each method."""
    if not any(doc["conversions"] for doc in answer.documents):
        return
    console.print("\nWhere one asset became another", style="bold")
    for doc in answer.documents:
        for row in doc["conversions"][:ROWS]:
            sides = (row["from"]["amount_traced"], row["to"]["amount_traced"])
            gave, got = (with_worth(amount) if amount else "nothing" for amount in sides)
            console.print(
                f"  {label(doc['method'])}, {row['kind']} on {row['time']}: {gave} -> {got}", soft_wrap=True
            )
            console.print(f"      {row['from']['address']} -> {row['to']['address']}", soft_wrap=True)
            console.print(f"      {row['txid']}", soft_wrap=True)
            if row["kind"] == "bridge":
                console.print(f"      -> on {row['to']['chain']}: {row['to']['txid']}", soft_wrap=True)
        _more(console, len(doc["conversions"]), "conversion")
