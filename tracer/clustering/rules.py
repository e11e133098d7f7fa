"""What a clustering rule is: a header an analyst can read, and a function over columns.

The rules themselves live in `rules/`, one file each, and are handed in by the composition root.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from tracer.errors import BadRule

if TYPE_CHECKING:
    import polars as pl


class Tier(StrEnum):
    """How far a link may be trusted (DESIGN section 4)."""

    CONSERVATIVE = "conservative"
    EXTENDED = "extended"
    LEAD = "lead"


CO_SPEND, SAME_KEY, JOINED = "co_spend", "same_key", "override_join"
"""Heuristics the conservative kernel follows; the last is an analyst's word."""


@dataclass(frozen=True)
class Effect:
    """What recognising a shape means.

    apart  its inputs do not tell one owner: it is kept out of co-spend
    stops  whose coins come out nobody can tell: a trace ends there
    """

    apart: bool
    stops: bool


SHAPES: Mapping[str, Effect] = {
    "whirlpool_mix": Effect(apart=True, stops=True),
    "wasabi1": Effect(apart=True, stops=True),
    "wasabi2": Effect(apart=True, stops=True),
    "joinmarket": Effect(apart=True, stops=True),
    "other_mix": Effect(apart=True, stops=True),
    "mix_possible": Effect(apart=True, stops=False),
    "stonewall": Effect(apart=True, stops=False),
    "payjoin_possible": Effect(apart=True, stops=False),
    "whirlpool_tx0": Effect(apart=False, stops=False),
    "mweb": Effect(apart=True, stops=True),
}
"""What a detector can say of a transaction, in the order of CONTRACTS."""


class Rule(Protocol):
    """The header that every rule carries."""

    @property
    def id(self) -> str:
        """Stable name, quoted in results."""

    @property
    def title(self) -> str:
        """One line for people."""

    @property
    def version(self) -> int:
        """Raised with every change of meaning; results quote it."""

    @property
    def references(self) -> tuple[str, ...]:
        """Where the definition was published."""

    @property
    def limitations(self) -> tuple[str, ...]:
        """What it gets wrong, and what it cannot see."""


class Heuristic(Rule, Protocol):
    """A reason to say that two addresses share control."""

    @property
    def tier(self) -> Tier:
        """Conservative links form the cluster; others are asked for by name."""

    @property
    def confidence(self) -> int:
        """Percent: how far one link of it is to be trusted before its error rate is known."""


@runtime_checkable
class ChangeHeuristic(Heuristic, Protocol):
    """Tells which outputs of a payment may be its change.

    It never says "this is the change": it says which outputs it cannot rule out, so that several compose
    (BlockSci's form). Where exactly one output is left, that is a signal for it.
    """

    @property
    def family(self) -> str:
        """What its evidence is made of. Two heuristics of one family are one signal, not two."""

    @property
    def counts(self) -> bool:
        """Whether what it leaves alone is a signal; False where it can only rule out."""

    def possible(self) -> pl.Expr:
        """True where an output cannot be ruled out, False where it can, null where there is nothing to say.

        An expression over the columns of `change.sql`, one row per output of a candidate transaction.
        """


class MixDetector(Rule, Protocol):
    """Recognises the shape of one mixing protocol.

    What it says keeps a transaction out of co-spend, so it may look at nothing but the transaction and its
    ancestors: then increments equal rebuilds.
    """

    @property
    def kind(self) -> str:
        """One of `SHAPES`."""

    @property
    def reads(self) -> str:
        """The statement of `shapes.sql` whose rows it is given: `equal`, `noted` or `pair`."""

    @property
    def parameters(self) -> Any:
        """A frozen dataclass of the thresholds; part of the rules digest."""

    def detect(self, shapes: pl.DataFrame) -> pl.DataFrame:
        """The transactions of `shapes` that are such a mix, as `mixes` answers.

        `shapes` has the columns of the statement it reads, one row per transaction. Column arithmetic only.
        """


@runtime_checkable
class DescentDetector(Protocol):
    """A `MixDetector` that trusts a hit more, or less, for what its inputs descend from."""

    @property
    def kind(self) -> str:
        """As in `MixDetector`."""

    def with_ancestors(self, hits: pl.DataFrame, ancestors: pl.DataFrame) -> pl.DataFrame:
        """`hits` (all of its kind, as `mixes` answers) with the confidence that their ancestors give them.

        `ancestors`: tx_id of a hit, and kind and denominations of a recognised transaction it spends from.
        """


@runtime_checkable
class BoundDetector(Protocol):
    """A `MixDetector` of a protocol that only some chains have; elsewhere it is not asked."""

    @property
    def assets(self) -> tuple[str, ...]:
        """Tickers of the native coins of these chains."""


_HEADER: Mapping[str, type] = {
    "id": str,
    "title": str,
    "version": int,
    "references": tuple,
    "limitations": tuple,
}


@dataclass(frozen=True)
class RuleSet:
    """What a build runs; raises `BadRule` for a rule whose header is incomplete.

    detectors   in priority order: the first match wins
    heuristics  conservative and extended; change heuristics have `possible` and a `family`
    bridges     what tells that value went on on another chain (`tracer.flow.bridges.rules.Bridge`)
    lists       data that rules rest on -> its SHA-256
    """

    detectors: tuple[MixDetector, ...]
    heuristics: tuple[Heuristic, ...]
    bridges: tuple[Rule, ...] = ()
    lists: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check every header before anything is built."""
        for detector in self.detectors:
            _check(detector, {"kind": str, "reads": str})
            if detector.kind not in SHAPES:
                raise BadRule(
                    f"{_file(detector)}: unknown kind {detector.kind!r}.", hint=f"One of {', '.join(SHAPES)}."
                )
        for heuristic in self.heuristics:
            _check(heuristic, {"tier": Tier, "confidence": int})
        for bridge in self.bridges:
            _check(bridge, {"join": str})
        every = (*self.detectors, *self.heuristics, *self.bridges)
        ids = [rule.id for rule in every]
        for rule in every:
            if ids.count(rule.id) > 1:
                raise BadRule(f"{_file(rule)}: the id {rule.id!r} is taken.", hint="Give it one of its own.")

    @property
    def change(self) -> tuple[ChangeHeuristic, ...]:
        """The change heuristics among the extended tier."""
        return tuple(h for h in self.heuristics if isinstance(h, ChangeHeuristic))

    def heuristic(self, name: str) -> Heuristic | None:
        """The heuristic of an id, or None where this set has none."""
        return next((h for h in self.heuristics if h.id == name), None)

    @property
    def digest(self) -> str:
        """`sha256:...` over ids, versions, kinds, tiers and parameters, in order."""
        stated = {
            "mixers": [[d.id, d.kind, d.version, asdict(d.parameters)] for d in self.detectors],
            "heuristics": [
                [h.id, h.tier, h.version, asdict(h.parameters) if hasattr(h, "parameters") else {}]
                for h in self.heuristics
            ],
            "bridges": [[b.id, b.version] for b in self.bridges],
            "lists": dict(self.lists),
        }
        text = json.dumps(stated, sort_keys=True, separators=(",", ":"))
        return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _check(rule: Rule, further: Mapping[str, type]) -> None:
    for name, kind in {**_HEADER, **further}.items():
        value = getattr(rule, name, None)
        if not isinstance(value, kind) or value in ("", ()):
            raise BadRule(
                f"{_file(rule)}: the header lacks `{name}`.",
                hint="Every rule says its id, title, version, references, limitations"
                + (f" and {', '.join(further)}." if further else "."),
            )


def _file(rule: Rule) -> str:
    """Where a rule is written, as people look for it: its folder and file."""
    path = Path(inspect.getfile(type(rule)))
    return "/".join(path.parts[-3:])


def mixes(
    shapes: pl.DataFrame,
    rule: MixDetector,
    *,
    where: pl.Expr,
    participants: pl.Expr,
    denominations: pl.Expr,
    confidence: pl.Expr,
) -> pl.DataFrame:
    """The rows of `shapes` that meet `where`, in the form every detector answers in.

    Columns: tx_id i64, kind str, participants i32 (a lower bound), denominations list[i64] (base units,
    ascending; empty where there is none), confidence i32 (percent), apart and stops (`SHAPES`). A condition that
    is null (it needed a value that was not read) does not hold: a detector says itself what it accepts without it.
    """
    import polars as pl

    effect = SHAPES[rule.kind]
    return shapes.filter(where).select(
        "tx_id",
        pl.lit(rule.kind).alias("kind"),
        participants.cast(pl.Int32).alias("participants"),
        denominations.cast(pl.List(pl.Int64)).alias("denominations"),
        confidence.cast(pl.Int32).alias("confidence"),
        pl.lit(effect.apart).alias("apart"),
        pl.lit(effect.stops).alias("stops"),
    )


def no_mixes() -> pl.DataFrame:
    """No row, in the form of `mixes`."""
    import polars as pl

    return pl.DataFrame(
        schema={
            "tx_id": pl.Int64,
            "kind": pl.String,
            "participants": pl.Int32,
            "denominations": pl.List(pl.Int64),
            "confidence": pl.Int32,
            "apart": pl.Boolean,
            "stops": pl.Boolean,
        }
    )
