"""Random questions about random ledgers as people ask them: of the engine by its store, and of the oracle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tests.oracle import OracleSeeds, OracleTaint, OracleTx, trace
from tests.oracle_units import Outpoint
from tests.scenarios.case import CHAIN, Case, tag, vasp
from tests.scenarios.ledger import GENESIS_TIME, HIDDEN, Tx, oracle_ledger, txid_of
from tracer.flow.methods import METHODS
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace

NAMES = ("ann", "bob", "cid", "dee", "eve", "fay", "gus")
HOT, POOL = "hot", "pool"
ENDS = {HOT: "service", POOL: "custodial_pool"}
NOBODY = ("OP_RETURN", HIDDEN)
BLOCK = 600
BUCKETS = {
    "services": ("service",),
    "unspent": ("unspent",),
    "minted": ("minted",),
    "burned": ("burned",),
    "stopped": ("custodial_pool", "mixer"),
    "pruned": ("hop_limit", "value_floor", "time_window"),
}
MIX = """INSERT INTO mix BY NAME SELECT tx_id, 'other_mix' AS kind, 2 AS participants, [] AS denominations,
         50 AS confidence, true AS apart, true AS stops FROM tx WHERE txid = $txid"""


@st.composite
def tables(draw: st.DrawFn, *, most: int = 12) -> list[Tx]:
    """Up to `most` blocks over a few reused names, a tagged service and a tagged pool.

    Money goes into a shielded pool and comes out of it. A block is a coinbase alone, or one that takes all or some of
    the fees of up to three transactions above it, which may spend each other's outputs.
    """
    big = draw(st.sampled_from([20, 10**6, 1 << 58]))
    made: dict[str, int] = {}
    rows: list[Tx] = []

    def outputs(name: str, total: int, *, all_of_it: bool) -> tuple[list[tuple[str, int]], int]:
        outs: list[tuple[str, int]] = []
        for _ in range(draw(st.integers(1, 4))):
            value = draw(st.one_of(st.just(0), st.integers(0, total)))
            total -= value
            outs.append((draw(st.sampled_from([*NAMES, HOT, POOL, *NOBODY])), value))
        if all_of_it:
            outs[-1] = (outs[-1][0], outs[-1][1] + total)
            total = 0
        made.update({f"{name}:{v}": units for v, (who, units) in enumerate(outs) if who not in NOBODY})
        return outs, total

    for number in range(draw(st.integers(3, most))):
        paying: list[str] = []
        fees = 0
        for more in range(draw(st.integers(0, 3)) if made else 0):
            ins = draw(st.permutations(sorted(made)))[: draw(st.integers(1, 3))]
            if not ins:
                break
            name = f"t{number}{'abc'[more]}"
            total = sum(made.pop(point) for point in ins)
            if draw(st.integers(0, 4)) == 0:
                hidden = draw(st.integers(1, big))
                ins, total = [*ins, f"{HIDDEN}:{hidden}"], total + hidden
            outs, fee = outputs(name, total, all_of_it=draw(st.booleans()))
            rows.append(Tx(name, ins=ins, outs=outs))
            paying.append(name)
            fees += fee
        poor = draw(st.booleans())
        new = 0 if paying and poor else draw(st.integers(1, big))
        outs, _ = outputs(f"t{number}", new + fees, all_of_it=draw(st.booleans()))
        rows.append(Tx(f"t{number}", outs=outs, collects=paying))
    return rows


@dataclass(frozen=True)
class Asked:
    """A ledger and a question. `window` and `seen` are blocks: those looked at, and those in which seeds count."""

    rows: list[Tx]
    lots: tuple[str, ...]
    members: tuple[str, ...]
    unit: str
    direction: str
    fees: str = "sink"
    hops: int = 10_000
    floor: int = 0
    mixes: frozenset[str] = frozenset()
    window: tuple[int, int] | None = None
    seen: tuple[int, int] | None = None

    def case(self, folder: Path) -> Case:
        """The ledger in a store, with what is known of it."""
        # the oracle knows no heuristics: without a role nothing is `hot`, so no sweep is recognised, and without
        # links there is no cluster that an entity seed would take; mixes are written down as a detector would
        tags = [tag(HOT, "acme"), tag(POOL, "bazaar", category="market", role="pool")]
        case = Case(folder, self.rows, tags=tags, vasps=[vasp("acme", "none")], clusters=False)
        self.note_mixes(case.workspace)
        return case

    def note_mixes(self, workspace: Workspace) -> None:
        """Write down which transactions mix."""
        if self.mixes:
            with Ledger.open(workspace, CHAIN, read_only=False) as ledger:
                for name in sorted(self.mixes):
                    ledger.db.run(MIX, {"txid": txid_of(name)})

    @property
    def seeds(self) -> tuple[str, ...]:
        return (*self.lots, *self.members)

    def question(self) -> dict[str, Any]:
        """As `Case.trace` takes it."""
        times: dict[str, int] = {}
        if self.window:
            times |= {"after": _time(self.window[0]), "before": _time(self.window[1])}
        if self.seen:
            times |= {"seed_after": _time(self.seen[0]), "seed_before": _time(self.seen[1])}
        return {
            "methods": tuple(METHODS), "unit": self.unit, "direction": self.direction, "fees": self.fees,
            "hops": self.hops, "min_value": self.floor, **times,
        }  # fmt: skip

    @property
    def blocks(self) -> dict[str, int]:
        """Transaction -> the number of its block."""
        of: dict[str, int] = {}
        for number, row in enumerate(row for row in self.rows if not row.ins):
            of |= dict.fromkeys([row.name, *row.collects], number)
        return of

    @property
    def ends(self) -> dict[str, str]:
        """Where the trail ends by who holds an address."""
        return (dict.fromkeys(self.members, "custodial_pool") if self.unit == "entity" else {}) | ENDS

    def oracle_seeds(self) -> OracleSeeds:
        window = None
        if self.seen:
            window = frozenset(n for n, block in self.blocks.items() if self.seen[0] <= block < self.seen[1])
        lots = frozenset(pair(point) for point in self.lots)
        if window is not None:
            lots = frozenset(point for point in lots if point[0] in window)
        return OracleSeeds(lots, frozenset(self.members), self.unit, window, self.mixes)

    def oracle(self, method: str) -> OracleTaint:
        """The right answer."""
        ledger = oracle_ledger(self.rows)
        return trace(
            ledger, self.oracle_seeds(), method,
            address_ends=self.ends, outpoint_ends=self._doors(ledger), hops=self.hops, floor=self.floor,
            direction=self.direction, fees=self.fees,
        )  # fmt: skip

    def _doors(self, ledger: Sequence[OracleTx]) -> dict[Outpoint, str]:
        """Outpoints that a mix, or a transaction outside the window, would lead on from; no holder ends them."""
        blocks, (first, last) = self.blocks, self.window or (0, len(self.rows))
        address = {(tx.name, vout): out.address for tx in ledger for vout, out in enumerate(tx.outs)}
        doors: dict[Outpoint, str] = {}
        for tx in ledger:
            forward = self.direction == "forward"
            beside = tx.ins if forward else [(tx.name, vout) for vout in range(len(tx.outs))]
            if not first <= blocks[tx.name] < last:
                doors |= dict.fromkeys(beside, "time_window")
            elif tx.name in self.mixes:
                doors |= dict.fromkeys(beside, "mixer")
        if self.direction == "backward":
            return doors
        return {point: why for point, why in doors.items() if address.get(point) not in self.ends}

    def owners(self, expected: OracleTaint) -> dict[Outpoint, str]:
        """The seed, as it was typed, that each outpoint where taint entered belongs to."""
        ledger = oracle_ledger(self.rows)
        address = {(tx.name, vout): out.address for tx in ledger for vout, out in enumerate(tx.outs)}
        named = {pair(point): point for point in self.lots}
        found: dict[Outpoint, str] = {}
        for label in {label for came in expected.came.values() for label in came}:
            if label in expected.spread:
                found[label] = address[expected.spread[label]] or ""
            elif self.unit == "entity" and self.direction == "forward":
                (tx,) = [tx for tx in ledger if tx.name == label[0]]
                found[label] = min(address[p] or "" for p in tx.ins if address.get(p) in self.members)
            else:
                found[label] = named.get(label) or address[label] or ""
        return found


def _time(block: int) -> int:
    return GENESIS_TIME + BLOCK * (block + 1)


def pair(point: str) -> Outpoint:
    """`fund:0` as the oracle writes it."""
    name, _, vout = point.rpartition(":")
    return (name, int(vout))


def bucketed(expected: OracleTaint) -> dict[str, int]:
    """Totals as documents count them, of what is not nothing."""
    totals = expected.totals()
    found = {bucket: sum(totals.get(reason, 0) for reason in reasons) for bucket, reasons in BUCKETS.items()}
    found |= {"seed": expected.seed, "fees": expected.fees}
    return {bucket: units for bucket, units in found.items() if units}


def resting(expected: OracleTaint, reason: str) -> dict[str, int]:
    """Outpoint -> units that rest there for this reason."""
    return {
        f"{name}:{vout}": units
        for (name, vout), (why, units) in expected.rests.items()
        if why == reason and units
    }


@st.composite
def asked(draw: st.DrawFn, *, direction: str, most: int = 8, held: bool = False) -> Asked:
    """Lots, sets, both, entities; hop limits, floors, mixes, windows; fees rest or, forward, go to miners.

    `held`: a set of which a service or a pool holds a part.
    """
    rows = draw(tables(most=most))
    points = [f"{row.name}:{v}" for row in rows for v in range(len(row.outs))]
    seen = sorted({name for row in rows for name, _ in row.outs} - set(NOBODY))
    at_services = [name for name in (HOT, POOL) if held and name in seen]
    unit = draw(st.sampled_from(["lot", "lot", "entity"])) if seen and not held else "lot"
    lots = draw(st.lists(st.sampled_from(points), max_size=3, unique=True)) if unit == "lot" else []
    members = draw(st.lists(st.sampled_from(seen), max_size=4, unique=True)) if seen else []
    members = sorted({*members, *at_services})
    if not lots and not members:
        lots, members = ([points[0]], []) if unit == "lot" else ([], seen[:1])
    blocks = len([row for row in rows if not row.ins])
    two = st.tuples(st.integers(0, blocks), st.integers(0, blocks))
    windows = st.none() | two.map(lambda pair: (min(pair), max(pair) + 1))
    mixable = [row.name for row in rows if row.ins]
    most_units = max(value for row in rows for _, value in row.outs)
    return Asked(
        rows, tuple(lots), tuple(members), unit, direction,
        fees=draw(st.sampled_from(["sink", "miners"])) if direction == "forward" else "sink",
        hops=draw(st.sampled_from([10_000, 10_000, 10_000, 0, 1, 2, 3])),
        floor=draw(st.sampled_from([0, 0, 0, 1, 3, most_units // 10, most_units // 3])),
        mixes=frozenset(draw(st.lists(st.sampled_from(mixable), max_size=2))) if mixable else frozenset(),
        window=draw(windows), seen=draw(windows),
    )  # fmt: skip
