"""Where an answer goes: a reader that stops, a full disk, a graph that must be written all the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import tracer
from tests.cli.test_trace import Ran
from tests.scenarios.case import Case
from tests.scenarios.ledger import Tx, shown

FULL = Path("/dev/full")
LINKS = 80
ASKED = ("trace", f"{shown('t0')}:0", "--chain", "bitcoin-regtest", "--hops", "1000", "--method", "fifo")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chain in which every transaction leaves one output unspent: a text of some screens."""
    folder = tmp_path_factory.mktemp("output")
    rows = [Tx("t0", outs=[("a0", 1_000_000)])]
    rows += [
        Tx(f"t{n}", ins=[f"t{n - 1}:0"], outs=[(f"a{n}", 1_000_000 - n), (f"b{n}", 1)])
        for n in range(1, LINKS)
    ]
    Case(folder, rows, bound=True)
    return folder


def run(workspace: Path, stdout: int, *arguments: str) -> tuple[int, str]:
    """Exit code and stderr of a command that prints to `stdout`."""
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments], check=False, stdout=stdout, stderr=subprocess.PIPE,
        text=True, timeout=300, env={**os.environ, "TRACER_WORKSPACE": str(workspace)},
    )  # fmt: skip
    return done.returncode, done.stderr


def last_outcome(workspace: Path) -> str:
    entries = json.loads(tracer(workspace, "case", "log", "--json").out)["entries"]
    return str(entries[-1]["outcome"])


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
def test_a_reader_that_stops_is_no_error_and_the_graph_is_written(
    workspace: Path, tmp_path: Path, form: list[str]
) -> None:
    graph = tmp_path / "graph.json"
    reads, writes = os.pipe()
    os.close(reads)
    code, err = run(workspace, writes, *ASKED, *form, "--graph", str(graph))
    os.close(writes)
    assert (code, err) == (0, "")
    assert json.loads(graph.read_text())["graph"]["edges"]
    assert last_outcome(workspace) == "answered"


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
def test_a_full_disk_is_one_line_and_exit_3_and_the_graph_is_written(
    workspace: Path, tmp_path: Path, form: list[str]
) -> None:
    graph = tmp_path / "graph.json"
    with FULL.open("wb") as full:
        code, err = run(workspace, full.fileno(), *ASKED, *form, "--graph", str(graph))
    assert code == 3
    assert err.startswith("error: cannot print the answer: No space left on device.")
    assert len(err.strip().splitlines()) == 1
    assert graph.exists()


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
def test_help_on_a_full_disk_is_one_line_too(workspace: Path) -> None:
    with FULL.open("wb") as full:
        code, err = run(workspace, full.fileno(), "--help")
    assert (code, err) == (3, "error: cannot go on: the disk is full.\n")


def test_a_graph_goes_into_a_plain_file_only(
    workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pipe = tmp_path / "graph.svg"
    os.mkfifo(pipe)
    ran = Ran(workspace, capsys, *ASKED, "--graph", str(pipe))
    assert (ran.code, ran.out) == (3, "")
    assert "is no plain file" in ran.err
    assert len(ran.err.strip().splitlines()) == 1
