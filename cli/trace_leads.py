"""Of a trace: what only lies behind a mixer. Leads, with the most that can have come, and no amount traced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cli.trace_answer import ROWS, Answer, many, with_worth

if TYPE_CHECKING:
    from rich.console import Console


def behind_mixers(console: Console, answer: Answer) -> None:
    """Services that the money can only have reached through a mix; nothing where that was not asked for."""
    if "mixer" not in answer.main["parameters"]["through"]:
        return
    rows = answer.main["leads"]
    console.print("\nBehind mixers (leads: possible, not traced)", style="bold")
    if not rows:
        console.print("  no service within the limits of this question")
    for row in rows[:ROWS]:
        if "pool" in row:
            _withdrawal(console, row)
            continue
        last = f" (last known {row['kyc_last_known']})" if row["kyc_last_known"] else ""
        console.print(
            f"  {row['entity']} ({row['category']}), KYC then: {row['kyc_level']}{last}: "
            f"at most {with_worth(row['at_most'])} in {many(len(row['legs']), 'payment')}",
            soft_wrap=True,
        )
        for leg in row["legs"][:3]:
            mixes = ", ".join(sorted({mix["kind"] for mix in leg["mixes"]}))
            console.print(
                f"      {with_worth(leg['amount_onchain'])} on {leg['time']}, behind {mixes} "
                f"({many(leg['hops'], 'hop')})",
                soft_wrap=True,
            )
            console.print(f"      {leg['txid']}:{leg['vout']}", soft_wrap=True)
        if len(row["legs"]) > 3:
            console.print(f"      ... and {many(len(row['legs']) - 3, 'more payment')} in the JSON")
    if len(rows) > ROWS:
        console.print(f"  ... and {many(len(rows) - ROWS, 'more lead')} in the JSON")


def _withdrawal(console: Console, row: Mapping[str, Any]) -> None:
    """A withdrawal of a mixer pool that may answer a traced deposit."""
    habits = ", ".join(habit.replace("_", " ") for habit in row["habits"])
    console.print(
        f"  withdrawn on {row['time']}, at most {with_worth(row['at_most'])}: {habits}; "
        f"any of {row['anonymity_set']:,} deposits, as far as these habits tell",
        soft_wrap=True,
    )
    console.print(f"      {row['deposit']} -> {row['withdrawal']}", soft_wrap=True)
    console.print(f"      {row['recipient']}", soft_wrap=True)
