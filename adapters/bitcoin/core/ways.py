"""The ways to ask a Core-like node for blocks and for what they spend, and the fastest that works."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from adapters.bitcoin import written
from adapters.bitcoin.chains import BitcoinChain
from adapters.bitcoin.core.chain import hash_at
from adapters.bitcoin.core.rpc import Asked, Core, understood
from adapters.http import Refused
from tracer.errors import BadBlock, SourceUnavailable

_LOOKED_AT = 12
"""Newest blocks in which a spend is looked for (P): one without spends does not show whether prevouts are told."""


class Blocks(StrEnum):
    """How blocks are asked for, the fastest first. `OLD` nodes know true and false for a verbosity."""

    REST = "/rest/block"
    RAW = "getblock 0"
    OLD_RAW = "getblock false"
    VERBOSE = "getblock 2"
    TRANSACTIONS = "getblock 1 and getrawtransaction"


class Spent(StrEnum):
    """How spent outputs are asked for."""

    REST = "/rest/spenttxouts"
    VERBOSE = "getblock 3"


def blocks_way(core: Core, chain: BitcoinChain, wanted: bytes) -> tuple[Blocks, int]:
    """The fastest way to ask for blocks that works for one, and its bytes; `SourceUnavailable` where none does."""
    problem: SourceUnavailable | None = None
    for way in Blocks:
        try:
            block = raw_block(core, way, wanted)
            if named(block, chain) == wanted:
                return way, len(block)
        except (Refused, BadBlock, ValueError, TypeError, KeyError) as refusal:
            problem = refusal if isinstance(refusal, Refused) else problem
    raise SourceUnavailable(f"{core.host} gives no blocks: {problem or 'what it gives is none'}.")


def named(block: bytes, chain: BitcoinChain) -> bytes | None:
    """The hash of a block's header, None where it does not say its length."""
    size = chain.proof.size(block)
    return None if size is None else chain.proof.hash(block[:size])


@understood
def raw_block(core: Core, way: Blocks, block_hash: bytes) -> bytes:
    """One block's bytes, asked for in one of the ways."""
    name = block_hash[::-1].hex()
    if way is Blocks.REST:
        return core.rest(f"block/{name}.bin")
    if way in (Blocks.RAW, Blocks.OLD_RAW):
        return bytes.fromhex(core.ask("getblock", name, verbosity(way)))
    return verbose_bytes(core, core.ask("getblock", name, verbosity(way)))


def verbosity(way: Blocks) -> int | bool:
    """The second parameter of `getblock`."""
    return {Blocks.RAW: 0, Blocks.OLD_RAW: False, Blocks.VERBOSE: 2}.get(way, True)


@understood
def verbose_bytes(core: Core, verbose: dict[str, Any]) -> bytes:
    """A verbose block as bytes; transactions that it only names are asked for."""
    txs = verbose["tx"]
    if any(isinstance(tx, str) for tx in txs):
        txs = core.all([Asked("getrawtransaction", (txid, 1)) for txid in txs])
    return written.block_bytes({**verbose, "tx": txs})


@understood
def spent_way(core: Core, head: int, lowest: int) -> Spent | None:
    """The fastest way to ask what blocks spend; None where there is none.

    Where the newest blocks spend nothing, the node's own help says whether `getblock` 3 tells prevouts.
    """
    newest = hash_at(core, head)
    assert newest is not None
    try:
        core.rest(f"spenttxouts/{newest[::-1].hex()}.bin")
    except Refused:
        pass
    else:
        return Spent.REST
    for verbose in _newest(core, head, max(lowest, 1)):
        inputs = [each for tx in verbose["tx"] if isinstance(tx, dict) for each in tx["vin"]]
        if any("coinbase" not in each for each in inputs):
            return Spent.VERBOSE if any("prevout" in each for each in inputs) else None
    try:
        return Spent.VERBOSE if "prevout" in str(core.ask("help", "getblock")) else None
    except Refused:
        return None


def _newest(core: Core, head: int, lowest: int) -> Iterator[dict[str, Any]]:
    """The newest blocks as `getblock 3` tells them, from the tip down."""
    for height in range(head, max(lowest, head - _LOOKED_AT + 1) - 1, -1):
        block_hash = hash_at(core, height)
        if block_hash is None:
            return
        try:
            yield core.ask("getblock", block_hash[::-1].hex(), 3)
        except Refused:
            return
