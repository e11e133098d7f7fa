"""A trace for people: services with all methods side by side, the transactions to ask about, where the rest went.

Txids and addresses stand on lines of their own, whole, so that they can be copied at any width.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from tracer.amounts import decimal_text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    Document = Mapping[str, Any]

ROWS = 20
"""Rows of a table for people; the JSON holds all."""


class _Answer:
    """One or several documents of the same question."""

    def __init__(self, document: Document) -> None:
        self.documents: list[dict[str, Any]] = document.get("documents", [document])
        self.comparison: list[dict[str, Any]] = document.get("comparison", [])
        self.main = self.documents[0]
        self.methods = [doc["method"] for doc in self.documents]
        self.asset = self.main["totals"][0]["asset"]
        self._decimals = len(self.main["seed_summary"]["gross_received"]["decimal"].partition(".")[2])

    @property
    def filtered(self) -> bool:
        """Whether --exits hides something."""
        return bool(self.main["parameters"]["exits"])

    def coins(self, units: int) -> str:
        """Base units as a decimal of the asset."""
        return decimal_text(units, self._decimals)

    def merged(self, rows: Iterable[tuple[str, tuple[Any, ...], dict[str, Any], int]]) -> list[_Row]:
        """Rows of several methods with one key each, largest amount first, then in their own order."""
        found: dict[tuple[Any, ...], _Row] = {}
        for method, key, row, units in rows:
            found.setdefault(key, _Row(row)).units[method] = units
        return sorted(found.values(), key=lambda row: -max(row.units.values()))

    def amounts(self, row: _Row) -> list[str]:
        """A row's amount under each method, `-` where the method does not find it."""
        return [self.coins(row.units[m]) if m in row.units else "-" for m in self.methods]


class _Row:
    """What one thing is, and how much of it each method found."""

    def __init__(self, row: dict[str, Any]) -> None:
        self.row = row
        self.units: dict[str, int] = {}


def render(console: Console, document: Document) -> None:
    """Print a trace."""
    answer = _Answer(document)
    _head(console, answer)
    _services(console, answer)
    _legs(console, answer)
    _stops(console, answer)
    _unspent(console, answer)
    _totals(console, answer)
    for title, lines in (
        ("What this result says", says(document)),
        ("What it does not say", says_not(document)),
    ):
        console.print(f"\n{title}", style="bold")
        for line in lines:
            console.print(f"  - {line}")


def _head(console: Console, answer: _Answer) -> None:
    doc = answer.main
    tip, summary = doc["as_of"][0], doc["seed_summary"]
    console.print(f"Trace on {tip['chain']} as of block {tip['height']} ({tip['block_time']})", style="bold")
    for seed in doc["seeds"][:ROWS]:
        console.print(f"  seed {seed['kind']} {seed['value']}: {_many(seed['lots'], 'lot')}")
    _more(console, len(doc["seeds"]), "seeds")
    if doc["unit"] == "entity":
        console.print(f"  left the entity in the window: {summary['left']['decimal']} {answer.asset}")
    else:
        console.print(
            f"  received {summary['gross_received']['decimal']} {answer.asset}, "
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


def _services(console: Console, answer: _Answer) -> None:
    rows = answer.merged(
        (doc["method"], _identity(row), row, int(row["amount"]["base_units"]))
        for doc in answer.documents
        for row in doc["endpoints"]
    )
    only = {row["endpoint"]: row["only_in"] for row in answer.comparison}
    several = len(answer.methods) > 1
    numbers = [*answer.methods, *(["at most"] if several else []), "share", "hops"]
    columns = [
        "service",
        "category",
        "KYC then",
        *numbers,
        "first",
        "last",
        *(["found by"] if several else []),
    ]
    table = _table(f"Services reached ({answer.asset})", columns, numbers)
    for found in rows[:ROWS]:
        row = found.row
        level = row["kyc_level"] + (f" (last known {row['kyc_last_known']})" if row["kyc_last_known"] else "")
        cells = [row["entity"], row["category"], level, *answer.amounts(found)]
        if several:
            cells.append(answer.coins(int(row["range"]["upper_bound"])) if row["range"] else "")
        cells += [row["share"], str(row["min_hops"]), row["first_time"][:10], row["last_time"][:10]]
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
    return row["vasp_id"] or row["entity"], row["kyc_level"], row["kyc_last_known"], tuple(interval or ())


def _legs(console: Console, answer: _Answer) -> None:
    rows = answer.merged(
        (
            doc["method"],
            (leg["txid"], leg["vout"]),
            {**leg, "entity": row["entity"]},
            int(leg["amount_traced"]["base_units"]),
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
        traced = ", ".join(
            f"{m} {units}" for m, units in zip(answer.methods, answer.amounts(found), strict=True)
        )
        console.print(
            f"{number:>4}. {leg['entity']}: {leg['amount_onchain']['decimal']} {answer.asset} on {leg['time']} "
            f"to a {leg['role']} address ({leg['role_basis']}); traced: {traced}",
            soft_wrap=True,
        )
        console.print(f"      {leg['address']}", soft_wrap=True)
        console.print(f"      {leg['txid']}:{leg['vout']}", soft_wrap=True)
    _more(console, len(rows), "transactions")


def _stops(console: Console, answer: _Answer) -> None:
    rows = answer.merged(
        (
            doc["method"],
            (stop["reason"], stop["txid"], stop["address"]),
            stop,
            int(stop["amount"]["base_units"]),
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
            amount = answer.coins(max(found.units.values()))
            console.print(f"  {reason}: {amount}{place}, {found.row['txid']}", soft_wrap=True)


def _unspent(console: Console, answer: _Answer) -> None:
    rows = answer.merged(
        (doc["method"], (row["outpoint"],), row, int(row["amount"]["base_units"]))
        for doc in answer.documents
        for row in doc["unspent"]
    )
    if not rows:
        return
    console.print("\nNot spent up to the block named above", style="bold")
    for found in rows[: ROWS // 2]:
        amounts = ", ".join(f"{m} {a}" for m, a in zip(answer.methods, answer.amounts(found), strict=True))
        console.print(f"  {amounts} in {found.row['outpoint']}", soft_wrap=True)
        console.print(f"      {found.row['address'] or 'no address'}", soft_wrap=True)
    if len(rows) > ROWS // 2:
        console.print(f"  ... and {len(rows) - ROWS // 2:,} more outputs in the JSON")


def _totals(console: Console, answer: _Answer) -> None:
    names = ("seed", "services", "unspent", "unread", "fees", "burned", "stopped", "pruned")
    table = _table(f"Where it is ({answer.asset})", ("under", *names), names)
    for doc in answer.documents:
        table.add_row(doc["method"], *(answer.coins(int(doc["totals"][0][name])) for name in names))
    console.print(table)


def says(document: Document) -> list[str]:
    """The result in plain words; every sentence names the convention it rests on."""
    answer = _Answer(document)
    lines = []
    for doc in answer.documents:
        rows = doc["endpoints"]
        under = f"Under {'FIFO' if doc['method'] == 'fifo' else doc['method']}"
        if rows:
            named = ", ".join(
                f"{r['entity']} {r['amount']['decimal']} {answer.asset} (KYC then: {r['kyc_level']})"
                for r in rows[:3]
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
    if len(answer.documents) > 1:
        lines.append(
            "The methods are conventions; the truth may lie anywhere from nothing to the upper bound of each service."
        )
    return lines


def says_not(document: Document) -> list[str]:
    """What nobody may read into the result."""
    answer = _Answer(document)
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
