"""What the documents of one question are written from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tracer.amounts import Amount
from tracer.chain import BLOCK_INDEX, Family, tx_height
from tracer.clustering.rules import RuleSet
from tracer.clustering.state import ClusteringState
from tracer.db import named_sql
from tracer.flow.movements import I64, Seeding, Taint
from tracer.flow.question import Question
from tracer.flow.seeding.seeds import Lots
from tracer.flow.services import Services
from tracer.flow.sets import distinct, union
from tracer.flow.tagged import among
from tracer.flow.trail import Trail
from tracer.flow.worth import DAY, Worth
from tracer.intel.kyc import KycAt
from tracer.intel.snapshot import Snapshot
from tracer.ledger.store import Ledger, Tip

if TYPE_CHECKING:
    import polars as pl

_SQL = named_sql("tracer.flow", "closure.sql")

UNREAD_VOUT = -1000
"""What a transaction spends of one that was not read has this vout, less the number of the input (closure.sql)."""

Rates = Callable[[str, int, Family], dict[str, Any] | None]
"""Id and version of a rule, family of chains -> its error rate as documents show it, None where none was measured."""


@dataclass(frozen=True)
class Answer:
    """One method's taint; `by_seed` holds the taint of each seed alone, where there are several.

    On an account chain `sums` is what of each asset was seeded, converted and rests where, in base units, by
    the names of `totals`; `conversions` are the swaps and wraps that money went through, as documents show them;
    `graph` is what was followed there (`accounts.edges`), where it was asked for.
    """

    method: str
    taint: Taint
    by_seed: dict[int, I64]
    sums: Sequence[Mapping[str, int]] | None = None
    conversions: Sequence[dict[str, Any]] = ()
    graph: dict[str, list[dict[str, Any]]] | None = None


@dataclass
class Facts:
    """What all documents of one question share. Names are rendered once, at the end.

    owner     number of the seed that each output of the trail belongs to, int64[k], -1 where none
    arrived   `Arrivals.paid` of a backward trace
    floor     the value floor that was used, base units
    levels    (VASP, day) -> its KYC level then
    leads     what only lies behind a mixer, as documents show it; `led_by` are the claims it rests on, `lead_notes`
              where the search ended
    accounts  address id of a service's deposit address -> shape of the account behind it
    senders   cluster ids of who paid these, which decided it
    worths    how amounts of each asset are written, by its number; empty: all are of the chain's coin
    received  on an account chain: what lots and set received of each asset, by UTC day
    gaps, notes  what only this family of chains leaves open, for coverage; a gap makes it partial
    logs      (tx_id, position) -> place of the event that told a transfer to a service, in its block
    swapped   whether pools were recognised by their events, and met
    beside    keys of the document that only this family has
    said      tx_id and position (-1: any) of a transfer -> what the event of a bridge says of it
    pools     address id of a listed mixer pool -> what is known of it
    """

    ledger: Ledger
    snapshot: Snapshot
    worth: Worth
    question: Question
    services: Services
    lots: Lots
    trail: Trail
    tip: Tip
    runs: Sequence[tuple[int, int]]
    clustering: ClusteringState | None
    rules: RuleSet
    rates: Rates
    engine: str
    ceiling: I64
    seeding: Seeding
    owner: I64 = field(default_factory=lambda: np.empty(0, np.int64))
    arrived: pl.DataFrame | None = None
    floor: int = 0
    leads: list[dict[str, Any]] = field(default_factory=list)
    led_by: set[str] = field(default_factory=set)
    lead_notes: list[str] = field(default_factory=list)
    levels: dict[tuple[str, str], KycAt] = field(default_factory=dict)
    overrides: list[dict[str, Any]] = field(default_factory=list)
    txids: dict[int, str] = field(default_factory=dict)
    addresses: dict[int, str] = field(default_factory=dict)
    accounts: dict[int, str] = field(default_factory=dict)
    senders: I64 = field(default_factory=lambda: np.empty(0, np.int64))
    worths: Sequence[Worth] = ()
    received: Mapping[int, dict[int, int]] = field(default_factory=dict)
    gaps: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    logs: Mapping[tuple[int, int], int] = field(default_factory=dict)
    swapped: bool = False
    beside: dict[str, Any] = field(default_factory=dict)
    said: Mapping[tuple[int, int], dict[str, Any]] = field(default_factory=dict)
    pools: dict[int, dict[str, Any]] = field(default_factory=dict)

    def name_everything(self, answers: Iterable[Answer]) -> None:
        """Render every txid and address that any of the answers can show."""
        import polars as pl

        trail = self.trail
        tainted, ended = np.zeros(len(trail.vout), bool), np.zeros(len(trail.vout), bool)
        for answer in answers:
            tainted |= answer.taint.amount > 0
            ended |= answer.taint.rests() > 0
        beyond = trail.beyond[ended]
        shown = (trail.met[tainted], trail.point[tainted], beyond[beyond >= 0])
        seen = union(*shown)
        self.txids = self.ledger.render_txids(seen.tolist())
        # what no transaction did is named by its block
        for tx_id in seen[(seen >= 0) & (seen & BLOCK_INDEX == BLOCK_INDEX)].tolist():
            self.txids.setdefault(tx_id, f"block {tx_height(tx_id)}")
        owners = union(trail.address[ended], trail.swept_to[ended])
        met = pl.col("shields") & among("address_id", distinct(trail.address[tainted]).tolist())
        owners = union(owners, self.services.tagged.frame.filter(met)["address_id"].to_numpy())
        owners = union(owners, trail.pools["cluster_id"].to_numpy())
        if trail.backward:  # payouts are named by the address they went to
            owners = union(owners, trail.address[tainted])
            if self.arrived is not None:
                owners = union(owners, self.arrived["address_id"].to_numpy())
            if trail.paid_to is not None:
                owners = union(owners, trail.paid_to[ended])
        self.addresses = self.ledger.render_addresses(owners[owners >= 0].tolist())

    def mix(self, tx_id: int) -> dict[str, object]:
        """What a detector says of a mixing transaction, as documents show it."""
        (row,) = self.trail.mixes.filter(self.trail.mixes["tx_id"] == tx_id).to_dicts()
        return {
            "kind": row["kind"],
            "participants_at_least": row["participants"],
            "denominations": [str(units) for units in row["denominations"]],
            "confidence": row["confidence"],
        }

    @cached_property
    def most(self) -> dict[Any, int]:
        """Endpoint -> the most that any convention can have brought there (`endpoints.most_there`)."""
        from tracer.flow.endpoints import most_there

        return most_there(self)

    @cached_property
    def kinds(self) -> dict[int, str]:
        """tx_id -> what a detector takes it for: of those that mix, or may."""
        return dict(self.trail.mixes.select("tx_id", "kind").iter_rows())

    def pool(self, cluster_id: int) -> dict[str, object]:
        """What tells that an untagged cluster is a pool, as documents show it."""
        (row,) = self.trail.pools.filter(self.trail.pools["cluster_id"] == cluster_id).to_dicts()
        height = self.clustering.height if self.clustering else self.tip.height
        told = {name: row[name] for name in row if name not in ("cluster_id", "pool_like")}
        return {"cluster": f"cluster:{self.addresses[cluster_id]}@{height}", **told}

    def amount(self, base_units: int, output: int) -> Amount:
        """An amount in an output, with what it was worth on the day of the output's block."""
        return self.worth_of(self.asset(output)).on(base_units, self.day(output))

    def asset(self, output: int) -> int:
        """Number of the asset of an output."""
        return 0 if self.trail.asset is None else int(self.trail.asset[output])

    def worth_of(self, asset: int) -> Worth:
        """How amounts of an asset are written."""
        return self.worths[asset] if self.worths else self.worth

    def day(self, output: int) -> int:
        """UTC day of the block in which money came into an output on this trail, counted from 1970-01-01."""
        return int(self.trail.time[output]) // DAY

    def days_of(self, chosen: npt.NDArray[np.bool_]) -> list[int]:
        """The UTC days of the blocks of the chosen outputs (bool[k]), each once, sorted."""
        found: list[int] = distinct(self.trail.time[chosen] // DAY).tolist()
        return found

    def by_day(self, units: I64, asset: int = 0) -> dict[int, int]:
        """Base units that outputs (int64[k]) of an asset were made with, summed by the UTC day of that."""
        days: dict[int, int] = {}
        for output in np.flatnonzero((units != 0) & (self.trail.assets() == asset)).tolist():
            day = int(self.trail.since[output]) // DAY
            days[day] = days.get(day, 0) + int(units[output])
        return days

    def txid(self, output: int) -> str:
        """Txid of the transaction that made an output."""
        return self.outpoint(output)[0]

    def outpoint(self, output: int) -> tuple[str, int]:
        """Txid and vout of an output."""
        point, vout = int(self.trail.point[output]), int(self.trail.vout[output])
        if vout <= UNREAD_VOUT:
            return self._pending[point, UNREAD_VOUT - vout]
        return self.txids[point], vout

    @cached_property
    def _pending(self) -> dict[tuple[int, int], tuple[str, int]]:
        """(tx_id, vin) -> txid and vout of what was spent there of a transaction that was not read."""
        import polars as pl

        wanted = distinct(self.trail.point[self.trail.vout <= UNREAD_VOUT])
        with self.ledger.db.table("wanted", pl.DataFrame({"tx_id": wanted}, schema={"tx_id": pl.Int64})):
            rows = self.ledger.db.rows(_SQL["pending"])
        return {
            (tx_id, vin): (self.ledger.chain.hash_text(bytes(txid)), vout) for tx_id, vin, txid, vout in rows
        }

    def met(self, output: int) -> str:
        """Txid of the transaction by which money came into an output on this trail; backward, that spent it."""
        return self.txids[int(self.trail.met[output])]

    def address(self, output: int) -> str | None:
        """Canonical address of an output; None where it is nobody's."""
        number = int(self.trail.address[output])
        return self.addresses[number] if number >= 0 else None
