"""A reader that let go of its ledger sees, when it comes back, what it saw before.

Readers let go where a writer waits (`tracer.turns`). What was written meanwhile lies above the block that was the tip
when this reader first let go, and is hidden (`tracer.ledger.asof`); clusters that were brought to a later block are
shown as they were, for whoever builds keeps that while somebody is to come back (`link_former`). Where neither is
enough, the answer cannot go on: `ReorgedAway`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tracer import turns
from tracer.chain import Family, first_tx_id
from tracer.db import named_sql
from tracer.errors import ReorgedAway
from tracer.ledger import asof

if TYPE_CHECKING:
    from tracer.ledger.store import Ledger

_SQL = named_sql("tracer.ledger", "pin.sql")


@dataclass(frozen=True)
class _Shown:
    """What a reader stands on: its tip, counts of what may change below, the record of the clusters."""

    height: int
    block_hash: bytes | None
    next_address: int
    below: tuple[Any, ...]
    record: str | None


class Pin:
    """Keeps an open ledger where it is while its file comes and goes (`tracer.turns.User`)."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger, self._db = ledger, ledger.db
        self._shown: _Shown | None = None
        self._kept: turns.Pinned | None = None
        self._linked: str | None = None

    def leaving(self) -> None:
        """The first time, note what the answer stands on, and that it must be kept."""
        if self._shown is not None:
            return
        self._kept = turns.Pinned(self._db.path)
        height, block_hash = self._db.row(_SQL["tip"]) or (-1, None)
        next_address = int(self._db.value(_SQL["next_address"]))
        self._shown = _Shown(
            height, block_hash, next_address, self._below(height, next_address), self._record()
        )
        self._linked = self._shown.record

    def returned(self) -> None:
        """Hide what came since. Raises `ReorgedAway`."""
        shown = self._shown
        assert shown is not None
        here = self._db.value(_SQL["hash_at"], {"height": shown.height})
        if shown.block_hash is not None and here != shown.block_hash:
            chain = self._ledger.chain
            raise ReorgedAway(
                f"block {chain.hash_text(shown.block_hash)} at height {shown.height} of {chain.name}, on which this "
                "answer stood, left the best chain while it was worked out.",
                hint="Ask again: the answer will stand on the new branch.",
            )
        if self._below(shown.height, shown.next_address) != shown.below:
            raise ReorgedAway(
                f"facts of {self._ledger.chain.name} up to block {shown.height} were completed while this answer was "
                "worked out of them.",
                hint="Ask again: the answer will stand on all of them.",
            )
        asof.as_of(self._ledger, shown.height)
        if not self._db.value(_SQL["own_links"]):
            self._links(shown.record)

    def closed(self) -> None:
        """The reader is done: nothing needs to be kept for it."""
        if self._kept is not None:
            self._kept.close()

    def _below(self, height: int, next_address: int) -> tuple[Any, ...]:
        if self._ledger.chain.family is Family.ACCOUNT:
            asked = {"height": height, "next_address": next_address}
            return self._db.rows(_SQL["below_accounts"], asked)[0]
        return self._db.rows(_SQL["below"], {"height": height, "stop": first_tx_id(height + 1)})[0]

    def _record(self) -> str | None:
        found: str | None = self._db.value(_SQL["record"])
        return found

    def _links(self, record: str | None) -> None:
        """Show the clusters of this record, whatever became of them."""
        if self._record() == self._linked:
            return
        step, height = self._db.row(_SQL["step"], {"record": record}) or (None, None)
        if step is None or height is None:
            raise ReorgedAway(
                f"the clusters of {self._ledger.chain.name}, on which this answer stood, were rebuilt by other "
                "claims or rules while it was worked out.",
                hint="Ask again when nobody changes them.",
            )
        self._db.run(_SQL["former_cluster"], {"step": step})
        self._db.run(_SQL["former_meta"], {"record": record})
        self._db.run(_SQL["linked_below"], {"linked_below": first_tx_id(height + 1)})
        self._db.script(_SQL["hide_links"])
        self._linked = self._record()
