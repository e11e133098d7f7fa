"""`tracer cluster evaluate`: what is printed and written, and how each wrong question ends."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tests.cli.running import Ran, tracer

SMALL = ("cluster", "evaluate", "--seeds", "1", "--txs", "1500", "--accounts", "0")
P2WPKH = "0014"


def row(name: int, inputs: list[tuple[int, str]], outputs: list[tuple[int, str]]) -> dict[str, object]:
    return {
        "txid": f"{name:064x}",
        "block_hash": f"{name + 1_000:064x}",
        "index": 3,
        "time": 1_600_000_000 + name,
        "inputs": [[f"{name * 100 + i:064x}", 0, sat, script] for i, (sat, script) in enumerate(inputs)],
        "outputs": [list(out) for out in outputs],
    }


def script(name: int) -> str:
    return P2WPKH + f"{name:040x}"


def mix(name: int) -> dict[str, object]:
    """A Whirlpool mix: five in, five out, all of a pool's amount, two entrants that pay the fee."""
    first = name * 50
    inputs = [(1_000_000 + (500 if i < 2 else 0), script(first + i)) for i in range(5)]
    return row(name, inputs, [(1_000_000, script(first + 10 + i)) for i in range(5)])


def payment(name: int) -> dict[str, object]:
    return row(
        name,
        [(70_000, script(name * 50))],
        [(50_000, script(name * 50 + 1)), (19_000, script(name * 50 + 2))],
    )


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    folder = tmp_path / "labels"
    folder.mkdir()
    sets = {"whirlpool_mix": [mix(1), mix(2), payment(3)], "whirlpool_postmix": [payment(4), mix(5)]}
    for name, rows in sets.items():
        with gzip.open(folder / f"{name}.jsonl.gz", "wt", encoding="utf-8") as file:
            file.writelines(json.dumps(r) + "\n" for r in rows)
    return folder


@pytest.fixture
def review(tmp_path: Path) -> Path:
    path = tmp_path / "review.csv"
    lines = [
        "txid,published,ours,reason",
        f"{3:064x},whirlpool_mix,none,one input",
        f"{5:064x},whirlpool_postmix,whirlpool_mix,a mix",
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_the_same_command_writes_the_same_bytes(tmp_path: Path, labels: Path, review: Path) -> None:
    def run(name: str) -> tuple[Ran, bytes, bytes]:
        page, rates = tmp_path / f"{name}.md", tmp_path / f"{name}.json"
        arguments = ("--labels", labels, "--review", review, "--out", page, "--rates", rates, "--json")
        return tracer(tmp_path / "unused", *SMALL, *arguments), page.read_bytes(), rates.read_bytes()

    first, second = run("first"), run("second")
    assert first[0].code == 0, first[0].err
    assert (first[0].out, first[1:]) == (second[0].out, second[1:])
    document = first[0].document
    assert document["schema"] == "tracer.cluster_evaluation/1"
    assert document["worlds"]["seeds"] == [1]
    quoted = json.loads(first[2])["rules"]["co_spend"]["1"]
    assert quoted["measured_on"] == "simulated market: one world of 1500 transactions"
    assert document["rules"].encode() in first[1]


def test_labels_count_after_the_review(tmp_path: Path, labels: Path, review: Path) -> None:
    done = tracer(tmp_path / "unused", *SMALL, "--labels", labels, "--review", review, "--json")
    assert done.code == 0, done.err
    (kind,) = done.document["labelled"]["kinds"]
    assert (kind["kind"], kind["true"], kind["right"], kind["false"]) == ("whirlpool_mix", 2, 2, 0)
    assert kind["set_aside"] == 1
    sets = {s["set"]: s for s in done.document["labelled"]["sets"]}
    assert (sets["whirlpool_mix"]["published"], sets["whirlpool_mix"]["kept"]) == (3, 2)
    assert sets["whirlpool_postmix"]["called_a_mix"]["count"] == 0


def test_labels_count_as_published_without_a_review(tmp_path: Path, labels: Path) -> None:
    done = tracer(tmp_path / "unused", *SMALL, "--labels", labels, "--json")
    (kind,) = done.document["labelled"]["kinds"]
    assert (kind["true"], kind["right"], kind["false"], kind["recall"]["value"]) == (3, 2, 1, "0.6667")
    (other,) = done.document["labelled"]["called_otherwise"]
    assert (other["set"], other["txid"]) == ("whirlpool_postmix", f"{5:064x}")


def several_equal(name: int, equal: int) -> dict[str, object]:
    """As many equal outputs as inputs of different scripts, each with its change."""
    first = name * 50
    inputs = [(90_000_000 + i, script(first + i)) for i in range(equal)]
    outputs = [(60_000_007, script(first + 10 + i)) for i in range(equal)]
    change = [(29_990_000 + i, script(first + 20 + i)) for i in range(equal)]
    return row(name, inputs, outputs + change)


def test_every_detector_that_spoke_is_counted_by_what_the_label_says(tmp_path: Path) -> None:
    folder, page, rates = tmp_path / "labels", tmp_path / "a.md", tmp_path / "a.json"
    folder.mkdir()
    sets = {
        "whirlpool_mix": [mix(1), several_equal(2, 5)],  # a mix of another name
        "whirlpool_postmix": [several_equal(3, 5), several_equal(4, 2)],  # no mix
        "joinmarket": [several_equal(5, 2)],
    }
    for name, rows in sets.items():
        with gzip.open(folder / f"{name}.jsonl.gz", "wt", encoding="utf-8") as file:
            file.writelines(json.dumps(r) + "\n" for r in rows)
    done = tracer(tmp_path / "w", *SMALL, "--labels", folder, "--out", page, "--rates", rates, "--json")
    assert done.code == 0, done.err
    labelled = done.document["labelled"]
    counted = {
        k["kind"]: (k["links"], k["right"], k["another_mix"], k["false"], k["rate"])
        for k in labelled["kinds"]
    }
    assert counted["whirlpool_mix"] == (1, 1, 0, 0, "0.000000")
    assert counted["joinmarket"] == (2, 0, 1, 1, "0.500000")
    (possible,) = labelled["possible"]
    assert (possible["kind"], possible["links"], possible["labelled_mixes"]) == ("stonewall", 2, 1)
    quoted = json.loads(rates.read_text())["rules"]
    (stonewall,), (joinmarket,) = quoted["stonewall"].values(), quoted["joinmarket"].values()
    assert (stonewall["rate"], stonewall["links"], stonewall["labelled_mixes"]) == (None, 2, 1)
    assert "no detection is called false" in stonewall["measured_on"]
    assert "not wrong: 1 that are a mix of another name" in joinmarket["measured_on"]
    text = page.read_text(encoding="utf-8")
    assert f"| `stonewall` (`stonewall` {possible['version']}) | 2 | 1 |" in text
    assert "*Another mix*" in text


class TestWithoutANode:
    """The worlds of accounts cannot be built; the others are."""

    def test_people_get_tables_and_are_told_what_is_not_measured(self, tmp_path: Path) -> None:
        page, rates = tmp_path / "a.md", tmp_path / "a.json"
        asked = (*SMALL[:-1], "1", "--out", page, "--rates", rates)
        done = tracer(tmp_path / "unused", *asked, TRACER_ANVIL=str(tmp_path / "no-anvil"))
        assert done.code == 0, done.err
        for words in ("conservative", "extended", "co_spend", "error rate (95 %)", "not measured"):
            assert words in done.out
        assert not (tmp_path / "unused" / "chains").exists()
        (warned,) = done.err.splitlines()
        assert warned.startswith("warning: nothing is measured on chains of accounts: ")
        assert "no-anvil cannot be started" in warned
        text = page.read_text(encoding="utf-8")
        for told in (done.out, text):
            assert "Chains of accounts: not measured" in told
        assert "| `forwarder` 1 | extended | all | 0 | 0 | not measured |" in text
        assert "forwarder" not in json.loads(rates.read_text())["rules"]


class TestWrongQuestions:
    def test_a_folder_without_labels(self, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        done = tracer(tmp_path / "w", *SMALL, "--labels", tmp_path / "empty")
        done.refused(2, "no labelled transactions")

    def test_a_row_that_is_no_transaction(self, tmp_path: Path, labels: Path) -> None:
        with gzip.open(labels / "wasabi2.jsonl.gz", "wt") as file:
            file.write(json.dumps(payment(8)) + "\n" + '{"txid": "00"}\n')
        tracer(tmp_path / "w", *SMALL, "--labels", labels).refused(4, "wasabi2.jsonl.gz, line 2")

    def test_a_damaged_file(self, tmp_path: Path, labels: Path) -> None:
        whole = (labels / "whirlpool_mix.jsonl.gz").read_bytes()
        (labels / "whirlpool_mix.jsonl.gz").write_bytes(whole[: len(whole) // 2])
        tracer(tmp_path / "w", *SMALL, "--labels", labels).refused(4, "is damaged")

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("txid,published,ours\n", "the columns are"),
            (f"txid,published,ours,reason\n{3:064x},whirlpool_mix,none,\n", "line 2: a column is empty"),
            (f"txid,published,ours,reason\n{3:064x},wasabi2,none,x\n", "no such label was read"),
            ("txid,published,ours,reason\n" + f"{3:064x},whirlpool_mix,none,x\n" * 2, "is reviewed twice"),
        ],
    )
    def test_a_review_that_does_not_fit(self, tmp_path: Path, labels: Path, text: str, words: str) -> None:
        path = tmp_path / "r.csv"
        path.write_text(text)
        tracer(tmp_path / "w", *SMALL, "--labels", labels, "--review", path).refused(4, words)

    def test_a_review_without_labels(self, tmp_path: Path, review: Path) -> None:
        tracer(tmp_path / "w", *SMALL, "--review", review).refused(2, "--labels")

    def test_a_place_that_cannot_be_written(self, tmp_path: Path) -> None:
        done = tracer(tmp_path / "w", *SMALL, "--out", tmp_path / "missing" / "a.md")
        done.refused(3, "cannot write")
