"""How long a chain is: as its reference node's source says with a date, or as a node counts it now."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any

from adapters.http import Refused

SAMPLED = 24
"""Blocks of a node that are looked at for inputs and outputs per transaction, at even distances of height."""


@dataclass(frozen=True)
class Length:
    """Blocks and transactions up to a day; `source` says who counted. None where nobody said.

    inputs, outputs  of all transactions, estimated from blocks of a node (`SAMPLED`); None where there was none to ask
    """

    blocks: int | None
    transactions: int
    as_of: str
    source: str
    inputs: int | None = None
    outputs: int | None = None


def known(chain: str) -> Length | None:
    """The length we know of a chain by its short name; None where we know none."""
    text = files("adapters.bitcoin").joinpath("lengths.csv").read_text(encoding="utf-8")
    rows = {row["chain"]: row for row in csv.DictReader(text.splitlines())}
    if (row := rows.get(chain)) is None:
        return None
    blocks = int(row["blocks"]) if row["blocks"] else None
    return Length(blocks, int(row["transactions"]), row["as_of"], row["source"])


def counted(call: Callable[..., Any], host: str, today: str) -> Length:
    """The length of a node's chain, by `getchaintxstats` and `getblockstats` (Bitcoin Core 0.17 and its children).

    `call(method, *params)` is one RPC; what it raises is raised, but that a node tells nothing of old blocks (pruned).
    """
    stats: Mapping[str, Any] = call("getchaintxstats")
    height, transactions = int(call("getblockcount")), int(stats["txcount"])
    # the first block has no undo data, which some nodes ask for
    heights = sorted({height * part // SAMPLED for part in range(1, SAMPLED + 1)} - {0})
    found = Length(height + 1, transactions, today, f"the node {host}")
    try:
        blocks = [call("getblockstats", at, ["txs", "ins", "outs"]) for at in heights]
    except Refused:
        return found
    txs = sum(int(block["txs"]) for block in blocks)
    if not txs:
        return found
    # `ins` leaves out the coinbase's, which is no spend
    inputs, outputs = (sum(int(block[name]) for block in blocks) for name in ("ins", "outs"))
    return replace(found, inputs=inputs * transactions // txs, outputs=outputs * transactions // txs)
