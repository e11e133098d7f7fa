"""What is asked of a trace, checked before anything is read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal

from tracer.errors import UsageError
from tracer.flow.methods import DEFAULT, METHODS
from tracer.flow.movements import NO_LIMIT
from tracer.flow.seeds import Unit
from tracer.flow.trail import Budget
from tracer.intel import taxonomy
from tracer.intel.claims import WEAK, KycLevel
from tracer.intel.prices import check_currency

MOST_UNITS = (1 << 63) - 1
"""The largest amount a store or a kernel holds, in base units."""


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
    currency, price_source  of the fiat values (`tracer.intel.prices`); None: the sources as they rank
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
    currency: str = "USD"
    price_source: str | None = None

    def __post_init__(self) -> None:
        """Refuse what contradicts itself; `UsageError` says what."""
        if not self.seeds:
            raise UsageError(
                "a trace needs at least one seed.", hint="An address, txid:vout, tag:LABEL, vasp:ID ..."
            )
        for name in self.methods:
            if name not in METHODS:
                raise UsageError(f"there is no method {name!r}.", hint=f"Choose from: {', '.join(METHODS)}.")
        if self.hops < 0 or self.max_txs < 1 or self.min_value < 0:
            raise UsageError("--hops and --min-value cannot be negative, --max-txs is at least 1.")
        if max(self.hops, self.max_txs) > NO_LIMIT or self.min_value > MOST_UNITS:
            raise UsageError(
                f"--hops and --max-txs are at most {NO_LIMIT}, --min-value at most {MOST_UNITS} base units."
            )
        for start, end, what in (
            (self.after, self.before, "--after/--before"),
            (self.seed_after, self.seed_before, "--seed-after/--seed-before"),
        ):
            if start is not None and end is not None and start >= end:
                raise UsageError(f"{what} is an empty window: it ends before it begins.")
        Exits.parse(self.exits)
        check_currency(self.currency)

    @property
    def budget(self) -> Budget:
        """The part the closure needs."""
        return Budget(self.hops, self.max_txs, self.min_value, self.after, self.before)

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
            "fees": "fee_sink",
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


def base_units(text: str, decimals: int) -> int:
    """A decimal amount as base units, at most 2^63-1; `UsageError` where it is none, or finer than the asset."""
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
    if len(str(number)) + power > len(str(MOST_UNITS)):
        raise _too_large(text)
    if power < 0:
        number, rest = divmod(number, 10**-power) if -power <= len(digits) else (0, 1)
        if rest:
            raise UsageError(f"--min-value {_short(text)} has more than {decimals} decimals.")
        power = 0
    units: int = number * 10**power
    if units > MOST_UNITS:
        raise _too_large(text)
    return -units if sign else units


def _no_amount(text: str) -> UsageError:
    return UsageError(
        f"--min-value {_short(text)} is no amount.", hint="Write a decimal number such as 0.001."
    )


def _too_large(text: str) -> UsageError:
    return UsageError(
        f"--min-value {_short(text)} is more than {MOST_UNITS} base units.", hint="No output holds so much."
    )


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}...")
