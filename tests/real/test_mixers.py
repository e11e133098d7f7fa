"""Mix detectors on published label sets (crocs-muni/coinjoin-analysis), over real transactions.

The labels carry noise: a "post-mix" transaction may itself be a mix. What is asserted are the figures the
detectors reach today; which labels contradict the protocols is reviewed row by row with the accuracy work.
"Possible" is a hit with two equal outputs only (Stonewall-shaped): kept out of co-spend, not called a mix.
"""

from __future__ import annotations

import gzip
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from rules.mixers import DETECTORS
from tests.rules.ledger_of import Coin, Tx, ledger_of
from tracer.chain import ScriptKind
from tracer.clustering.build import shapes
from tracer.clustering.rules import first_match

PER_BLOCK = 1_000
SETS = (
    "whirlpool_mix", "wasabi1", "wasabi2", "joinmarket", "whirlpool_tx0", "whirlpool_postmix",
    "wasabi1_postmix", "joinmarket_postmix", "joinmarket_false_positive",
)  # fmt: skip
_PREFIXES = {
    "0014": ScriptKind.P2WPKH, "0020": ScriptKind.P2WSH, "5120": ScriptKind.P2TR, "76a9": ScriptKind.P2PKH,
    "a914": ScriptKind.P2SH,
}  # fmt: skip


def real_data() -> Path:
    """The folder of real data; elsewhere than in CI its absence is a visible skip."""
    folder = os.environ.get("TRACER_REALDATA", "")
    if folder:
        return Path(folder)
    if os.environ.get("CI") == "true":
        pytest.fail("TRACER_REALDATA must name the real data in CI")
    pytest.skip("TRACER_REALDATA is not set")


def script_kind(script: str) -> ScriptKind:
    if script.startswith("6a"):
        return ScriptKind.OP_RETURN
    return _PREFIXES.get(script[:4], ScriptKind.NONSTANDARD)


def labelled(folder: Path) -> Iterator[tuple[str, Tx]]:
    """(label set, transaction with the script's hex as owner) of every row."""
    for name in SETS:
        with gzip.open(folder / "bitcoin" / "coinjoin" / f"{name}.jsonl.gz") as rows:
            for row in map(json.loads, rows):
                inputs = [Coin(script, sat, script_kind(script)) for _, _, sat, script in row["inputs"]]
                outputs = [Coin(script, sat, script_kind(script)) for sat, script in row["outputs"]]
                yield name, Tx(row["txid"], inputs, outputs)


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """One row per labelled transaction: its set, and what the detectors say (null kind: no mix)."""
    rows = list(labelled(real_data()))
    ids = [((at // PER_BLOCK) << 24) | (at % PER_BLOCK) for at in range(len(rows))]
    frame = pl.DataFrame(
        {"tx_id": ids, "set": [name for name, _ in rows], "txid": [tx.name for _, tx in rows]}
    )
    with ledger_of(
        tmp_path_factory.mktemp("labelled"), [tx for _, tx in rows], per_block=PER_BLOCK
    ) as ledger:
        shaped = shapes(ledger, 0, len(rows) // PER_BLOCK + 1)
    found = first_match(shaped, DETECTORS).with_columns(
        possible=(pl.col("kind") == "other_mix") & (pl.col("participants") == 2)
    )
    op_returns = shaped.select("tx_id", "op_returns")
    return frame.join(found, on="tx_id", how="left").join(op_returns, on="tx_id", how="left")


def kinds(said: pl.DataFrame, name: str) -> Counter[str | None]:
    """How often each kind was said of a set; "possible" apart, None for no mix."""
    rows = said.filter(pl.col("set") == name)
    return Counter(
        "possible" if possible else kind for kind, possible in rows.select("kind", "possible").iter_rows()
    )


def test_figures_are_shown(said: pl.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [f"{name}: {dict(kinds(said, name))} of {kinds(said, name).total()}" for name in SETS]
    with capsys.disabled():
        sys.stderr.write("\n" + "\n".join(lines) + "\n")
    assert said.height == 3_863


@pytest.mark.parametrize(("name", "recall"), [("whirlpool_mix", 0.99), ("wasabi1", 0.95), ("wasabi2", 1.0)])
def test_recall_of_the_mixes_with_a_coordinator(said: pl.DataFrame, name: str, recall: float) -> None:
    counted = kinds(said, name)
    assert counted[name] >= recall * counted.total()


@pytest.mark.parametrize("name", ["whirlpool_mix", "wasabi1", "wasabi2"])
def test_none_of_them_reaches_co_spend(said: pl.DataFrame, name: str) -> None:
    assert kinds(said, name)[None] == 0


def test_joinmarket_recall_is_what_it_is(said: pl.DataFrame) -> None:
    """The labels are heuristic: most have two equal outputs of dust, or reuse addresses."""
    counted = kinds(said, "joinmarket")
    assert counted["joinmarket"] >= 32
    assert counted["joinmarket"] + counted["other_mix"] + counted["possible"] >= 88


def test_a_tx0_is_called_a_mix_only_where_it_is_no_tx0(said: pl.DataFrame) -> None:
    """75 rows of the set have no data output and the exact form of a mix."""
    hits = said.filter((pl.col("set") == "whirlpool_tx0") & pl.col("kind").is_not_null())
    assert hits.height == 75
    assert hits["kind"].unique().to_list() == ["whirlpool_mix"]
    assert hits["op_returns"].max() == 0


def test_whirlpool_post_mix_spends_are_called_a_mix_in_less_than_one_percent(said: pl.DataFrame) -> None:
    """Beside the 122 rows that have the exact form of a Whirlpool mix, and the Stonewall-shaped."""
    counted = kinds(said, "whirlpool_postmix")
    assert counted["whirlpool_mix"] == 122
    others = counted.total() - counted["whirlpool_mix"]
    called = others - counted[None] - counted["possible"]
    assert called < 0.01 * others
    assert counted["possible"] <= 133


@pytest.mark.parametrize(
    ("name", "most"), [("wasabi1_postmix", 49), ("joinmarket_postmix", 48), ("joinmarket_false_positive", 4)]
)
def test_hits_in_the_other_sets_do_not_grow(said: pl.DataFrame, name: str, most: int) -> None:
    """Nearly all of them are rounds themselves: n equal outputs, and inputs that fund exactly n."""
    counted = kinds(said, name)
    assert counted.total() - counted[None] - counted["possible"] <= most
