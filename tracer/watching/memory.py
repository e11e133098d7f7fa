"""What a runner keeps of the watches between turns: read again only where somebody changed them, or the claims did."""

from __future__ import annotations

from tracer.chain import Chain
from tracer.intel.snapshot import Snapshot
from tracer.state import State
from tracer.watching import match, store
from tracer.watching.match import Watched
from tracer.watching.model import Watch

_ALONE = {"transfer", "dormant_wake", "tag_change", "sanction_added"}
"""Types that say nothing of clusters."""


class Memory:
    """The watches of one chain.

    generation  of the watches as they are kept here
    looked      unconfirmed transactions that were looked at for these watches
    """

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self.generation, self._watches = -1, list[Watch]()
        self._columns: tuple[str, int, Watched] | None = None
        self.looked: set[bytes] = set()

    def watches(self, state: State) -> list[Watch]:
        """All of them, as they are now."""
        generation = store.generation(state)
        if generation != self.generation:
            self._watches = store.watches(state, self._chain.name)
            self.generation, self._columns = generation, None
            self.looked = set()
        return self._watches

    def found(self, state: State, snapshot: Snapshot) -> Watched:
        """The same in columns."""
        watches = self.watches(state)
        if self._columns is None or self._columns[:2] != (snapshot.id, self.generation):
            found = match.watched(watches, snapshot.tags(self._chain.name))
            self._columns = snapshot.id, self.generation, found
        return self._columns[2]

    def leans(self, state: State) -> bool:
        """Whether any needs clusters: to know its own addresses, or who is on the other side."""
        return any(map(_leans, self.watches(state)))

    def exposed(self, state: State) -> bool:
        """Whether any asks for screening."""
        return any("exposure" in watch.alert_types for watch in self.watches(state))


def _leans(watch: Watch) -> bool:
    return (
        watch.kind == "cluster"
        or bool(watch.settings.counterparty)
        or not _ALONE.issuperset(watch.alert_types)
    )
