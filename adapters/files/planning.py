"""Which blocks of exported files a ledger has not, and what is said where the two tell of different chains."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from adapters.bitcoin.entry import BitcoinChain
from adapters.evm.chains import EvmChain
from tracer.errors import BadExport
from tracer.ledger.batch import KnownBlock

_LOST = "One of the two is of a lost branch: `tracer sync` from a node rolls the ledger's back."


def between(heights: npt.NDArray[np.int64], first: int | None, last: int | None) -> npt.NDArray[np.bool_]:
    """Which of these heights lie between two, both included; None: no bound."""
    wanted = np.ones(len(heights), np.bool_)
    if first is not None:
        wanted &= heights >= first
    if last is not None:
        wanted &= heights <= last
    return wanted


def runs(heights: npt.NDArray[np.int64], wanted: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """The first row of each run of consecutive heights among the wanted rows, and how many it has."""
    rows = np.flatnonzero(wanted)
    for run in np.split(rows, np.flatnonzero(np.diff(heights[rows]) != 1) + 1):
        if len(run):
            yield int(run[0]), len(run)


def other_block(place: str, chain: BitcoinChain | EvmChain, here: bytes, held: KnownBlock) -> BadExport:
    """The files have another block at a height than the ledger."""
    return BadExport(
        f"{place}: block {held.height} is {chain.hash_text(here)}, and the ledger holds {chain.hash_text(held.hash)}.",
        hint=_LOST,
    )


def stranger(place: str, chain: BitcoinChain | EvmChain, before: KnownBlock) -> BadExport:
    """A run of the files does not build on the block of the ledger before it."""
    return BadExport(
        f"{place}: block {before.height + 1} does not build on block {before.height} of the ledger "
        f"({chain.hash_text(before.hash)}).",
        hint=_LOST,
    )
