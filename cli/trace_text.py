"""A trace for people: services with all methods side by side, the transactions to ask about, where the rest went.

Txids and addresses stand on lines of their own, whole, so that they can be copied at any width.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from cli.trace_answer import ROWS, Answer, Document, Row, with_worth
from cli.trace_sources import behind, protected, where_to_ask
from cli.trace_words import says, says_not

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def render(console: Console, document: Document) -> None:
    """Print a trace."""
    answer = Answer(document)
    _head(console, answer)
    _services(console, answer)
    _legs(console, answer)
    where_to_ask(console, answer)
    _stops(console, answer)
    _unspent(console, answer)
    _totals(console, answer)
    behind(console, answer)
    protected(console, answer)
    for title, lines in (
        ("What this result says", says(document)),
        ("What it does not say", says_not(document)),
    ):
        console.print(f"\n{title}", style="bold")
        for line in lines:
            console.print(f"  - {line}")


def _head(console: Console, answer: Answer) -> None:
    doc = answer.main
    tip, summary = doc["as_of"][0], doc["seed_summary"]
    if doc["tlp"]:
        console.print(f"{doc['tlp']}: show this to nobody whom that marking does not allow", style="bold")
    console.print(f"Trace on {tip['chain']} as of block {tip['height']} ({tip['block_time']})", style="bold")
    for seed in doc["seeds"][:ROWS]:
        console.print(f"  seed {seed['kind']} {seed['value']}: {_many(seed['lots'], 'lot')}")
    _more(console, len(doc["seeds"]), "seeds")
    if doc["unit"] == "entity":
        console.print(f"  left the entity in the window: {with_worth(summary['left'])}")
    else:
        console.print(
            f"  received {with_worth(summary['gross_received'])}, "
            f"of it {summary['internal']['decimal']} inside the seed set, "
            f"{summary['external_received']['decimal']} from outside"
        )
    console.print(f"  coverage: {doc['coverage']['status']}")
    for note in doc["coverage"]["notes"]:
        console.print(f"    {note}")


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def _table(title: str, columns: Iterable[str], right: Iterable[str]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(
        title=f"\n{title}", title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False
    )
    numbers = set(right)
    for column in columns:
        number = column in numbers  # amounts are never cut: names give way
        table.add_column(column, justify="right" if number else "left", no_wrap=number, overflow="fold")
    return table


def _more(console: Console, count: int, what: str) -> None:
    if count > ROWS:
        console.print(f"  ... and {count - ROWS:,} more {what} in the JSON")


def _services(console: Console, answer: Answer) -> None:
    rows = answer.merged(
        (doc["method"], _identity(row), row, row["amount"])
        for doc in answer.documents
        for row in doc["endpoints"]
    )
    only = {row["endpoint"]: row["only_in"] for row in answer.comparison}
    several = len(answer.methods) > 1
    numbers = [*answer.methods, *(["at most"] if several else []), "share", "hops"]
    columns = ["service", "KYC then", *numbers, "from, to", *(["found by"] if several else [])]
    table = _table(f"Services reached ({answer.asset})", columns, [*numbers, "from, to"])
    for found in rows[:ROWS]:
        row = found.row
        level = row["kyc_level"] + (f" (last known {row['kyc_last_known']})" if row["kyc_last_known"] else "")
        cells = [f"{row['entity']}\n{row['category']}", level]
        cells += [a + b for a, b in zip(answer.amounts(found), answer.worths(found, "\n"), strict=True)]
        if several:
            cells.append(answer.coins(int(row["range"]["upper_bound"])) if row["range"] else "")
        cells += [row["share"], str(row["min_hops"]), f"{row['first_time'][:10]}\n{row['last_time'][:10]}"]
        if several:
            lone = only.get(row["vasp_id"] or row["entity"])
            cells.append(f"only {lone}: a lead" if lone else "all")
        table.add_row(*cells)
    if rows:
        console.print(table)
        _more(console, len(rows), "services")
    else:
        asked = " that --exits asks for" if answer.filtered else ""
        console.print(f"\nNo service{asked} was reached.")
    if answer.filtered:
        for doc in answer.documents:
            other, unknown = doc["other_endpoints"], doc["other_endpoints"]["unknown_kyc"]
            under = f" under {doc['method']}" if several else ""
            console.print(
                f"Not shown because of --exits{under}: {other['count']} services, {other['amount']['decimal']} "
                f"{other['amount']['asset']}; of these with unknown KYC: {unknown['count']}, "
                f"{unknown['amount']['decimal']}"
            )


def _identity(row: dict[str, Any]) -> tuple[Any, ...]:
    """What makes two rows of different methods the same service at the same KYC level and evidence."""
    interval = row["kyc_interval"]
    name, host = row["vasp_id"] or row["entity"], row["nested_in"] and row["nested_in"]["vasp_id"]
    return name, host, row["kyc_level"], row["kyc_last_known"], tuple(interval or ())


def _legs(console: Console, answer: Answer) -> None:
    rows = answer.merged(
        (
            doc["method"],
            (leg["txid"], leg["vout"]),
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
        traced = _by_method(answer, found)
        console.print(
            f"{number:>4}. {leg['entity']}: {with_worth(leg['amount_onchain'])} on {leg['time']} "
            f"to a {leg['role']} address ({leg['role_basis']}); traced: {traced}",
            soft_wrap=True,
        )
        console.print(f"      {leg['address']}", soft_wrap=True)
        console.print(f"      {leg['txid']}:{leg['vout']}", soft_wrap=True)
    _more(console, len(rows), "transactions")


def _by_method(answer: Answer, found: Row) -> str:
    """What each method says of one thing: `fifo 0.5 (2071.12 USD), haircut 0.25`."""
    values = zip(answer.methods, answer.amounts(found), answer.worths(found, " ("), strict=True)
    return ", ".join(f"{m} {a}{b}" + (")" if b else "") for m, a, b in values)


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
    table = _table(
        "Where the trail was ended", ["reason", "stops", *answer.methods], ["stops", *answer.methods]
    )
    for reason, own in by_reason.items():
        sums = [answer.coins(sum(found.units.get(m, 0) for found in own)) for m in answer.methods]
        table.add_row(reason, f"{len(own):,}", *sums)
    console.print(table)
    for reason, own in by_reason.items():
        for found in own[:2]:
            place = f" at {found.row['address']}" if found.row["address"] else ""
            place += f" ({found.row['entity']})" if found.row["entity"] else ""
            most = max(found.units, key=lambda method: found.units[method])
            valued = f" ({found.fiat[most]})" if found.fiat[most] else ""
            console.print(
                f"  {reason}: {answer.coins(found.units[most])}{valued}{place}, {found.row['txid']}",
                soft_wrap=True,
            )


def _unspent(console: Console, answer: Answer) -> None:
    rows = answer.merged(
        (doc["method"], (row["outpoint"],), row, row["amount"])
        for doc in answer.documents
        for row in doc["unspent"]
    )
    if not rows:
        return
    console.print("\nNot spent up to the block named above", style="bold")
    for found in rows[: ROWS // 2]:
        console.print(f"  {_by_method(answer, found)} in {found.row['outpoint']}", soft_wrap=True)
        console.print(f"      {found.row['address'] or 'no address'}", soft_wrap=True)
    if len(rows) > ROWS // 2:
        console.print(f"  ... and {len(rows) - ROWS // 2:,} more outputs in the JSON")


def _totals(console: Console, answer: Answer) -> None:
    names = ("seed", "services", "unspent", "unread", "fees", "burned", "stopped", "pruned")
    table = _table(f"Where it is ({answer.asset})", ("under", *names), names)
    for doc in answer.documents:
        table.add_row(doc["method"], *(answer.coins(int(doc["totals"][0][name])) for name in names))
    console.print(table)
