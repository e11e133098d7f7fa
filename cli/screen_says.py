"""A screening in plain words: shares as ranges, what was matched against, and what nobody may read into it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cli.trace_answer import many, with_worth
from tracer.amounts import add_amounts, amount, share_text

Document = Mapping[str, Any]


def share(row: Document, side: str) -> str:
    """`0.38 BTC, 4.20 % to 6.00 % of all that arrived`; the amount is that of the larger method."""
    of = "all that arrived" if side == "source" else "all that left"
    low, high = (_percent(row[key]) for key in ("share_low", "share_high"))
    between = f"{high} of {of}" if low == high else f"{low} to {high} of {of}"
    most = "" if low == high else "at most "
    return f"{most}{with_worth(row['amount'])}, {between}"


def merged(rows: Sequence[Document]) -> list[dict[str, Any]]:
    """Rows of one counterparty as one, its units summed by method; the largest first, the nearest of equals."""
    groups: dict[tuple[Any, ...], list[Document]] = {}
    for row in rows:
        key = (
            row["category"],
            row["entity"],
            row["kyc_level"],
            row["amount"].get("asset_id"),
            row["solicited"],
        )
        groups.setdefault(key, []).append(row)
    return sorted(
        map(_one, groups.values()), key=lambda row: (-int(row["amount"]["base_units"]), row["min_hops"])
    )


def _one(rows: Sequence[Document]) -> dict[str, Any]:
    first = min(rows, key=lambda row: row["min_hops"])
    if len(rows) == 1:
        return dict(first)
    units = [sum(int(row["units"][method]) for row in rows) for method in first["units"]]
    low, high = (share_text(part, int(first["total"])) for part in (min(units), max(units)))
    decimals = len(first["amount"]["decimal"].partition(".")[2])
    most = add_amounts([row["amount"] for row in rows], first["amount"]["asset"], decimals)
    fiat = most["fiat"] if int(most["base_units"]) == max(units) else None  # else of another amount
    times = [[row[key] for row in rows if row[key] is not None] for key in ("first_time", "last_time")]
    listed = {
        (one["list"], one["designated_at"], one["transfer_after_designation"]): one
        for row in rows
        for one in row["listed"]
    }
    return {
        **first,
        "amount": {**first["amount"], **amount(first["amount"]["asset"], max(units), decimals, fiat)},
        "share_low": low,
        "share_high": high,
        "paths": [path for row in sorted(rows, key=lambda row: row["min_hops"]) for path in row["paths"]],
        "first_time": min(times[0], default=None),
        "last_time": max(times[1], default=None),
        "labels_later": all(row["labels_later"] for row in rows),
        "listed": list(listed.values()),
    }


def _percent(text: str) -> str:
    whole, _, part = text.partition(".")
    digits = f"{int(whole)}{part.ljust(4, '0')}"
    return f"{int(digits[:-2])}.{digits[-2:]} %"


def lists(document: Document) -> str:
    """What a verdict rests on: every list that was there, with its date."""
    rows = [row for row in document["coverage"]["intel"] if row["status"] == "loaded"]
    named = [f"{row['list']} of {row['published'] or 'no date'}" for row in rows]
    if not named:
        return "any list: none is loaded"
    shown = ", ".join(named[:8])
    return shown + (f" and {many(len(named) - 8, 'more list')}" if len(named) > 8 else "")


def says_not(document: Document) -> list[str]:
    """What nobody may read into the verdict."""
    rows = document["exposures"]
    said = [
        ("It is what a policy makes of public facts and of claims; a person decides.", True),
        (
            "No match is no innocence: an address without a label may still belong to anybody.",
            document["verdict"] in ("clear", "unknown"),
        ),
        (
            "Unknown is not clear: what would tell was not read, or is too old.",
            document["verdict"] == "unknown",
        ),
        (
            "Shares are ranges between two conventions (fifo and haircut) of splitting mixed coins; neither is a fact.",
            any(row["type"] != "ownership" for row in rows),
        ),
        (
            "Rows of several categories may be the same money: they are not added up.",
            len({row["category"] for row in rows}) > 1,
        ),
        (
            "Money nobody asked for says nothing about who received it.",
            any(not row["solicited"] for row in rows),
        ),
        (
            "An indirect exposure may have changed hands on the way: coins pass through people who know nothing of it.",
            any(row["type"] == "indirect" for row in rows),
        ),
    ]
    return [f"- {text}" for text, holds in said if holds]
