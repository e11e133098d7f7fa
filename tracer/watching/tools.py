"""What a turn of watching needs from outside, and what it says it did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from tracer.errors import SourceError
from tracer.intel.snapshot import Snapshot
from tracer.ledger.store import Ledger
from tracer.watching.alerts import Counts
from tracer.watching.exposure import Screen
from tracer.watching.pending import Decode

LATE = 3_600.0
"""Seconds after which what a block says is told late (P): in one digest with all else that is caught up."""


@dataclass(frozen=True)
class Tools:
    """What watching needs from outside.

    ledger     opens the facts, for reading
    linked     the same with clusters at the tip, by these claims
    snapshot   the claims as they stand, or as of a snapshot's id
    screen     screening of an open ledger; None: `exposure` is not looked for
    decode     what unconfirmed transactions say; None: the mempool is not looked at
    channels   where alerts of watches go that name no channel
    """

    ledger: Callable[[], AbstractContextManager[Ledger]]
    linked: Callable[[Snapshot], AbstractContextManager[Ledger]]
    snapshot: Callable[[str | None], Snapshot]
    screen: Callable[[Ledger, Snapshot], Screen] | None = None
    decode: Decode | None = None
    channels: Sequence[str] = ()


@dataclass
class Turn:
    """What a turn did. `height`: the last block read; None where nothing of the chain was.

    problem  why the source could not be read; what was read before was looked at all the same
    """

    chain: str
    height: int | None = None
    blocks: int = 0
    purged: int = 0
    counts: Counts = field(default_factory=Counts)
    notes: list[str] = field(default_factory=list)
    problem: SourceError | None = None
