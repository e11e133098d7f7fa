"""Mix detectors held against the truth of worlds, and against published labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cli.evaluation import Measured
from cli.evaluation_figures import counted, proportion

if TYPE_CHECKING:
    import polars as pl

    from tracer.clustering.rules import MixDetector, RuleSet


def _detection(
    rule: MixDetector, *, true: int, found: int, right: int, otherwise: int, aside: int, apart: int
) -> dict[str, Any]:
    """What a detector said that can be held against the truth; see `of_labels`.

    No precision where nothing bears the name (`other_mix`): it is right about mixing or wrong, never about the name.
    """
    return {
        "id": rule.id,
        "version": rule.version,
        "kind": rule.kind,
        "true": true,
        "found": found,
        "right": right,
        "another_mix": otherwise,
        "set_aside": aside,
        "kept_apart": apart,
        "recall": proportion(right, true),
        "precision": proportion(right, found if true else 0),
        **counted(found, found - right - otherwise),
    }


def _possible(rule: MixDetector, found: int, mixes: int) -> dict[str, Any]:
    """What a detector said may be: nothing of it can be called false, so no rate is made of it."""
    return {
        "id": rule.id,
        "version": rule.version,
        "kind": rule.kind,
        "links": found,
        "labelled_mixes": mixes,
        "false": None,
        "rate": None,
        "interval": None,
    }


def of_worlds(
    rules: RuleSet, worlds: Sequence[Measured]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Per kind that the truth of the worlds knows, or that was recognised; -> told, possible.

    The truth names every mix and PayJoin. It names no Stonewall and no Tx0: the first is counted as possible, the
    second in `beyond_truth`.
    """
    import polars as pl

    mixes = pl.concat([world.mixes.select("true", "found") for world in worlds])
    named = set(mixes["true"].drop_nulls().to_list())
    told, possible = [], []
    for rule in rules.detectors:
        kind = rule.kind
        is_true, is_found = pl.col("true") == kind, pl.col("found") == kind
        is_mix = pl.col("true").is_in(_mixing())
        found = mixes.filter(is_found)
        if kind not in named and (kind not in _apart() or not found.height):
            continue
        if kind not in named and kind not in _mixing():
            possible.append(_possible(rule, found.height, found.filter(is_mix).height))
            continue
        told.append(
            _detection(
                rule,
                true=mixes.filter(is_true).height,
                found=found.height,
                right=found.filter(is_true).height,
                otherwise=found.filter(is_mix & ~is_true).height,
                aside=0,
                apart=mixes.filter(is_true & pl.col("found").is_in(_apart())).height,
            )
        )
    return told, possible


def beyond_truth(worlds: Sequence[Measured]) -> dict[str, int]:
    """What was recognised in transactions that the truth does not name, by kind."""
    import polars as pl

    mixes = pl.concat([world.mixes.select("true", "found") for world in worlds])
    counted = mixes.filter(pl.col("true").is_null())["found"].value_counts().sort("found")
    return dict(counted.iter_rows())


def _apart() -> list[str]:
    from tracer.clustering.rules import SHAPES

    return [kind for kind, effect in SHAPES.items() if effect.apart]


def _mixing() -> list[str]:
    """The kinds that are mixes, not merely possible ones."""
    from tracer.clustering.rules import SHAPES

    return [kind for kind, effect in SHAPES.items() if effect.stops]


def of_labels(rules: RuleSet, said: pl.DataFrame, review: pl.DataFrame) -> dict[str, Any]:
    """Per kind over all sets, and per published set what was said of it.

    kinds     detections of mixes (and of Tx0s) held against the labels after the review. `right`: a standing label
              says so; `another_mix`: labelled a mix of another name, which is not wrong about mixing; `false`: none
              of its labels is a mix; `set_aside`: only our own review calls it so, which proves nothing
    possible  detections of what may be a mix of two, and how many of them are labelled mixes
    """
    import polars as pl

    # a transaction may stand in two sets: a detection is right where any of its labels says so
    stands = pl.when(pl.col("label") == pl.col("published")).then("label")
    one = said.group_by("txid").agg(
        stands.unique().alias("stands"),
        pl.col("label").unique(),
        pl.col("label").is_in(_mixing()).fill_null(False).any().alias("is_mix"),
        pl.col("found").first(),
    )
    published = set(said["published"].to_list())
    kinds, possible = [], []
    for rule in rules.detectors:
        kind = rule.kind
        is_true = pl.col("stands").list.contains(kind)
        found = one.filter(pl.col("found") == kind)
        if kind not in published and not found.height:
            continue
        if kind in _apart() and kind not in _mixing():
            possible.append(_possible(rule, found.height, found.filter("is_mix").height))
            continue
        ours = ~is_true & pl.col("label").list.contains(kind)
        counts = found.filter(~ours)
        # a Tx0 is no mix: a mix that is called one is called wrongly
        otherwise = ~is_true & pl.col("is_mix") & pl.lit(kind in _mixing())
        kinds.append(
            _detection(
                rule,
                true=one.filter(is_true).height,
                found=counts.height,
                right=counts.filter(is_true).height,
                otherwise=counts.filter(otherwise).height,
                aside=found.height - counts.height,
                apart=one.filter(is_true & pl.col("found").is_in(_apart())).height,
            )
        )
    sets = []
    mixing = _mixing()
    for name in sorted(said["published"].unique().to_list()):
        rows = said.filter(pl.col("published") == name)
        kept = rows.filter(pl.col("label") == name)
        spoken = kept["found"].value_counts().drop_nulls().sort("found")
        called = kept.filter(pl.col("found").is_in(mixing)).height
        sets.append(
            {
                "set": name,
                "published": rows.height,
                "contradicted": rows.height - kept.height,
                "kept": kept.height,
                "found": dict(spoken.iter_rows()),
                "called_a_mix": {"count": called, **proportion(called, kept.height)},
            }
        )
    return {
        "transactions": one.height,
        "reviewed": review["txid"].n_unique(),
        "kinds": kinds,
        "possible": possible,
        "sets": sets,
        "called_otherwise": [
            {"set": name, "txid": txid, "found": kind}
            for name, txid, kind in said.filter(
                (pl.col("label") == pl.col("published"))
                & pl.col("found").is_in(mixing)
                & (pl.col("found") != pl.col("published"))
            )
            .sort("published", "txid")
            .select("published", "txid", "found")
            .iter_rows()
        ],
    }
