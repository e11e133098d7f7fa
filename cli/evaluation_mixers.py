"""Mix detectors held against the truth of worlds, and against published labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cli.evaluation import Measured
from cli.evaluation_figures import counted, proportion

if TYPE_CHECKING:
    import polars as pl

    from tracer.clustering.rules import Rule, RuleSet


def _detection(rule: Rule, kind: str, true: int, found: int, right: int) -> dict[str, Any]:
    return {
        "id": rule.id,
        "version": rule.version,
        "kind": kind,
        "true": true,
        "found": found,
        "right": right,
        "recall": proportion(right, true),
        "precision": proportion(right, found),
        **counted(found, found - right),
    }


def of_worlds(rules: RuleSet, worlds: Sequence[Measured]) -> list[dict[str, Any]]:
    """Per kind that the truth of the worlds knows."""
    import polars as pl

    mixes = pl.concat([world.mixes.select("true", "found") for world in worlds])
    told = set(mixes["true"].drop_nulls().to_list())
    rows = []
    for rule in rules.detectors:
        if rule.kind not in told:
            continue
        is_true, is_found = pl.col("true") == rule.kind, pl.col("found") == rule.kind
        true, found, right = (mixes.filter(where).height for where in (is_true, is_found, is_true & is_found))
        kept = mixes.filter(is_true & pl.col("found").is_in(_apart())).height
        rows.append({**_detection(rule, rule.kind, true, found, right), "set_aside": 0, "kept_apart": kept})
    return rows


def beyond_truth(worlds: Sequence[Measured]) -> dict[str, int]:
    """What was recognised in transactions that the truth does not name, by kind."""
    import polars as pl

    mixes = pl.concat([world.mixes.select("true", "found") for world in worlds])
    counted = mixes.filter(pl.col("true").is_null())["found"].value_counts().sort("found")
    return dict(counted.iter_rows())


def _apart() -> list[str]:
    from tracer.clustering.rules import SHAPES

    return [kind for kind, effect in SHAPES.items() if effect.apart]


def of_labels(rules: RuleSet, said: pl.DataFrame, review: pl.DataFrame) -> dict[str, Any]:
    """Per kind over all sets, and per published set what was said of it."""
    import polars as pl

    from tracer.clustering.rules import SHAPES

    # a transaction may stand in two sets: a detection is right where any of its labels says so
    stands = pl.when(pl.col("label") == pl.col("published")).then("label")
    one = said.group_by("txid").agg(
        stands.unique().alias("stands"), pl.col("label").unique(), pl.col("found").first()
    )
    kinds = []
    for rule in rules.detectors:
        if rule.kind not in said["published"].to_list():
            continue
        is_true, is_found = pl.col("stands").list.contains(rule.kind), pl.col("found") == rule.kind
        # what only our own review calls so proves nothing for the detector
        ours = is_found & ~is_true & pl.col("label").list.contains(rule.kind)
        true, found, right, aside = (
            one.filter(where).height for where in (is_true, is_found & ~ours, is_true & is_found, ours)
        )
        apart = one.filter(is_true & pl.col("found").is_in(_apart())).height
        row = _detection(rule, rule.kind, true, found, right)
        kinds.append({**row, "set_aside": aside, "kept_apart": apart})
    sets = []
    mixing = [kind for kind, effect in SHAPES.items() if effect.stops]
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
