"""Mix detectors on published label sets (crocs-muni/coinjoin-analysis), over real transactions.

Labels that contradict a protocol's necessary conditions are set aside in `labels_review.csv`, row by row, with a
reason that `label_review.py` checks again here. A transaction in two sets is counted once. "Called a mix" means
a kind at which a trace stops; Stonewall-shaped and possible PayJoins are kept apart and reported by themselves.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rules.mixers import DETECTORS
from tests.real.label_review import REASONS, change_explained, reviewed
from tests.rules.ledger_of import Coin, Tx, ledger_of
from tracer.chain import ScriptKind
from tracer.clustering.mixing import find_mixes
from tracer.clustering.rules import SHAPES

PER_BLOCK = 1_000
SETS = (
    "whirlpool_mix", "wasabi1", "wasabi2", "joinmarket", "whirlpool_tx0", "whirlpool_postmix",
    "wasabi1_postmix", "joinmarket_postmix", "joinmarket_false_positive",
)  # fmt: skip
NO_MIX = (*SETS[4:], "none")
_PREFIXES = {
    "0014": ScriptKind.P2WPKH, "0020": ScriptKind.P2WSH, "5120": ScriptKind.P2TR, "76a9": ScriptKind.P2PKH,
    "a914": ScriptKind.P2SH,
}  # fmt: skip


def script_kind(script: str) -> ScriptKind:
    if script.startswith("6a"):
        return ScriptKind.OP_RETURN
    return _PREFIXES.get(script[:4], ScriptKind.NONSTANDARD)


def transaction(row: dict[str, Any]) -> Tx:
    """The scripts' hex stand for the owners."""
    inputs = [Coin(script, sat, script_kind(script)) for _, _, sat, script in row["inputs"]]
    return Tx(row["txid"], inputs, [Coin(script, sat, script_kind(script)) for sat, script in row["outputs"]])


@pytest.fixture(scope="module")
def published(realdata: Path) -> dict[str, tuple[str, dict[str, Any]]]:
    """txid -> the sets it stands in, joined by +, and the transaction."""
    rows: dict[str, tuple[str, dict[str, Any]]] = {}
    for name in SETS:
        with gzip.open(realdata / "bitcoin" / "coinjoin" / f"{name}.jsonl.gz") as lines:
            for row in map(json.loads, lines):
                before = rows.get(row["txid"])
                rows[row["txid"]] = (f"{before[0]}+{name}" if before else name, row)
    return rows


@pytest.fixture(scope="module")
def said(
    published: dict[str, tuple[str, dict[str, Any]]], tmp_path_factory: pytest.TempPathFactory
) -> pl.DataFrame:
    """One row per transaction: published label, label after review, what the detectors say (null: nothing)."""
    review = reviewed()
    labels = [label for label, _ in published.values()]
    frame = pl.DataFrame(
        {
            "tx_id": [((at // PER_BLOCK) << 24) | (at % PER_BLOCK) for at in range(len(labels))],
            "txid": list(published),
            "label": labels,
            "truth": [review[txid][1] if txid in review else label for txid, (label, _) in published.items()],
        }
    )
    transactions = [transaction(row) for _, row in published.values()]
    with ledger_of(tmp_path_factory.mktemp("labelled"), transactions, per_block=PER_BLOCK) as ledger:
        return frame.join(find_mixes(ledger, DETECTORS, first=0), on="tx_id", how="left")


def kinds(said: pl.DataFrame, truth: str) -> Counter[str | None]:
    """How often each kind was said of a label after review; None for nothing."""
    return Counter(said.filter(pl.col("truth") == truth)["kind"].to_list())


def test_figures_are_shown(said: pl.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    names = [*SETS[:4], "other_mix", *SETS[4:], "none"]
    lines = [f"{name}: {dict(kinds(said, name))} of {kinds(said, name).total()}" for name in names]
    with capsys.disabled():
        sys.stderr.write("\n" + "\n".join(lines) + "\n")
    assert said.height == 3_829


def test_each_reviewed_label_is_as_published_and_its_reason_holds(
    published: dict[str, tuple[str, dict[str, Any]]],
) -> None:
    review = reviewed()
    assert len(review) == 471
    for txid, (label, ours, reason) in review.items():
        becomes, holds = REASONS[reason]
        assert published[txid][0] == label
        assert becomes == ours
        assert holds(published[txid][1]), (txid, reason)


def test_one_explained_change_output_is_no_reason() -> None:
    equal = [[1_000_000, f"mixed{i}"] for i in range(3)]
    inputs = [["", 0, sat, f"owner{i}"] for i, sat in enumerate((1_300_000, 1_400_000, 1_000_000))]
    one = {"inputs": inputs, "outputs": [*equal, [300_000, "change0"]]}
    two = {"inputs": inputs, "outputs": [*one["outputs"], [400_000, "change1"]]}
    assert not change_explained(one)
    assert change_explained(two)


@pytest.mark.parametrize(
    ("name", "recall"),
    [("whirlpool_mix", 0.99), ("whirlpool_tx0", 0.99), ("wasabi1", 0.95), ("wasabi2", 1.0)],
)
def test_recall_of_what_has_a_coordinator(said: pl.DataFrame, name: str, recall: float) -> None:
    counted = kinds(said, name)
    assert counted[name] >= recall * counted.total()


@pytest.mark.parametrize(("name", "recall"), [("whirlpool_mix", 0.99), ("wasabi1", 0.95), ("wasabi2", 1.0)])
def test_recall_holds_on_the_labels_as_published_too(said: pl.DataFrame, name: str, recall: float) -> None:
    rows = said.filter(pl.col("label") == name)
    assert rows.filter(pl.col("kind") == name).height >= recall * rows.height


@pytest.mark.parametrize("name", ["whirlpool_mix", "wasabi1", "wasabi2", "joinmarket", "other_mix"])
def test_no_mix_reaches_co_spend(said: pl.DataFrame, name: str) -> None:
    """Rounds of two among the JoinMarket labels are kept apart as Stonewall-shaped."""
    apart = sum(n for kind, n in kinds(said, name).items() if kind and SHAPES[kind].apart)
    assert apart == kinds(said, name).total()


def test_rounds_of_three_or_more_are_recognised(said: pl.DataFrame) -> None:
    """What is left of the JoinMarket labels after review: rounds of two are Stonewall-shaped."""
    counted = kinds(said, "joinmarket")
    assert counted["joinmarket"] >= 0.97 * (counted.total() - counted["stonewall"])


def test_under_one_percent_of_what_is_no_mix_is_called_one_and_each_hit_is_argued(said: pl.DataFrame) -> None:
    others = said.filter(pl.col("truth").str.split("+").list.first().is_in(NO_MIX))
    called = others.filter(pl.col("stops"))
    spends = others.filter(~pl.col("truth").is_in(["whirlpool_tx0", "none"]))
    assert called.height < 0.01 * others.height
    assert spends.filter(pl.col("stops")).height < 0.01 * spends.height
    argued = (Path(__file__).parents[2] / "docs" / "mixers.md").read_text(encoding="utf-8")
    assert [txid for txid in called["txid"] if txid not in argued] == []


def test_the_figure_as_published_stands_beside_the_reviewed_one(said: pl.DataFrame) -> None:
    """Without the review most hits have Whirlpool's exact form, which the label sets call post-mix."""
    others = said.filter(pl.col("label").str.split("+").list.eval(pl.element().is_in(NO_MIX)).list.all())
    called = others.filter(pl.col("stops"))
    stated = (Path(__file__).parents[2] / "docs" / "mixers.md").read_text(encoding="utf-8")
    assert f"{called.height} of {others.height:,} rows" in stated
    assert called.filter(pl.col("kind") == "whirlpool_mix").height == 163
