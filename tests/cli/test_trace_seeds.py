"""`tracer trace --seeds FILE`: a list alone or beside typed seeds; every way it can be wrong ends in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli import trace as verb
from tests.cli.test_trace import ROWS, SEED, Ran, address
from tests.scenarios.case import Case, tag, vasp

HEADER = "chain,address,role,valid_from,valid_to,source,reference\n"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    Case(folder, ROWS, tags=[tag("hot", "acme", role="hot")], vasps=[vasp("acme", "none")], bound=True)
    return folder


def trace(workspace: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> Ran:
    return Ran(workspace, capsys, "trace", "--chain", "bitcoin-regtest", *arguments)


def test_a_list_alone_and_beside_a_seed(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = workspace.parent / "seller.csv"
    file.write_text(HEADER + f"bitcoin-regtest,{address('d1')},seller,,,search,item 1\n", encoding="utf-8")
    alone = trace(workspace, capsys, "--seeds", str(file), "--method", "fifo", "--json").json
    assert alone["seeds"] == [
        {"chain": "bitcoin-regtest", "kind": "address", "value": address("d1"), "role": "seller", "lots": 1}
    ]
    assert alone["totals"][0]["seed"] == "30000000"
    both = trace(workspace, capsys, SEED, "--seeds", str(file), "--method", "fifo", "--json").json
    assert both["totals"][0]["seed"] == "100000000"
    assert str(workspace.parent) not in str(both)


def test_a_long_list_is_whole_in_the_json_and_short_in_the_text(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = workspace.parent / "seller.csv"
    file.write_text(
        HEADER + "".join(f",{address(f'n{n}')},,,,,\n" for n in range(200)) + f",{address('ann')},,,,,\n"
    )
    found = trace(workspace, capsys, "--seeds", str(file), "--method", "fifo", "--json").json
    assert len(found["seeds"]) == 201
    assert found["coverage"]["status"] == "partial"
    text = trace(workspace, capsys, "--seeds", str(file)).out
    assert len([line for line in text.splitlines() if line.startswith("  seed address ")]) == 20
    assert "... and 181 more seeds in the JSON" in text
    assert "200 of 201 seeds were never seen" in text


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (b"", 4, "bad.csv is empty"),
        (b"name\nx\n", 4, "bad.csv, line 1: no column is called address or outpoint"),
        (b"address\nnonsense\n", 4, "bad.csv: 1 row cannot be used: line 2:"),
        (b"address\n\xff\xfe\n", 4, "bad.csv is no UTF-8 text"),
        (b"address,chain\nnonsense,litecoin\n", 4, "it is on 'litecoin', the question on bitcoin-regtest"),
        (f"outpoint\n{SEED[:-2]}:7\n".encode(), 4, "bad.csv: 1 row cannot be used: line 2: transaction"),
        (f"address\n{address('zoe')}\n".encode(), 2, "none of 1 listed seeds was ever seen"),
    ],
)
def test_a_list_that_cannot_be_used_is_one_line(
    workspace: Path, capsys: pytest.CaptureFixture[str], content: bytes, code: int, words: str
) -> None:
    file = workspace.parent / "bad.csv"
    file.write_bytes(content)
    ran = trace(workspace, capsys, "--seeds", str(file))
    assert ran.code == code
    assert words in ran.err
    assert "Traceback" not in ran.err
    assert ran.out == ""


def test_a_list_without_an_end_is_refused(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran = trace(workspace, capsys, "--seeds", "/dev/zero")
    assert (ran.code, ran.out) == (2, "")
    assert "/dev/zero is no plain file" in ran.err
    assert len(ran.err.strip().splitlines()) == 1


def test_a_list_too_large_is_refused(
    workspace: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = workspace.parent / "long.csv"
    file.write_text(f"address\n{address('d1')}\n")
    monkeypatch.setattr(verb, "MOST_BYTES", file.stat().st_size)
    assert trace(workspace, capsys, "--seeds", str(file)).code == 0
    monkeypatch.setattr(verb, "MOST_BYTES", file.stat().st_size - 1)
    ran = trace(workspace, capsys, "--seeds", str(file))
    assert (ran.code, ran.out) == (4, "")
    assert "it is no list of seeds" in ran.err


def test_without_any_seed_or_file_there_is_no_question(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    none = trace(workspace, capsys)
    assert (none.code, "at least one seed" in none.err) == (2, True)
    assert trace(workspace, capsys, "--seeds", str(workspace / "nowhere.csv")).code == 2
