"""Make a reader of this process let go of its file as it does when a writer waits, at a moment of the test's choice."""

from __future__ import annotations

import os
import time

from tracer import turns
from tracer.errors import StoreBusy
from tracer.ledger.store import Ledger
from tracer.opening import Reading


def lets_go(ledger: Ledger) -> None:
    """A writer waits: this reader, long enough at it, lets go; its next question brings it back."""
    lease = Reading.by_path[os.path.realpath(ledger.db.path)].lease
    before, turns.HOLD_SECONDS = turns.HOLD_SECONDS, 0.0
    try:
        with turns.wanting(ledger.db.path, StoreBusy("another test writes."), time.monotonic()):
            deadline = time.monotonic() + 10
            while lease.held and time.monotonic() < deadline:
                lease.glance()
    finally:
        turns.HOLD_SECONDS = before
    assert not lease.held
