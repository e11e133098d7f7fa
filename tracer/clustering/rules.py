"""What a clustering rule is: a header an analyst can read, and a function over columns.

The rules themselves live in `rules/`, one file each, and are handed in by the composition root.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import polars as pl


class Tier(StrEnum):
    """How far a link may be trusted (DESIGN section 4)."""

    CONSERVATIVE = "conservative"
    EXTENDED = "extended"
    LEAD = "lead"


MIX_KINDS = ("whirlpool_mix", "wasabi1", "wasabi2", "joinmarket", "other_mix")
"""Kinds of a mix, in the order of CONTRACTS."""


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


class MixDetector(Rule, Protocol):
    """Recognises the shape of one mixing protocol.

    What it says keeps a transaction out of co-spend, so it may look at nothing but the transaction and its
    ancestors: then increments equal rebuilds.
    """

    @property
    def kind(self) -> str:
        """One of `MIX_KINDS`."""

    @property
    def parameters(self) -> Any:
        """A frozen dataclass of the thresholds; part of the rules digest."""

    def detect(self, shapes: pl.DataFrame) -> pl.DataFrame:
        """The transactions of `shapes` that are such a mix, as `MIX_SCHEMA` rows.

        `shapes` has the columns of `shapes.sql`, one row per transaction. Column arithmetic only.
        """


@dataclass(frozen=True)
class RuleSet:
    """What a build runs: detectors in priority order (the first match wins), heuristics, and their digest."""

    detectors: tuple[MixDetector, ...]
    heuristics: tuple[Heuristic, ...]

    @property
    def digest(self) -> str:
        """`sha256:...` over ids, versions, kinds, tiers and parameters, in order."""
        stated = {
            "mixers": [[d.id, d.kind, d.version, asdict(d.parameters)] for d in self.detectors],
            "heuristics": [[h.id, h.tier, h.version] for h in self.heuristics],
        }
        text = json.dumps(stated, sort_keys=True, separators=(",", ":"))
        return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def mixes(
    shapes: pl.DataFrame,
    rule: MixDetector,
    *,
    where: pl.Expr,
    participants: pl.Expr,
    denomination: pl.Expr,
    confidence: pl.Expr,
) -> pl.DataFrame:
    """The rows of `shapes` that meet `where`, in the form every detector answers in.

    Columns: tx_id i64, kind str, participants i32 (a lower bound), denomination i64 (base units; null where
    there is no single one), confidence i32 (percent). A condition that is null (it needed a value that was
    not read) does not hold: a detector says itself what it accepts without it.
    """
    import polars as pl

    return shapes.filter(where).select(
        "tx_id",
        pl.lit(rule.kind).alias("kind"),
        participants.cast(pl.Int32).alias("participants"),
        denomination.cast(pl.Int64).alias("denomination"),
        confidence.cast(pl.Int32).alias("confidence"),
    )


def first_match(shapes: pl.DataFrame, detectors: Sequence[MixDetector]) -> pl.DataFrame:
    """Ask the detectors in order; a transaction takes the first kind that fits. Sorted by tx_id."""
    import polars as pl

    found = []
    for detector in detectors:
        if detector.kind not in MIX_KINDS:
            raise ValueError(f"detector {detector.id!r} names an unknown kind {detector.kind!r}")
        hits = detector.detect(shapes)
        shapes = shapes.join(hits, on="tx_id", how="anti", maintain_order="left")
        found.append(hits)
    return pl.concat(found).sort("tx_id") if found else _no_mixes()


def _no_mixes() -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame(
        schema={
            "tx_id": pl.Int64,
            "kind": pl.String,
            "participants": pl.Int32,
            "denomination": pl.Int64,
            "confidence": pl.Int32,
        }
    )
