"""Of a trace: peel chains, one line each, with what became of their peels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from cli.trace_answer import ROWS, Answer, many

if TYPE_CHECKING:
    from rich.console import Console

_FATES = {"followed": "followed on", "untraced": "without traced money"}
"""Fates in words; the others are words."""

Said = tuple[str, Mapping[str, Any]]
"""A method and its row of a chain."""

Names = Mapping[tuple[str, int], str]
"""Outpoint -> the service that holds it."""


def peel_chains(console: Console, answer: Answer) -> None:
    """Each chain once, by its first transaction, as the method shows it that follows it furthest.

    Of several such it is the one that traced most of its peels. Nothing where there is no chain.
    """
    found: dict[str, list[Said]] = {}
    for doc in answer.documents:
        for row in doc["peel_chains"]:
            found.setdefault(row["first_txid"], []).append((doc["method"], row))
    if not found:
        return
    console.print("\nPeel chains (a shape, not a word on whose money it is; amounts on chain)", style="bold")
    names: Names = {
        (leg["txid"], leg["vout"]): row["entity"]
        for doc in answer.documents
        for row in doc["endpoints"]
        for leg in row["legs"]
    }
    largest = sorted(found.values(), key=lambda rows: -int(rows[0][1]["entered"]["base_units"]))
    for rows in largest[:ROWS]:
        _, row = min(rows, key=lambda said: (-said[1]["links"], _fates(said[1]["peels"])["untraced"]))
        methods = [method for method, _ in rows]
        under = f", under {' and '.join(methods)} alone" if len(methods) < len(answer.methods) else ""
        console.print(f"  {_line(answer, row, names)}{under}", soft_wrap=True)
        console.print(f"      first {row['first_txid']}", soft_wrap=True)
        console.print(f"      last  {row['last_txid']}", soft_wrap=True)
        for line in _elsewhere(row, rows):
            console.print(f"      {line}", soft_wrap=True)
    if len(found) > ROWS:
        console.print(f"  ... and {many(len(found) - ROWS, 'more peel chain')} in the JSON")


def _elsewhere(shown: Mapping[str, Any], rows: Iterable[Said]) -> Iterator[str]:
    """Where other methods end the chain: sooner, or on another way where the coin of theirs is the other output."""
    passed = {peel["txid"] for peel in shown["peels"]}
    for method, row in rows:
        if row["last_txid"] != shown["last_txid"]:
            way = "" if row["last_txid"] in passed else " on another way"
            yield f"last  {row['last_txid']} under {method}, after {row['links']:,} transactions{way}"


def _line(answer: Answer, row: Mapping[str, Any], names: Names) -> str:
    """`peel chain of 50 transactions, 12.3 -> 0.1 BTC, 50 peels worth 12.1: 3 to Acme, 47 unspent; the rest ...`."""
    worth = answer.coins(sum(int(peel["amount"]["base_units"]) for peel in row["peels"]))
    days = sorted({row["first_time"][:10], row["last_time"][:10]})
    became = Counter(_became(peel, names) for peel in row["peels"])
    told = ", ".join(
        f"{count:,} {what}" for what, count in sorted(became.items(), key=lambda x: (-x[1], x[0]))
    )
    left = _became({**row["left_in"], "txid": row["last_txid"]}, names)
    return (
        f"peel chain of {row['links']:,} transactions, {' to '.join(days)}, {row['entered']['decimal']} -> "
        f"{row['left']['decimal']} {answer.asset}, {many(len(row['peels']), 'peel')} worth {worth}: {told}; "
        f"what was left: {left}"
    )


def _became(output: Mapping[str, Any], names: Names) -> str:
    fate: str = output["fate"]
    if fate == "service":
        return f"to {names.get((output['txid'], output['vout']), 'a service')}"
    return _FATES.get(fate, fate.replace("_", " "))


def _fates(peels: Iterable[Mapping[str, Any]]) -> Counter[str]:
    return Counter(peel["fate"] for peel in peels)
