"""Where paths end: what somebody holds, or services of a kind.

With a place to reach, the search goes both ways: half of the hops back from there, and only what these meet is
followed beyond the other half forward. That bounds the work, not the answer: every path of at most that many hops is
in what remains, and what may be followed the forward closure alone decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tracer.db import named_sql
from tracer.flow.closure import Closure
from tracer.flow.endpoints import Endpoint, key_of
from tracer.flow.facts import Facts
from tracer.flow.fates import Fate
from tracer.flow.movements import I64
from tracer.flow.paths.search import Bools
from tracer.flow.question import Exits
from tracer.flow.seeding.seeds import Lots
from tracer.flow.services import Services
from tracer.flow.spans import FOREVER, Span
from tracer.flow.trail import Trail
from tracer.flow.worth import DAY
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

_SQL = named_sql("tracer.flow.paths", "ends.sql")


@dataclass(frozen=True)
class Place:
    """What paths are to reach.

    points   (tx_id, vout) of outpoints
    members  address id -> times at which it counts
    vasps    ids of services: what a trace stops at as theirs counts, by cluster or by sweep
    """

    points: frozenset[tuple[int, int]]
    members: dict[int, list[Span]]
    vasps: frozenset[str]

    @classmethod
    def of(cls, lots: Lots) -> Place:
        """What a resolved seed names, as a place to arrive at."""
        return cls(
            frozenset(lots.points),
            {address: lots.spans.get(address, [FOREVER]) for address in sorted(lots.members)},
            frozenset(seed.value for seed in lots.seeds if seed.kind == "vasp"),
        )

    def among(self, trail: Trail, services: Services) -> Bools:
        """Which outputs of the trail a path may end in, bool[k].

        A deposit counts where it was swept to an address of the place: the trail ends there, at the deposit.
        """
        found = self._held(trail.address, trail.time) | self._held(trail.swept_to, trail.time)
        if self.points:
            points = np.array(sorted(self.points), np.int64)
            at = trail.index(points[:, 0], points[:, 1])
            found[at[at >= 0]] = True
        if self.vasps:
            met = np.unique(trail.holding[trail.holding >= 0]).tolist()
            theirs = [n for n in met if services.holding(n).entity.vasp_id in self.vasps]
            found |= np.isin(trail.holding, np.array(theirs, np.int64))
        return found

    def _held(self, address: I64, time: I64) -> Bools:
        """Which of these addresses are members at these times."""
        found = np.isin(address, np.array(list(self.members), np.int64))
        for member, spans in self.members.items():
            if spans != [FOREVER]:
                own = np.flatnonzero(address == member)
                found[own] = False
                for since, until in spans:
                    found[own] |= (time[own] >= since) & (time[own] < until)
        return found

    def makers(self, ledger: Ledger, services: Services) -> I64:
        """Transactions that make such outputs, or sweep into one: these and perhaps more, distinct, sorted."""
        import polars as pl

        members = pl.DataFrame(
            {"address_id": self._addresses(ledger, services)}, schema={"address_id": pl.Int32}
        )
        with ledger.db.table("members", members):
            arrivals = ledger.db.polars(_SQL["arrivals"])["tx_id"].to_numpy()
        return np.union1d(arrivals, np.array([tx_id for tx_id, _ in self.points], np.int64)).astype(np.int64)

    def _addresses(self, ledger: Ledger, services: Services) -> list[int]:
        """The members, and of services all that stands in a cluster claimed to be theirs; sorted."""
        import polars as pl

        held = services.clusters
        theirs = [
            services.holding(number).entity.vasp_id in self.vasps
            for number in (held["holding"].to_list() if self.vasps else [])
        ]
        if not any(theirs):
            return sorted(self.members)
        wanted = held.filter(pl.Series(theirs)).select(pl.col("cluster_id").unique())
        with ledger.db.table("wanted", wanted):
            clustered = ledger.db.rows(_SQL["cluster_members"])
        return sorted(self.members.keys() | {address for (address,) in clustered})


class Back:
    """The transactions from which a place can be reached in a few steps, found backward from it."""

    def __init__(self, ledger: Ledger, makers: I64, steps: int, most: int) -> None:
        """Those at most 0, 1, ... `steps` transactions before one of `makers` (distinct, sorted).

        Ends early once they are more than `most`: what lies further back is then not known, and nothing is kept out.
        """
        import polars as pl

        self._sets = [makers]
        fresh = makers
        while len(self._sets) <= steps and len(self._sets[-1]) <= most:
            wanted = pl.DataFrame({"tx_id": fresh}, schema={"tx_id": pl.Int64})
            with ledger.db.table("wanted", wanted):
                before = ledger.db.polars(_SQL["payers"])["tx_id"].to_numpy()
            fresh = np.setdiff1d(before, self._sets[-1], assume_unique=True)
            self._sets.append(np.sort(np.concatenate([self._sets[-1], fresh])))

    def among(self, tx_ids: I64, left: int) -> I64:
        """Those of these transactions that may have the place at most `left` steps ahead."""
        if left >= len(self._sets):
            return tx_ids
        return np.intersect1d(tx_ids, self._sets[left], assume_unique=True)


class Towards(Closure):
    """A closure that beyond half of its hops goes only where its end can still be reached; never in one pass."""

    def aim(self, back: Back, free: int) -> Towards:
        """Follow anything for `free` hops, and after that only what `back` knows."""
        self._back, self._free, self._hop = back, free, 0
        return self

    def grow(self, entries: pl.DataFrame, *, sweep_from: int | None = None) -> Trail:  # noqa: ARG002
        """By hops alone: what may be followed depends on the hop."""
        return super().grow(entries, sweep_from=None)

    def _spend(self, live: pl.DataFrame) -> I64:
        onward = super()._spend(live)
        self._hop += 1
        if self._hop <= self._free:
            return onward
        # one step more than there are hops left: a deposit is the end where its sweep is what arrives
        return self._back.among(onward, self._budget.hops - self._hop + 1)


@dataclass(frozen=True)
class Met:
    """The services at which the trail ends, one `Endpoint` per holding, day, asset and whether it was swept there.

    The day is for the KYC level of that day.

    outputs    int64[s]  where it ends
    which      int64[s]  index of the endpoint of each
    endpoints  each with one leg, which stands for all
    """

    outputs: I64
    which: I64
    endpoints: list[Endpoint]
    count: int

    def shown(self, exits: Exits) -> Bools:
        """Which outputs of the trail are those of services that are asked for, bool[k]."""
        asked = np.array([exits.shows(e.level, e.category) for e in self.endpoints], np.bool_)
        found = np.zeros(self.count, np.bool_)
        if len(self.endpoints):
            found[self.outputs] = asked[self.which]
        return found

    def of(self, output: int) -> Endpoint | None:
        """The service that holds an output of the trail."""
        place = int(np.searchsorted(self.outputs, output))
        if place == len(self.outputs) or self.outputs[place] != output:
            return None
        return self.endpoints[int(self.which[place])]


def services_met(facts: Facts) -> Met:
    """The services at which a trail ends, sorted by output."""
    trail = facts.trail
    outputs = np.flatnonzero(trail.movements.out_fate == int(Fate.SERVICE))
    days = trail.time[outputs] // DAY
    swept = trail.swept_to[outputs] >= 0
    kinds = np.stack([trail.holding[outputs], days, trail.assets()[outputs], swept], axis=1)
    each, first, which = np.unique(kinds, axis=0, return_index=True, return_inverse=True)
    endpoints = [
        _endpoint(facts, int(number), int(outputs[o]))
        for (number, *_), o in zip(each.tolist(), first.tolist(), strict=True)
    ]
    return Met(outputs, which.reshape(-1), endpoints, len(trail.vout))


def _endpoint(facts: Facts, number: int, output: int) -> Endpoint:
    entity, (key, kyc) = facts.services.holding(number).entity, key_of(facts, output)
    return Endpoint(
        key, entity.vasp_id, entity.category, entity.nested_in,
        outputs=[output], holdings={number}, kyc_claims=set(kyc.claims),
    )  # fmt: skip
