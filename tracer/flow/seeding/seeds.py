"""Seeds: what people name, resolved to the lots that enter a trace.

All addresses of all seeds are one set: what arrives in it from outside is seeded, what moves inside it
carries the label on (DESIGN section 5).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from tracer.chain import Family
from tracer.errors import UsageError
from tracer.flow.accounts.receipts import touching
from tracer.flow.movements import I64, LEAVING, MEMBER, Seeding
from tracer.flow.seeding import seed_file
from tracer.flow.seeding.entity import (
    cluster_members,
    extend,
    held_times,
    outflow,
    tells_holder,
)
from tracer.flow.seeding.grammar import Seed, distinct
from tracer.flow.seeding.receipts import by_day, receipts, times_of
from tracer.flow.seeding.seed_file import Listed
from tracer.flow.seeding.seed_lookup import Output, look_up, none_seen, unseen
from tracer.flow.services import Services
from tracer.flow.spans import FOREVER, Span, common, merge
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

    from tracer.flow.trail import Trail

_FOREVER = (np.iinfo(np.int64).min, np.iinfo(np.int64).max)

Unit = Literal["lot", "entity"]


@dataclass
class Lots:
    """Seeds, resolved on one ledger.

    points        (tx_id, vout) of lots -> number of the seed that named it
    members       address id -> number of the seed
    spans         address id -> times at which it is in the set, where that is not always
    considered    ids of the claims that decided who is in the set
    unit          whether the set seeds what arrives in it (`lot`) or what leaves it (`entity`)
    flagged       tx_id, vout, value, seed: outputs of the set that received (and held: a service has it), or that left
                  it, in the window
    net           tx_id, net: base units arriving from outside (leaving, for an entity)
    received      UTC day (from 1970) -> base units that the lots and the set received, moves inside it too
    arrived       the part of it that came from outside the set; of an entity only
    left          what left the entity, likewise; empty for lots
    moved         of an account chain: the transfers that touch the set in the window, and those that are lots
                  (`tracer.flow.accounts.receipts`); what enters is made of them once swaps are known
    clustered     whether clusters decided who is in the set
    notes, gaps   for coverage; a gap makes it partial
    """

    seeds: list[Seed]
    unit: Unit
    points: dict[tuple[int, int], int] = field(default_factory=dict)
    members: dict[int, int] = field(default_factory=dict)
    spans: dict[int, list[Span]] = field(default_factory=dict)
    considered: set[str] = field(default_factory=set)
    flagged: pl.DataFrame | None = None
    net: pl.DataFrame | None = None
    received: dict[int, int] = field(default_factory=dict)
    arrived: dict[int, int] = field(default_factory=dict)
    left: dict[int, int] = field(default_factory=dict)
    moved: pl.DataFrame | None = None
    clustered: bool = False
    notes: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)

    def count(self, number: int) -> int:
        """Lots that a seed brought: its outpoints, and the outputs of its addresses that were seeded."""
        return self._counts[number]

    @cached_property
    def _counts(self) -> Counter[int]:
        flagged = [] if self.flagged is None else self.flagged["seed"].to_list()
        return Counter(self.points.values()) + Counter(flagged)

    def entries(self) -> pl.DataFrame:
        """Outputs through which money enters: tx_id, vout; distinct, in chain order."""
        import polars as pl

        schema = {"tx_id": pl.Int64, "vout": pl.Int32}
        frames = [pl.DataFrame(sorted(self.points), schema=schema, orient="row")]
        if self.flagged is not None:
            frames.append(self.flagged.select("tx_id", "vout"))
        return pl.concat(frames).unique().sort("tx_id", "vout")

    def seeding(self, trail: Trail) -> Seeding:
        """The same as columns beside the trail's movements."""
        seeding = Seeding.empty(trail.movements)
        if self.points:
            points = np.array(sorted(self.points), np.int64)
            at = trail.index(points[:, 0], points[:, 1])
            seeding.fixed[at] = trail.movements.out_value[at]
        if self.flagged is not None and self.net is not None:
            at = trail.index(self.flagged["tx_id"].to_numpy(), self.flagged["vout"].to_numpy())
            seeding.flag[at] = MEMBER if self.unit == "lot" else LEAVING
            place = trail.movement(self.net["tx_id"].to_numpy())
            (seeding.net if self.unit == "lot" else seeding.left)[place] = self.net["net"].to_numpy()
        return seeding

    def owner(self, trail: Trail) -> I64:
        """Number of the seed that each output of the trail belongs to, -1 where none."""
        owner = np.full(len(trail.movements.out_value), -1, np.int64)
        if self.flagged is not None:
            at = trail.index(self.flagged["tx_id"].to_numpy(), self.flagged["vout"].to_numpy())
            owner[at] = self.flagged["seed"].to_numpy()
        if self.points:
            points = np.array(list(self.points), np.int64)
            owner[trail.index(points[:, 0], points[:, 1])] = list(self.points.values())
        return owner


def resolve(
    ledger: Ledger,
    services: Services,
    seeds: Sequence[Seed],
    *,
    unit: Unit | None,
    after: int | None = None,
    before: int | None = None,
    backward: bool = False,
    listed: Sequence[Listed] = (),
) -> Lots:
    """Resolve seeds and lists of seeds to lots, each seed once, in one order.

    `after`/`before` (unix seconds, exclusive end) window what arrives or leaves. `backward`: an entity seeds what
    entered it, not what left it.

    Raises `UsageError` for what the ledger never saw: that is `unseen`, not an answer (of lists: where nothing of them
    was seen); `AmbiguousSeed` for a bare txid with several outputs; `BadSeeds` for rows of a list that name no output.
    """
    lots = Lots(distinct([*seeds, *(row.seed for one in listed for row in one.rows)]), "lot")
    typed = set(seeds)
    places = {seed: place for seed, place in seed_file.places(listed).items() if seed not in typed}
    found = look_up(ledger, lots.seeds, places)
    missing = set(found.unseen)
    made: dict[int, list[Output]] = {}
    held: dict[int, dict[int, list[Span]]] = {}
    pools = set()
    for number, seed in enumerate(lots.seeds):
        times = list(seed.times)
        if seed in found.outputs:
            made[number] = found.outputs[seed]
        elif seed.kind == "address" and seed in found.addresses:
            held[number] = {found.addresses[seed]: times}
        elif seed.kind == "cluster" and seed in found.addresses:
            held[number] = dict.fromkeys(cluster_members(ledger, [found.addresses[seed]]), times)
            lots.clustered = True
        elif seed.kind in ("tag", "vasp"):
            claimed, pooled = _claimed(services, seed, lots)
            if not claimed and seed not in places:
                raise _unclaimed(ledger, seed)
            if not claimed:
                missing.add(seed)
            held[number] = {address: common(spans, times) for address, spans in claimed.items()}
            if pooled:
                pools.add(number)
    if lots.seeds and len(missing) == len(lots.seeds):
        raise unseen(ledger, f"none of {len(missing)} listed seeds", "was ever seen")
    if gap := none_seen(ledger, [seed for seed in lots.seeds if seed in missing], len(lots.seeds)):
        lots.gaps.append(gap)
    lots.notes += seed_file.notes(listed)
    lots.unit = _unit(unit, lots.seeds, len(made), pools)
    if lots.unit == "entity":
        extend(ledger, services, lots, held)
        lots.clustered = True
    _enter(lots, held)
    window = {
        "after": _FOREVER[0] if after is None else after,
        "before": _FOREVER[1] if before is None else before,
    }
    own = _window_points(ledger, lots, made, window)
    if ledger.chain.family is Family.ACCOUNT:
        lots.moved = touching(ledger, lots, member_frame(lots), window)
        return lots
    receipts(ledger, lots, member_frame(lots), own, window, arrivals=backward or lots.unit == "lot")
    if lots.unit == "entity" and not backward:
        lots.net, lots.flagged, note = outflow(ledger, member_frame(lots), window)
        lots.left = by_day(ledger, lots.net.rows())
        lots.notes += [note] if note else []
    return lots


def _unit(unit: Unit | None, seeds: Sequence[Seed], points: int, pools: set[int]) -> Unit:
    sets = {number for number, seed in enumerate(seeds) if seed.kind in ("tag", "vasp")}
    if unit == "entity" and points:
        raise UsageError(
            "--unit entity is about a holder of addresses; an outpoint is a lot.",
            hint="Leave --unit out, or seed tag:LABEL, vasp:ID, cluster:ADDRESS or an address.",
        )
    if unit is not None:
        return unit
    if pools and (pools != sets or points or len(sets) < len(seeds)):
        raise UsageError(
            "some seeds are pools and others are not; they are measured differently.",
            hint="Ask them apart, or choose --unit lot or --unit entity.",
        )
    return "entity" if pools else "lot"


def _unclaimed(ledger: Ledger, seed: Seed) -> UsageError:
    key = "label" if seed.kind == "tag" else "actor"
    return UsageError(
        f"no tag of an address seen on {ledger.chain.name} has the {key} {seed.value!r}.",
        hint="`tracer tags list` shows the labels there are; this is `unseen`, not `no exposure`.",
    )


def _claimed(services: Services, seed: Seed, lots: Lots) -> tuple[dict[int, list[Span]], bool]:
    """Tagged addresses of `tag:` or `vasp:` with the times they are so claimed, and whether they are a pool's.

    Nobody becomes part of a service by being mentioned or protected; a label is taken by its word.
    """
    import polars as pl

    key = "label" if seed.kind == "tag" else "actor"
    rows = [
        (row, address)
        for row, address in services.tagged.select(pl.col(key) == seed.value)
        if seed.kind == "tag" or tells_holder(row)
    ]
    ids = [row["claim_id"] for row, _ in rows]
    lots.considered.update(ids)
    stopping = pl.col("fate").is_not_null() & pl.col("claim_id").is_in(ids)
    pooled = services.tagged.frame.filter(stopping).height > 0
    return held_times(rows), pooled


def _enter(lots: Lots, held: dict[int, dict[int, list[Span]]]) -> None:
    """Members and their times, of what each seed holds: the first seed of an address brings it, all say when."""
    times: dict[int, list[Span]] = {}
    for number, own in sorted(held.items()):
        for address, spans in own.items():
            lots.members.setdefault(address, number)
            times.setdefault(address, []).extend(spans)
    merged = {address: merge(spans) for address, spans in times.items()}
    lots.spans = {address: spans for address, spans in merged.items() if spans != [FOREVER]}


def _window_points(
    ledger: Ledger, lots: Lots, made: dict[int, list[Output]], window: dict[str, int]
) -> list[tuple[int, int]]:
    """Take as lots the outputs that were made in the seed window and at a time of their seed's.

    -> (tx_id, base units) of each lot. All gone is a question about nothing.
    """
    named = [(number, output) for number, outputs in sorted(made.items()) for output in outputs]
    times = times_of(ledger, (output.tx_id for _, output in named))
    own, all_points = [], set()
    for number, (tx_id, vout, value, _) in named:
        time = times[tx_id]
        all_points.add((tx_id, vout))
        inside = any(since <= time < until for since, until in lots.seeds[number].times)
        if inside and window["after"] <= time < window["before"] and (tx_id, vout) not in lots.points:
            lots.points[tx_id, vout] = number
            own.append((tx_id, value))
    if outside := len(all_points) - len(lots.points):
        lots.notes.append(f"{outside} seed outputs lie outside the seed window")
    return own


def member_frame(lots: Lots) -> pl.DataFrame:
    """Who is in the set, and between which times: address_id, seed, since, until."""
    import polars as pl

    rows = [
        (address, seed, *span)
        for address, seed in sorted(lots.members.items())
        for span in lots.spans.get(address, [FOREVER])
    ]
    columns = {"address_id": pl.Int32, "seed": pl.Int32, "since": pl.Int64, "until": pl.Int64}
    return pl.DataFrame(rows, schema=columns, orient="row")
