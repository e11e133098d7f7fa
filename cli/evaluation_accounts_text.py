"""What was measured on chains of accounts, at the terminal, and what the page says alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.evaluation_text import cell, shown

if TYPE_CHECKING:
    from rich.console import Console

NONE = "Chains of accounts: not measured (--accounts N builds N simulated worlds of them; it needs anvil)."


def verdict(accounts: dict[str, Any]) -> str:
    """What must hold, said in words."""
    others = [row for row in accounts["pairs"] if not row["same_owner"]]
    pairs = sum(row["pairs"] for row in others)
    lines = []
    for tier in accounts["tiers"]:
        name = tier["tier"]
        joined = "; ".join(" and ".join(group) for group in tier["services_joined"]) or "none"
        lines.append(
            f"Accounts, {name} tier: {tier['pairs']['false']:,} of {tier['pairs']['joined']:,} pairs are false; of "
            f"{pairs:,} pairs that look alike and are of two owners {sum(row[name] for row in others):,} are joined; "
            f"services joined with another: {joined}."
        )
    return "\n".join(lines)


def render(console: Console, accounts: dict[str, Any] | None) -> None:
    """The main figures; without any, how to get them."""
    from rich import box
    from rich.table import Table

    if accounts is None:
        console.print(NONE, soft_wrap=True)
        return
    console.print(verdict(accounts), soft_wrap=True)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("rule on accounts", "version", "links", "false", "error rate (95 %)", "recall (95 %)"):
        table.add_column(title, overflow="fold")
    for row in accounts["heuristics"]:
        figures = (row["version"], row["links"], row["false"], shown(row, "rate"), shown(row["recall"]))
        table.add_row(row["id"], *map(cell, figures))
    console.print(table)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("lead, no link", "version", "pairs", "of one owner (95 %)"):
        table.add_column(title, overflow="fold")
    for row in accounts["leads"]:
        table.add_row(row["id"], *map(cell, (row["version"], row["pairs"], shown(row["share"]))))
    console.print(table)
