"""The evaluation at the terminal, and what both it and the page say alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console


def cell(value: object) -> str:
    """A value as a cell: numbers with separators, what was not measured said so."""
    if value is None:
        return "not measured"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def shown(found: dict[str, Any], name: str = "value") -> str | None:
    """A share with its interval, as `share` of the document made it."""
    if found[name] is None:
        return None
    return f"{found[name]} ({span(found['interval'])})" if found["interval"] else str(found[name])


def span(ends: Sequence[str] | None) -> str:
    """From the least to the greatest."""
    return " to ".join(ends) if ends else "none"


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table of the page."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(map(cell, row)) + " |" for row in rows]
    return "\n".join(lines)


def listed(seeds: Sequence[int]) -> str:
    """1, 2, 3."""
    return ", ".join(map(str, seeds))


def with_or_without(payjoins: bool) -> str:
    """Of the PayJoins' links."""
    return "with" if payjoins else "without"


def verdict(document: dict[str, Any]) -> str:
    """What must hold, said in words."""
    wrong = document["false_links"]
    at = sum(row["payjoin"] for row in wrong)
    base = next(t for t in document["tiers"] if t["tier"] == "conservative" and not t["payjoins"])
    joined = {t["tier"]: t["services_joined"] for t in document["tiers"] if t["payjoins"]}
    lines = [
        f"Transactions that join two owners conservatively: {len(wrong):,}, of them {at:,} "
        "are PayJoins of the worlds "
        "(`--json` lists each). "
        f"Without the PayJoins' links {base['pairs']['false']:,} of "
        f"{base['pairs']['joined']:,} pairs are false."
    ]
    low, high = (
        next(t for t in document["tiers"] if t["tier"] == tier and t["payjoins"])
        for tier in ("conservative", "extended")
    )
    gains = [
        f"{Decimal(100) * (Decimal(high[name]['value']) - Decimal(low[name]['value'])):.1f} points {title}"
        for name, title in (("recall", "of pairs"), ("bcubed_recall", "of B-cubed"))
        if high[name]["value"] and low[name]["value"]
    ]
    lines.append(
        f"The extended tier adds to the recall of the conservative: {', '.join(gains) or 'nothing'}."
    )
    for tier, names in joined.items():
        shown = "; ".join(" and ".join(group) for group in names) or "none"
        lines.append(f"VASPs or markets joined with another, {tier} tier: {shown}.")
    return "\n".join(lines)


def render(console: Console, document: dict[str, Any]) -> None:
    """The main figures at the terminal."""
    from rich import box
    from rich.table import Table

    from cli import evaluation_accounts_text  # which imports this

    worlds = document["worlds"]
    console.print(
        f"{len(worlds['seeds'])} world(s), {worlds['transactions']:,} transactions, "
        f"{worlds['addresses']:,} addresses, "
        f"{worlds['payjoins']:,} PayJoins"
    )
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in (
        "tier",
        "PayJoins",
        "precision (95 %)",
        "recall (95 %)",
        "B-cubed precision",
        "B-cubed recall",
        "ARI",
    ):
        table.add_column(title, overflow="fold")
    for t in document["tiers"]:
        figures = (shown(t[n]) for n in ("precision", "recall", "bcubed_precision", "bcubed_recall"))
        table.add_row(t["tier"], with_or_without(t["payjoins"]), *map(cell, figures), span(t["ari"]))
    console.print(table)
    console.print(verdict(document), soft_wrap=True)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("rule", "version", "links", "false", "error rate (95 %)"):
        table.add_column(title, overflow="fold")
    labelled = document["labelled"]
    mixers = labelled["kinds"] if labelled else document["mixers"]
    mixers = [*mixers, *(labelled["possible"] if labelled else document["possible_mixers"])]
    for row in (*document["heuristics"], *document["change"], *mixers):
        figures = (cell(x) for x in (row["version"], row["links"], row["false"], shown(row, "rate")))
        table.add_row(row["id"], *figures)
    console.print(table)
    evaluation_accounts_text.render(console, document["accounts"])
