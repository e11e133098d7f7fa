"""Small random ledgers and questions about them, up to the numeric limits."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from tests.oracle import OracleOut, OracleSeeds, OracleTaint, OracleTx, trace
from tests.scenarios.ledger import ScenarioSource
from tracer.flow.movements import Limits, Movements, Seeding

LIMIT = (1 << 63) - 1
NAMES = ("ann", "bob", "cid", "dee", "eve")


@st.composite
def ledgers(draw: st.DrawFn, *, most: int = LIMIT, honest: bool = False) -> list[OracleTx]:
    """Up to 14 transactions: coinbases, merges, splits, self-spends, zero outputs, zero fees, burns.

    Coinbases collect fees of transactions before them where fees go to miners; an `honest` one claims them all.
    Never more than `most` base units exist.
    """
    big = min(most, draw(st.sampled_from([9, 1000, 10**12, 1 << 50, 1 << 58, LIMIT])))
    unminted = most
    made: dict[tuple[str, int], int] = {}
    fees: dict[str, int] = {}
    ledger: list[OracleTx] = []
    for number in range(draw(st.integers(2, 14))):
        name = f"t{number}"
        free = sorted(made)
        count = 0 if not free or number == 0 else draw(st.integers(0, min(4, len(free))))
        ins = draw(st.permutations(free))[:count] if count else []
        collects: tuple[str, ...] = ()
        if ins:
            total = sum(made.pop(point) for point in ins)
        else:
            collects = tuple(name for name in sorted(fees) if draw(st.booleans()))
            total = draw(st.integers(0, min(big, unminted)))
            unminted -= total
            collected = sum(fees.pop(name) for name in collects)
            if honest or draw(st.booleans()):
                total = min(most, total + collected)
        values = []
        for _ in range(draw(st.integers(1, 5))):
            piece = draw(st.one_of(st.just(0), st.integers(0, total), st.just(total // 3)))
            values.append(min(piece, total))
            total -= values[-1]
        if draw(st.booleans()) or (honest and not ins):
            values[-1] += total  # no fee
        elif ins:
            fees[name] = total
        outs = []
        for vout, value in enumerate(values):
            burn = draw(st.integers(0, 9)) == 0
            address = None if burn else draw(st.sampled_from(NAMES))
            outs.append(OracleOut(value, (address or "j").encode(), address, burn))
            if not burn:
                made[name, vout] = value
        ledger.append(OracleTx(name, tuple(ins), tuple(outs), collects))
    return ledger


@dataclass(frozen=True)
class Question:
    """A ledger, what is asked about it, and what the engine is given."""

    ledger: list[OracleTx]
    seeds: OracleSeeds
    stops: dict[str, str]
    hops: int | None
    floor: int
    fees: str

    @property
    def source(self) -> ScenarioSource:
        return ScenarioSource(self.ledger, self.stops, fees=self.fees)

    @property
    def limits(self) -> Limits:
        return Limits(1 << 30 if self.hops is None else self.hops, self.floor)

    def columns(self) -> tuple[Movements, Seeding, Limits]:
        """What a kernel is run with."""
        source, seeds = self.source, self.seeds
        seeding = source.seeding(seeds.lots, seeds.members, seeds.unit, seeds.mixes)
        return source.movements(), seeding, self.limits

    def oracle(self, method: str, direction: str = "forward") -> OracleTaint:
        """The right answer."""
        return trace(
            self.ledger, self.seeds, method,
            address_ends=self.stops, hops=self.hops, floor=self.floor, direction=direction, fees=self.fees,
        )  # fmt: skip


@st.composite
def questions(draw: st.DrawFn, *, backward: bool = False) -> Question:
    """Lots and sets, stops, hop limits and floors; fees rest or go to miners."""
    ledger = draw(ledgers())
    points = [(tx.name, vout) for tx in ledger for vout, out in enumerate(tx.outs)]
    lots = frozenset(draw(st.lists(st.sampled_from(points), max_size=3)))
    members = frozenset(draw(st.lists(st.sampled_from(NAMES), max_size=2)))
    unit = draw(st.sampled_from(["lot", "entity"]))
    if backward and unit == "entity":
        lots = frozenset()  # what entered an entity is no output of its own
    stops = dict.fromkeys(draw(st.lists(st.sampled_from(NAMES), max_size=1)), "service")
    if unit == "entity":
        stops.update(dict.fromkeys(members, "custodial_pool"))
    hops = draw(st.one_of(st.none(), st.integers(0, 4)))
    mixes = frozenset(draw(st.lists(st.sampled_from([tx.name for tx in ledger]), max_size=2)))
    floor = draw(st.sampled_from([0, 0, 3, 500]))
    fees = draw(st.sampled_from(["sink", "miners"]))
    return Question(ledger, OracleSeeds(lots, members, unit, mixes=mixes), stops, hops, floor, fees)
