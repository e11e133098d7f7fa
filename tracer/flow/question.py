"""What is asked of a trace, checked before anything is read."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from tracer.errors import UsageError
from tracer.flow.methods import DEFAULT, METHODS
from tracer.flow.movements import NO_LIMIT
from tracer.flow.seeding.seed_file import Listed
from tracer.flow.seeding.seeds import Unit
from tracer.flow.trail import Budget
from tracer.intel import taxonomy
from tracer.intel.claims import WEAK, KycLevel
from tracer.intel.prices import check_currency

MOST_UNITS = (1 << 63) - 1
"""The largest amount a store or a kernel holds, in base units."""


MOST_OF_ACCOUNTS = 10**38 - 1
"""The same on an account chain."""

HIGH_DEGREE = 1_000
"""Transactions of an unknown address from which on a trace ends there (heuristics.md C counts counterparties, P)."""

Direction = Literal["forward", "backward"]
THROUGH = ("mixer",)


@dataclass(frozen=True)
class Exits:
    """Which endpoints are shown; everything else is counted. Empty: all are shown."""

    levels: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Exits:
        """Read `kyc:none`, `kyc:weak` (levels 0 to 3), `category:market`, also comma-separated."""
        levels: set[str] = set()
        categories: set[str] = set()
        for text in [part.strip() for whole in texts for part in whole.split(",") if part.strip()]:
            kind, _, value = text.partition(":")
            if kind == "kyc" and value == "weak":
                levels |= set(WEAK)
            elif kind == "kyc" and value in set(KycLevel):
                levels.add(value)
            elif kind == "category" and value in taxonomy.load():
                categories.add(value)
            else:
                raise UsageError(
                    f"--exits {text!r} is not understood.",
                    hint=f"Use kyc:LEVEL ({', '.join(KycLevel)}), kyc:weak or category:ID.",
                )
        return cls(frozenset(levels), frozenset(categories))

    def shows(self, level: str, category: str) -> bool:
        """Whether an endpoint of this KYC level and category is shown."""
        return not (self.levels or self.categories) or level in self.levels or category in self.categories


@dataclass(frozen=True)
class Question:
    """One trace. Times are unix seconds, UTC, ends exclusive; `min_value` is in base units.

    pools                   whether pools that nobody tagged stop it too, recognised by what they do
    direction               forward to where money went, backward to where it came from
    min_share               the value floor as a share of what was seeded, a decimal; the larger of both floors holds
    degree                  unknown addresses of more transactions stop it; 0: none do
    stop                    categories at whose tagged addresses it ends too, that it would otherwise follow
    through                 what is gone through as a lead, never as flow: `mixer`
    fees                    whether fees rest, or go on to the miner of their block
    edges                   whether the document holds every edge of the graph
    currency, price_source  of the fiat values (`tracer.intel.prices`); None: the sources as they rank
    listed                  lists of more seeds (`tracer.flow.seeding.seed_file`)
    asset                   on an account chain the one asset whose arrivals are followed; None: all
    most                    the greatest amount of the chain's family, base units
    """

    seeds: tuple[str, ...]
    methods: tuple[str, ...] = DEFAULT
    unit: Unit | None = None
    hops: int = 10
    max_txs: int = 200_000
    min_value: int = 0
    after: int | None = None
    before: int | None = None
    seed_after: int | None = None
    seed_before: int | None = None
    exits: tuple[str, ...] = ()
    pools: Literal["all", "tagged"] = "all"
    direction: Direction = "forward"
    min_share: str | None = None
    degree: int = HIGH_DEGREE
    stop: tuple[str, ...] = ()
    through: tuple[str, ...] = ()
    fees: Literal["sink", "miners"] = "sink"
    edges: bool = False
    currency: str = "USD"
    price_source: str | None = None
    listed: tuple[Listed, ...] = ()
    asset: str | None = None
    most: int = MOST_UNITS

    def __post_init__(self) -> None:
        """Refuse what contradicts itself; `UsageError` says what."""
        if not self.seeds and not self.listed:
            raise UsageError(
                "a trace needs at least one seed.", hint="An address, txid:vout, tag:LABEL, vasp:ID ..."
            )
        for name in self.methods:
            if name not in METHODS:
                raise UsageError(f"there is no method {name!r}.", hint=f"Choose from: {', '.join(METHODS)}.")
        if self.hops < 0 or self.max_txs < 1 or self.min_value < 0:
            raise UsageError("--hops and --min-value cannot be negative, --max-txs is at least 1.")
        if max(self.hops, self.max_txs) > NO_LIMIT or self.min_value > self.most:
            raise UsageError(
                f"--hops and --max-txs are at most {NO_LIMIT}, --min-value at most {self.most} base units."
            )
        for start, end, what in (
            (self.after, self.before, "--after/--before"),
            (self.seed_after, self.seed_before, "--seed-after/--seed-before"),
        ):
            if start is not None and end is not None and start >= end:
                raise UsageError(f"{what} is an empty window: it ends before it begins.")
        self._check_stops()
        Exits.parse(self.exits)
        check_currency(self.currency)

    def _check_stops(self) -> None:
        """Refuse stops and directions that say nothing, or against each other."""
        if self.min_share is not None:
            share(self.min_share)
        if self.degree < 0:
            raise UsageError("--high-degree cannot be negative.", hint="0 switches it off.")
        for category in self.stop:
            if category not in taxonomy.load():
                raise UsageError(f"there is no category {category!r} to stop at.")
        for what in self.through:
            if what not in THROUGH:
                raise UsageError(f"--through {what!r} is not understood.", hint=f"Use {', '.join(THROUGH)}.")
        if self.direction == "backward" and (self.fees == "miners" or self.through):
            named = "--fees miners" if self.fees == "miners" else "--through"
            raise UsageError(f"{named} follows money forward; this trace goes backward.")

    def floor(self, received: int) -> int:
        """The value floor in base units; `received` is what the seeds brought, of which `min_share` is a share."""
        return max(self.min_value, self.share_of(received))

    def share_of(self, received: int) -> int:
        """`min_share` of what the seeds brought, in base units; 0 without it."""
        return 0 if self.min_share is None else math.ceil(received * share(self.min_share))

    def budget(self, floor: int, *, mixers: bool = True) -> Budget:
        """The part the closure needs. `mixers`: transactions that mix end it."""
        return Budget(
            self.hops,
            self.max_txs,
            floor,
            self.after,
            self.before,
            miners=self.fees == "miners",
            mixers=mixers,
        )

    def parameters(self) -> dict[str, object]:
        """As the document repeats them."""
        return {
            "hops": self.hops,
            "max_txs": self.max_txs,
            "min_value": str(self.min_value),
            "after": utc(self.after),
            "before": utc(self.before),
            "seed_after": utc(self.seed_after),
            "seed_before": utc(self.seed_before),
            "exits": list(self.exits),
            "pools": self.pools,
            "min_share": self.min_share,
            "high_degree": self.degree or None,
            "stop": sorted(set(self.stop)),
            "through": sorted(set(self.through)),
            "fees": "fee_sink" if self.fees == "sink" else "miners",
            "currency": self.currency,
            "price_source": self.price_source,
        }


def utc(seconds: int | None) -> str | None:
    """Unix seconds as ISO 8601 in UTC: `2009-01-12T03:30:25Z`; None stays None."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds(text: str) -> int:
    """A UTC date or time (`2019-05-02`, `2019-05-02T13:00:00Z`) as unix seconds."""
    try:
        found = datetime.fromisoformat(text.strip())
        return int((found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)).timestamp())
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{text!r} is no date.", hint="Write 2019-05-02 or 2019-05-02T13:00:00Z (UTC), years 1 to 9999."
        ) from error


def share(text: str) -> Fraction:
    """A decimal between 0 and 1, exactly; `UsageError` where it is none."""
    try:
        found = Decimal(text.strip())
        exact = Fraction(found) if found.is_finite() and abs(found.adjusted()) < 40 else Fraction(-1)
    except ArithmeticError:
        exact = Fraction(-1)
    if not 0 <= exact <= 1:
        raise UsageError(
            f"--min-share {_short(text)} is no share.", hint="Write a decimal from 0 to 1: 0.001."
        )
    return exact


def base_units(text: str, decimals: int, most: int = MOST_UNITS) -> int:
    """A decimal amount as base units, at most `most`; `UsageError` where it is none, or finer than the asset."""
    try:
        sign, digits, exponent = Decimal(text.strip()).as_tuple()
        number = int("".join(map(str, digits)))
    except (ArithmeticError, ValueError) as error:
        raise _no_amount(text) from error
    if not isinstance(exponent, int):  # NaN and infinities
        raise _no_amount(text)
    power = exponent + decimals
    if number == 0:
        return 0
    if len(str(number)) + power > len(str(most)):
        raise _too_large(text, most)
    if power < 0:
        number, rest = divmod(number, 10**-power) if -power <= len(digits) else (0, 1)
        if rest:
            raise UsageError(f"--min-value {_short(text)} has more than {decimals} decimals.")
        power = 0
    units: int = number * 10**power
    if units > most:
        raise _too_large(text, most)
    return -units if sign else units


def _no_amount(text: str) -> UsageError:
    return UsageError(
        f"--min-value {_short(text)} is no amount.", hint="Write a decimal number such as 0.001."
    )


def _too_large(text: str, most: int) -> UsageError:
    what = "output" if most == MOST_UNITS else "transfer"
    return UsageError(
        f"--min-value {_short(text)} is more than {most} base units.", hint=f"No {what} holds so much."
    )


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}...")
