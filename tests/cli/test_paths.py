"""`tracer paths` as people and scripts meet it: words, codes, the custody log."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.test_trace import Ran, address
from tests.scenarios.case import Case, tag, vasp
from tests.scenarios.ledger import Tx, shown

ROWS = [
    Tx("fund", outs=[("ann", 100_000_000)]),
    Tx("split", ins=["fund:0"], outs=[("bob", 30_000_000), ("cid", 70_000_000)]),
    Tx("straight", ins=["split:0"], outs=[("zoe", 30_000_000)]),
    Tx("round", ins=["split:1"], outs=[("zoe", 50_000_000), ("hot", 20_000_000)]),
]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    Case(tmp_path, ROWS, tags=[tag("hot", "acme", role="hot")], vasps=[vasp("acme", "none")], bound=True)
    return tmp_path


def paths(workspace: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> Ran:
    return Ran(workspace, capsys, "paths", "--chain", "bitcoin-regtest", *arguments)


def test_the_document_has_its_keys_in_order(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    doc = paths(workspace, capsys, address("ann"), address("zoe"), "--json").json
    assert list(doc) == [
        "schema", "as_of", "intel_snapshot", "rules", "engine", "coverage", "seeds", "targets", "unit",
        "parameters", "paths", "more", "reached", "by_category", "complete", "heuristics", "overrides",
        "protected", "claims", "tlp",
    ]  # fmt: skip
    assert list(doc["paths"][0]) == [
        "bottleneck", "hops", "first_time", "last_time", "from", "to", "steps",
    ]  # fmt: skip
    assert list(doc["paths"][0]["to"]) == [
        "address", "outpoint", "entity", "vasp_id", "category", "kyc_level", "kyc_last_known", "swept_to",
    ]  # fmt: skip
    assert list(doc["paths"][0]["steps"][0]) == [
        "txid", "height", "time", "spends", "makes", "address", "amount",
    ]  # fmt: skip
    assert doc["schema"] == "tracer.paths/1"
    assert doc["complete"] is True
    assert [path["bottleneck"]["decimal"] for path in doc["paths"]] == ["0.50000000", "0.30000000"]
    step = doc["paths"][0]["steps"][-1]
    assert (step["txid"], step["spends"]) == (shown("round"), f"{shown('split')}:1")
    assert step["makes"] == doc["paths"][0]["to"]["outpoint"] == f"{shown('round')}:0"


def test_the_text_shows_one_block_per_path_with_whole_outpoints(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said, _, unsaid = paths(workspace, capsys, address("ann"), address("zoe")).out.partition(
        "What it does not say"
    )
    assert "1. at most 0.50000000 BTC, 2 hops, 0.0 days" in said
    assert "2. at most 0.30000000 BTC, 2 hops" in said
    lines = [line.strip() for line in said.splitlines()]
    assert lines.index(f"{shown('split')}:1") < lines.index(f"{shown('round')}:0")
    assert "not that it did" in unsaid
    assert "must not be added up" in unsaid


def test_without_an_end_paths_lead_to_services(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran = paths(workspace, capsys, f"{shown('fund')}:0", "--exits", "category:exchange,kyc:none")
    assert "held by Acme (exchange, KYC then: none)" in ran.out
    assert "exchange, KYC then none: 1 output, by one path at most 0.20000000 BTC" in ran.out


def test_that_no_path_was_found_is_an_answer(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran = paths(workspace, capsys, address("zoe"), address("ann"))
    assert ran.code == 0
    assert "No path of at most 10 hops, among at most 200,000 transactions (--max-txs), through no" in ran.out
    assert "no proof that there is none" in ran.out
    assert "clean" not in ran.out


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        (["--hops", "1"], "of at most 1 hops"),
        (["--max-txs", "1"], "among at most 1 transactions (--max-txs)"),
        (["--min-value", "0.9"], "of at least 0.90000000 (--min-value)"),
        (["--before", "2015-01-01"], "of movements before 2015-01-01T00:00:00Z (--before)"),
        (["--after", "2038-01-01"], "of movements from 2038-01-01T00:00:00Z (--after)"),
    ],
)
def test_a_path_that_a_limit_cut_is_denied_within_that_limit_only(
    workspace: Path, capsys: pytest.CaptureFixture[str], limit: list[str], words: str
) -> None:
    """There are two paths, of which each limit leaves none."""
    asked = (f"{shown('fund')}:0", address("zoe"), *limit)
    ran = paths(workspace, capsys, *asked)
    _, _, said = " ".join(ran.out.split()).partition("What this result says")
    assert words in said
    assert any(words in note for note in paths(workspace, capsys, *asked, "--json").json["coverage"]["notes"])


def test_what_may_not_be_gone_through_is_named(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = (address("zoe"), address("ann"), "--stop", "exchange", "--high-degree", "7")
    said = " ".join(paths(workspace, capsys, *asked).out.split())
    assert "through no untagged address of more than 7 transactions (--high-degree)" in said
    assert "through no exchange (--stop)" in said
    assert "--high-degree" not in paths(workspace, capsys, *asked[:2], "--high-degree", "0").out


@pytest.mark.parametrize("window", [["--seed-after", "2038-01-01"], ["--seed-before", "2015-01-01"]])
def test_where_nothing_arrived_in_the_window_no_path_is_denied(
    workspace: Path, capsys: pytest.CaptureFixture[str], window: list[str]
) -> None:
    ran = paths(workspace, capsys, address("ann"), address("zoe"), *window)
    assert "Nothing arrived in the window: nothing was looked for." in ran.out
    assert "No path" not in ran.out
    notes = paths(workspace, capsys, address("ann"), address("zoe"), *window, "--json").json["coverage"][
        "notes"
    ]
    assert "nothing arrived in the window: nothing was looked for" in notes
    assert not any(note.startswith("no path") for note in notes)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([address("nobody"), address("zoe")], "`unseen`"),
        ([address("ann"), address("nobody")], "`unseen`"),
        ([shown("split"), address("zoe")], "has 2 outputs"),
        ([address("ann"), address("zoe"), "--exits", "kyc:none"], "a place to reach was named too"),
        ([address("ann"), "--exits", "kyc:maybe"], "kyc:LEVEL"),
        ([address("ann"), address("zoe"), "--hops", "101"], "from 1 to 100"),
        ([address("ann"), address("zoe"), "--best", "1001"], "from 1 to 1000"),
        ([address("ann"), address("zoe"), "--after", "2020-02-01", "--before", "2020-01-01"], "empty window"),
    ],
)
def test_a_question_that_cannot_be_asked_is_one_line_and_exit_2(
    workspace: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    ran = paths(workspace, capsys, *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert words in ran.err
    assert len(ran.err.strip().splitlines()) == 1


def test_every_question_leaves_a_line_in_the_custody_log(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths(workspace, capsys, address("ann"), address("zoe"), "--case", "K-12", "--purpose", "loan")
    log = Ran(workspace, capsys, "case", "log").out
    assert "K-12" in log
    assert "loan" in log


def test_as_of_a_former_block_later_paths_are_not_there(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    then = paths(workspace, capsys, address("ann"), address("zoe"), "--at", "2", "--json").json
    assert [path["bottleneck"]["decimal"] for path in then["paths"]] == ["0.30000000"]
