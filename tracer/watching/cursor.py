"""How far each chain was read for watches. The cursor names height and hash, so that a lost branch is noticed.

It may lag the facts and never leads them: it moves in one transaction with what was raised up to there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tracer.db import named_sql
from tracer.errors import ReorgedAway
from tracer.ledger.store import Ledger
from tracer.state import State
from tracer.watching.model import Block, utc

_SQL = named_sql("tracer.watching", "cursor.sql")
REMEMBERED = 1_000
"""Blocks below the cursor whose hashes are kept (P): longer than any branch is lost."""


@dataclass(frozen=True)
class Cursor:
    """The last block that was read for watches, and when (UTC, ISO 8601).

    read      when the chain was last looked at; fresh: when a block last came
    snapshot  the claims that were compared last
    problem   why the source could not be read, "" where it was
    """

    chain: str
    height: int
    hash: str
    time: int
    read: str
    fresh: str
    snapshot: str
    problem: str

    def stands(self, state: State) -> bool:
        """Whether nobody moved it since it was read."""
        now = cursor(state, self.chain)
        mine = self.height, self.hash, self.snapshot
        return now is not None and (now.height, now.hash, now.snapshot) == mine


def cursor(state: State, chain: str) -> Cursor | None:
    """Where a chain's cursor stands; None where nothing was ever watched there."""
    found = state.rows(_SQL["cursor"], {"chain": chain})
    return Cursor(chain, *found[0]) if found else None


def cursors(state: State) -> list[Cursor]:
    """All of them, by chain."""
    return [Cursor(*row) for row in state.rows(_SQL["cursors"])]


def advance(state: State, chain: str, blocks: Sequence[Block], *, snapshot: str, now: float) -> None:
    """Move to the last of these blocks. Inside a transaction. `snapshot` counts for a new cursor only."""
    last = blocks[-1]
    state.run(
        _SQL["put"],
        {
            "chain": chain,
            "height": last.height,
            "hash": last.hash,
            "time": last.time,
            "snapshot": snapshot,
            "now": utc(now),
        },
    )
    kept = blocks[-REMEMBERED:]
    state.run_each(_SQL["remember"], ({"chain": chain, "height": b.height, "hash": b.hash} for b in kept))
    state.run(_SQL["forget_below"], {"chain": chain, "height": last.height - REMEMBERED})


def go_back(state: State, chain: str, block: Block, *, now: float) -> None:
    """Move down to a block that both branches have. Inside a transaction."""
    advance(state, chain, [block], snapshot="", now=now)
    state.run(_SQL["forget_above"], {"chain": chain, "height": block.height})


def looked(state: State, chain: str, *, now: float) -> None:
    """The chain was read, whether something came or not."""
    state.run(_SQL["looked"], {"chain": chain, "now": utc(now)})


def trouble(state: State, chain: str, problem: str) -> None:
    """The chain could not be read."""
    state.run(_SQL["trouble"], {"chain": chain, "problem": problem})


def compared(state: State, chain: str, snapshot: str) -> None:
    """Claims were compared with those of the last time. Inside a transaction."""
    state.run(_SQL["compared"], {"chain": chain, "snapshot": snapshot})


def drop(state: State, chain: str) -> None:
    """Forget where a chain's cursor stood. Inside a transaction."""
    state.run(_SQL["drop"], {"chain": chain})
    state.run(_SQL["forget_above"], {"chain": chain, "height": -1})


def blocks_between(ledger: Ledger, first: int, last: int) -> list[Block]:
    """The blocks of the best chain between two heights, both included, as they were read."""
    rows = ledger.db.rows(_SQL["blocks_at"], {"first": first, "last": last})
    return [Block(height, ledger.chain.hash_text(bytes(raw)), time) for height, raw, time in rows]


def newest(ledger: Ledger) -> list[Block]:
    """The blocks that a new cursor remembers: the last one read whole, and those below it; none where none was."""
    tip = ledger.read_to()
    return [] if tip is None else blocks_between(ledger, tip - REMEMBERED, tip)


def agrees(state: State, ledger: Ledger, at: Cursor, height: int) -> bool:
    """Whether the best chain up to a height below the cursor is the one that was read, as far as that is remembered."""
    known = {int(h): str(b) for h, b in state.rows(_SQL["remembered"], {"chain": at.chain})}
    return all(
        known.get(b.height, b.hash) == b.hash for b in blocks_between(ledger, min(known, default=0), height)
    )


def below(at: Cursor, tip: int | None) -> str:
    """What is said where the facts end below the cursor."""
    return (
        f"{at.chain}: the store stands at block {'none' if tip is None else tip}, below block {at.height} that was "
        "read for watches: nothing is watched until it is there again"
    )


def common(state: State, ledger: Ledger, at: Cursor) -> Block:
    """The highest block read for watches that is still on the best chain: the cursor's own, where no branch was lost.

    Raises `ReorgedAway` where none of the remembered ones is.
    """
    remembered = [(int(h), str(b)) for h, b in state.rows(_SQL["remembered"], {"chain": at.chain})]
    lowest = min((height for height, _ in remembered), default=at.height)
    here = {b.height: b for b in blocks_between(ledger, lowest, at.height)}
    for height, block_hash in remembered:
        if (block := here.get(height)) is not None and block.hash == block_hash:
            return block
    raise ReorgedAway(
        f"watches of {at.chain} were read up to block {at.height} ({at.hash}), and the store holds neither it nor any "
        f"of the {len(remembered)} blocks read before it.",
        hint=f"`tracer watch run {at.chain} --restart` takes their alerts back and goes on at the tip.",
    )
