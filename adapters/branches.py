"""Which heights to read from a node, given what the ledger holds: what is missing, and where a branch was lost.

A node says which branch is best. How much of it must be there before it takes facts back is the family's: nodes of
account chains are believed once they stand at least as high as the ledger, proof of work is weighed (`Weigh`). One
that lags behind on a lost branch takes nothing back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tracer.errors import SourceUnavailable
from tracer.ledger.batch import KnownChain

Weigh = Callable[[int], int | None]
"""Of the node's branch above a height that is kept: how many blocks outweigh what is stored there; None: not all."""


@dataclass(frozen=True)
class Plan:
    """A run of consecutive blocks to load (`tracer.ledger.batch.Plan`). `parent` is the hash they must follow."""

    first_height: int
    blocks: int
    parent: bytes | None = None
    reorg_to: int | None = None
    at_least: int = 1

    @property
    def last_height(self) -> int:
        """Height of its last block."""
        return self.first_height + self.blocks - 1


@dataclass
class Planned:
    """Plans in height order, and what should be said."""

    plans: list[Plan] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def plan(
    known: KnownChain,
    hash_at: Callable[[int], bytes | None],
    *,
    head: int,
    limit: int,
    first: int | None,
    last: int | None,
    host: str,
    weigh: Weigh | None = None,
) -> Planned:
    """Choose what to load.

    hash_at  the node's block hash at a height, None where it has none
    head     the node's newest height; limit: the highest we may read (confirmations)
    first, last  bounds asked for; without `first` nothing below the ledger's first block is read
    weigh    None: as many blocks as are stored outweigh them
    `SourceUnavailable` where not one of the ledger's blocks is the node's.
    """
    stop = limit if last is None else min(limit, last)
    runs = known.runs()
    if not runs:
        out = Planned(_missing([], first or 0, stop, known))
    else:
        out = _beside(known, runs, hash_at, head, limit, first, stop, host, weigh)
    if last is not None and last > limit:
        out.notes.append(f"{host} can be read up to height {limit}: --to {last} was not reached")
    return out


def _beside(
    known: KnownChain,
    runs: Sequence[tuple[int, int]],
    hash_at: Callable[[int], bytes | None],
    head: int,
    limit: int,
    first: int | None,
    stop: int,
    host: str,
    weigh: Weigh | None,
) -> Planned:
    tip = runs[-1][1]
    kept = _common(known, runs, hash_at, head, host)
    start = runs[0][0] if first is None else first
    if kept == tip:
        return Planned(_missing(runs, start, stop, known))
    lost = _count(runs, tip) - _count(runs, kept)
    if head < tip and _count(runs, head) == _count(runs, kept):
        fill = _missing(runs, start, min(stop, head), known)
        return Planned(fill, [f"{host} is behind: its newest block is {head}, the store's is {tip}"])
    needed = weigh(kept) if weigh is not None else lost if head >= tip else None
    if needed is None:
        return Planned([], [_outweighed(host, head, tip, kept)])
    at_least = min(needed, limit - kept) if weigh is None else needed
    if at_least < 1 or stop - kept < at_least or (first is not None and first > kept + 1):
        return Planned(
            [],
            [
                f"the branch from height {kept + 1} on was lost, but what replaces it is not within the bounds asked "
                "for: nothing is read; leave out --from, --to and --confirmations"
            ],
        )
    parent = known.at(kept)
    assert parent is not None
    replacing = Plan(kept + 1, stop - kept, parent.hash, reorg_to=kept, at_least=at_least)
    return Planned([*_missing(runs, start, kept, known), replacing])


def _outweighed(host: str, head: int, tip: int, kept: int) -> str:
    if head < tip:
        return (
            f"{host} is behind (its newest block is {head}, the store's is {tip}) and on another branch from "
            f"height {kept + 1} on: nothing is read before it catches up"
        )
    return (
        f"{host} is on another branch from height {kept + 1} on, which has no more work than the one in the store: "
        "nothing is read before it has"
    )


def _missing(runs: Sequence[tuple[int, int]], start: int, stop: int, known: KnownChain) -> list[Plan]:
    """The heights from start to stop that are not in the runs."""
    out = []
    at = start
    for low, high in [*runs, (stop + 1, stop + 1)]:
        end = min(low - 1, stop)
        if at <= end:
            before = known.at(at - 1) if at else None
            out.append(Plan(at, end - at + 1, before.hash if before else None))
        at = max(at, high + 1)
    return out


def _count(runs: Sequence[tuple[int, int]], height: int) -> int:
    """How many stored blocks there are up to a height."""
    return sum(min(high, height) - low + 1 for low, high in runs if low <= height)


def _nth(runs: Sequence[tuple[int, int]], index: int) -> int:
    """Height of the stored block of this index, counted from 0."""
    for low, high in runs:
        if index <= high - low:
            return low + index
        index -= high - low + 1
    raise IndexError(index)


def _common(
    known: KnownChain,
    runs: Sequence[tuple[int, int]],
    hash_at: Callable[[int], bytes | None],
    head: int,
    host: str,
) -> int:
    """The highest stored height at which node and ledger have the same block.

    Blocks name their parents, so that agreement at a height is agreement below: a galloping search from the tip
    asks for few blocks whether the fork is one deep or a million.
    """

    def same(index: int) -> bool:
        height = _nth(runs, index)
        block = known.at(height)
        return block is not None and hash_at(height) == block.hash

    top = _count(runs, head) - 1
    lowest_other, step = top + 1, 1
    while top >= 0 and not same(top):
        lowest_other = top
        top, step = top - step, step * 2
    if top < 0 and (lowest_other == 0 or not same(0)):
        raise SourceUnavailable(
            f"{host} has none of the blocks in the store, which begins at height {runs[0][0]}: it is on another "
            "network or another genesis.",
            hint="Use another workspace for it, with --workspace DIR.",
        )
    low, high = max(top, 0), lowest_other
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if same(middle) else (low, middle)
    return _nth(runs, low)
