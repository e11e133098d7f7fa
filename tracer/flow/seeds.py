"""Seeds: what people name, resolved to the lots that enter a trace.

All addresses of all seeds are one set: what arrives in it from outside is seeded, what moves inside it
carries the label on (DESIGN section 5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from tracer.amounts import decimal_text
from tracer.db import named_sql
from tracer.errors import AmbiguousSeed, UsageError
from tracer.flow.entity import bound_to_time, cluster_members, extend, outflow, tells_holder
from tracer.flow.grammar import Seed
from tracer.flow.movements import I64, LEAVING, MEMBER, Seeding
from tracer.flow.services import Services
from tracer.flow.spans import FOREVER, Span
from tracer.flow.worth import DAY
from tracer.ledger.store import Ledger, txid_bytes

if TYPE_CHECKING:
    import polars as pl

    from tracer.flow.trail import Trail

_SQL = named_sql("tracer.flow", "seeds.sql")
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
    flagged       tx_id, vout, value, seed: outputs of the set that received, or that left it, in the window
    net           tx_id, net: base units arriving from outside (leaving, for an entity)
    received      UTC day (from 1970) -> base units that the lots and the set received, moves inside it too
    arrived       the part of it that came from outside the set; of an entity only
    left          what left the entity, likewise; empty for lots
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
    clustered: bool = False
    notes: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)

    def count(self, number: int) -> int:
        """Lots that a seed brought: its outpoints, and the outputs of its addresses that were seeded."""
        own = sum(1 for seed in self.points.values() if seed == number)
        return own + (
            self.flagged.filter(self.flagged["seed"] == number).height if self.flagged is not None else 0
        )

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
            at = trail.index(
                self.flagged["tx_id"].to_numpy(), self.flagged["vout"].to_numpy().astype(np.int64)
            )
            seeding.flag[at] = MEMBER if self.unit == "lot" else LEAVING
            place = np.searchsorted(trail.tx_id, self.net["tx_id"].to_numpy())
            (seeding.net if self.unit == "lot" else seeding.left)[place] = self.net["net"].to_numpy()
        return seeding

    def owner(self, trail: Trail) -> I64:
        """Number of the seed that each output of the trail belongs to, -1 where none."""
        owner = np.full(len(trail.movements.out_value), -1, np.int64)
        if self.flagged is not None:
            at = trail.index(
                self.flagged["tx_id"].to_numpy(), self.flagged["vout"].to_numpy().astype(np.int64)
            )
            owner[at] = self.flagged["seed"].to_numpy()
        for (tx_id, vout), number in self.points.items():
            owner[trail.index(np.array([tx_id]), np.array([vout]))] = number
        return owner


def resolve(
    ledger: Ledger,
    services: Services,
    seeds: Sequence[Seed],
    *,
    unit: Unit | None,
    after: int | None = None,
    before: int | None = None,
) -> Lots:
    """Resolve seeds to lots. `after`/`before` (unix seconds, exclusive end) window what arrives or leaves.

    Raises `UsageError` for what the ledger never saw: that is `unseen`, not an answer; `AmbiguousSeed` for a
    bare txid with several outputs.
    """
    lots = Lots(list(seeds), "lot")
    pools = set()
    for number, seed in enumerate(seeds):
        if seed.kind in ("txid", "txid_all", "outpoint", "txid_address"):
            for point in _points(ledger, seed):
                lots.points.setdefault(point, number)
            continue
        if seed.kind == "address":
            addresses = [_address_id(ledger, seed.value)]
        elif seed.kind == "cluster":
            addresses = cluster_members(ledger, [_address_id(ledger, seed.value)])
            lots.clustered = True
        else:
            addresses, pooled = _claimed(ledger, services, seed, lots)
            if pooled:
                pools.add(number)
        for address in addresses:
            lots.members.setdefault(address, number)
    lots.unit = _unit(unit, seeds, lots, pools)
    if lots.unit == "entity":
        extend(ledger, services, lots)
        lots.clustered = True
    window = {
        "after": _FOREVER[0] if after is None else after,
        "before": _FOREVER[1] if before is None else before,
    }
    _window_points(ledger, lots, window)
    _receipts(ledger, lots, window)
    if lots.unit == "entity":
        lots.net, lots.flagged, note = outflow(ledger, _members(lots), window)
        lots.left = _by_day(ledger, lots.net.rows())
        lots.notes += [note] if note else []
    return lots


def _unit(unit: Unit | None, seeds: Sequence[Seed], lots: Lots, pools: set[int]) -> Unit:
    sets = {number for number, seed in enumerate(seeds) if seed.kind in ("tag", "vasp")}
    if unit == "entity" and lots.points:
        raise UsageError(
            "--unit entity is about a holder of addresses; an outpoint is a lot.",
            hint="Leave --unit out, or seed tag:LABEL, vasp:ID, cluster:ADDRESS or an address.",
        )
    if unit is not None:
        return unit
    if pools and (pools != sets or lots.points or len(sets) < len(seeds)):
        raise UsageError(
            "some seeds are pools and others are not; they are measured differently.",
            hint="Ask them apart, or choose --unit lot or --unit entity.",
        )
    return "entity" if pools else "lot"


def _points(ledger: Ledger, seed: Seed) -> list[tuple[int, int]]:
    """Outpoints a txid seed names, in vout order."""
    txid, rest = seed.value[:64], seed.value[64:]
    found = ledger.find_tx(txid_bytes(txid))
    if not found:
        raise _unseen(ledger, f"transaction {txid}")
    points = []
    for tx_id in found:
        outputs = ledger.db.rows(_SQL["outputs_of_tx"], {"tx_id": tx_id})
        if not rest and len(outputs) > 1:
            raise _ambiguous(ledger, txid, outputs)
        if rest.startswith("@"):
            wanted = ledger.find_address(ledger.chain.parse_address(rest[1:]))
            points += [
                (tx_id, vout) for vout, _, address in outputs if wanted is not None and address == wanted
            ]
        elif rest in ("", ":*"):
            points += [(tx_id, vout) for vout, _, _ in outputs]
        else:
            points += [(tx_id, vout) for vout, _, _ in outputs if vout == int(rest[1:])]
    if not points:
        place = f"to {rest[1:]}" if rest.startswith("@") else rest[1:]
        raise UsageError(f"transaction {txid} has no output {place}.", hint="`txid:*` takes all of them.")
    return points


def _ambiguous(ledger: Ledger, txid: str, outputs: Sequence[tuple[int, int, int | None]]) -> AmbiguousSeed:
    names = ledger.render_addresses(a for _, _, a in outputs if a is not None)
    chain = ledger.chain
    shown = [
        f"{txid}:{vout} ({decimal_text(value, chain.decimals)} {chain.asset} to "
        f"{names[address] if address is not None else 'no address'})"
        for vout, value, address in outputs[:20]
    ]
    more = f", and {len(outputs) - 20} more" if len(outputs) > 20 else ""
    return AmbiguousSeed(
        f"transaction {txid} has {len(outputs)} outputs: {', '.join(shown)}{more}.",
        hint="Choose one, txid@ADDRESS, or all with txid:*.",
    )


def _address_id(ledger: Ledger, address: str) -> int:
    found = ledger.find_address(ledger.chain.parse_address(address))
    if found is None:
        raise _unseen(ledger, f"address {address}")
    return found


def _unseen(ledger: Ledger, what: str) -> UsageError:
    tip = ledger.tip()
    read = f"the blocks read up to height {tip.height}" if tip else "this store, which holds no blocks"
    return UsageError(
        f"{what} was never seen in {read} of {ledger.chain.name}: the answer is `unseen`, not `no exposure`.",
        hint="Check the chain, or sync more blocks.",
    )


def _claimed(ledger: Ledger, services: Services, seed: Seed, lots: Lots) -> tuple[list[int], bool]:
    """Tagged addresses of `tag:` or `vasp:`, and whether they are a pool's. Notes when and why they are in the set.

    Nobody becomes part of a service by being mentioned or protected; a label is taken by its word.
    """
    import polars as pl

    key = "label" if seed.kind == "tag" else "actor"
    rows = [
        (row, address)
        for row, address in services.tagged.select(pl.col(key) == seed.value)
        if seed.kind == "tag" or tells_holder(row)
    ]
    if not rows:
        raise UsageError(
            f"no tag of an address seen on {ledger.chain.name} has the {key} {seed.value!r}.",
            hint="`tracer tags list` shows the labels there are; this is `unseen`, not `no exposure`.",
        )
    lots.considered.update(row["claim_id"] for row, _ in rows)
    bound_to_time(lots.spans, rows)
    stopping = pl.col("fate").is_not_null() & pl.col("claim_id").is_in([row["claim_id"] for row, _ in rows])
    pooled = services.tagged.frame.filter(stopping).height > 0
    return sorted({address for _, address in rows}), pooled


def _window_points(ledger: Ledger, lots: Lots, window: dict[str, int]) -> None:
    """Drop lots that were made outside the seed window; all gone is a question about nothing."""
    import polars as pl

    if not lots.points:
        return
    wanted = pl.DataFrame({"tx_id": sorted({t for t, _ in lots.points})}, schema={"tx_id": pl.Int64})
    with ledger.db.table("wanted", wanted):
        times = dict(ledger.db.rows(_SQL["times"]))
    kept = {p: n for p, n in lots.points.items() if window["after"] <= times[p[0]] < window["before"]}
    if len(kept) < len(lots.points):
        lots.notes.append(f"{len(lots.points) - len(kept)} seed outputs lie outside the seed window")
    lots.points = kept


def _receipts(ledger: Ledger, lots: Lots, window: dict[str, int]) -> None:
    """What lots and set received, and what of it came from outside; for lots also what the set seeds."""
    import polars as pl

    own = []
    for tx_id, vout in lots.points:
        rows = ledger.db.rows(_SQL["outputs_of_tx"], {"tx_id": tx_id})
        own.append((tx_id, next(value for v, value, _ in rows if v == vout)))
    if not lots.members:
        lots.received = _by_day(ledger, own)
        return
    points = pl.DataFrame(sorted(lots.points), schema={"tx_id": pl.Int64, "vout": pl.Int32}, orient="row")
    with ledger.db.table("members", _members(lots)), ledger.db.table("points", points):
        received = ledger.db.polars(_SQL["received"], window)
        with ledger.db.table("wanted", received.select("tx_id").unique().sort("tx_id")):
            inside = ledger.db.polars(_SQL["inside_inputs"])
    per_tx = received.group_by("tx_id", maintain_order=True).agg(pl.col("value").sum())
    per_tx = per_tx.join(inside, on="tx_id", how="left", maintain_order="left").with_columns(
        (pl.col("value") - pl.col("inside").fill_null(0)).clip(lower_bound=0).alias("net")
    )
    doubtful = int((per_tx["unknown"].fill_null(0) > 0).sum())
    if doubtful:
        lots.gaps.append(
            f"{doubtful} receipts of the seed set come from transactions with inputs that were not read; "
            "moves inside the set may be counted as arrivals"
        )
    more = received.join(points, on=["tx_id", "vout"], how="anti")
    lots.received = _by_day(ledger, [*own, *more.select("tx_id", "value").rows()])
    if lots.unit == "entity":  # which no lot is part of
        lots.arrived = _by_day(ledger, per_tx.select("tx_id", "net").rows())
    else:
        lots.net = per_tx.select("tx_id", "net").filter(pl.col("net") > 0).sort("tx_id")
        lots.flagged = received.join(lots.net, on="tx_id", how="semi", maintain_order="left")


def _by_day(ledger: Ledger, rows: Sequence[tuple[int, int]]) -> dict[int, int]:
    """(tx_id, base units), summed by the UTC day of the transaction's block."""
    import polars as pl

    wanted = pl.DataFrame({"tx_id": sorted({tx_id for tx_id, _ in rows})}, schema={"tx_id": pl.Int64})
    with ledger.db.table("wanted", wanted):
        times = dict(ledger.db.rows(_SQL["times"]))
    days: dict[int, int] = {}
    for tx_id, units in rows:
        if units:
            day = times[tx_id] // DAY
            days[day] = days.get(day, 0) + units
    return days


def _members(lots: Lots) -> pl.DataFrame:
    import polars as pl

    rows = [
        (address, seed, *span)
        for address, seed in sorted(lots.members.items())
        for span in lots.spans.get(address, [FOREVER])
    ]
    columns = {"address_id": pl.Int32, "seed": pl.Int32, "since": pl.Int64, "until": pl.Int64}
    return pl.DataFrame(rows, schema=columns, orient="row")
