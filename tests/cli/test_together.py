"""One workspace, several processes at once: a follower writes, long answers are worked out, nobody is turned away.

Readers let the writer in and go on as of the block they began at: what they answer is what an undisturbed reader of
that block answers, to the byte.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from adapters.simulation import build_world
from tests.cli import forking
from tests.cli.following import Follower, following
from tests.cli.running import tracer
from tests.conftest import scaled
from tests.rawblocks import framed
from tracer.db import Database

CHAIN = "bitcoin-regtest"
LONG = (
    "trace", "--chain", CHAIN, "tag:Alpine Exchange (simulated)", "--backward", "--pools", "tagged", "--hops", "1000",
    "--method", "fifo", "--method", "haircut", "--method", "poison", "--json",
)  # fmt: skip
SHORT = ("trace", "--chain", CHAIN, "tag:Market B commission", "--hops", "3", "--json")


class Feed:
    """A node's block file that grows, and when each block stood in it."""

    def __init__(self, folder: Path, blocks: list[bytes], first: int, seconds: float) -> None:
        self.file, self.came = folder / "blk00000.dat", dict[int, float]()
        self.source = f"blocks:{self.file}"
        self._blocks, self._seconds = blocks, seconds
        self.file.write_bytes(framed(blocks[:first]))
        self.next = first
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def grow(self) -> None:
        """One block more."""
        with self.file.open("ab") as file:
            file.write(framed([self._blocks[self.next]]))
        self.came[self.next] = time.monotonic()
        self.next += 1

    def _run(self) -> None:
        while self.next < len(self._blocks) and not self._stop.wait(self._seconds):
            self.grow()

    @contextmanager
    def growing(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._thread.join()


class Again:
    """A command that runs again and again, each time as a process of its own, and all it answered."""

    def __init__(self, workspace: Path, arguments: tuple[str, ...], at_least: int) -> None:
        self.answers: list[tuple[float, str]] = []
        self.errors: list[str] = []
        self._workspace, self._arguments, self._at_least = workspace, arguments, at_least
        self._stop = threading.Event()
        self.done = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        environment = {**os.environ, "TRACER_WORKSPACE": str(self._workspace), "NO_COLOR": "1"}
        while not self._stop.is_set():
            began = time.monotonic()
            code, out, err = forking.run(self._arguments, environment)
            if code:
                self.errors.append(f"{code}: {err}")
            else:
                self.answers.append((time.monotonic() - began, out))
            if len(self.answers) + len(self.errors) >= self._at_least:
                self.done.set()

    @contextmanager
    def running(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._thread.join()


class Probe:
    """One who wants to write now and then, and how long it waited for its turn."""

    def __init__(self, file: Path) -> None:
        self.waits: list[float] = []
        self._file = file
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._stop.wait(0.5):
            began = time.monotonic()
            Database(self._file).close()  # raises `StoreBusy` after 20 s
            self.waits.append(time.monotonic() - began)

    @contextmanager
    def running(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._thread.join()


def height(follower: Follower) -> int:
    """Where the follower is, when it says so next."""
    return int(follower.until(f"{CHAIN}: height ").split("height ")[1].split()[0])


def p95(seconds: list[float]) -> float:
    return sorted(seconds)[int(len(seconds) * 0.95)]


@pytest.fixture(scope="module")
def blocks() -> tuple[Any, list[bytes]]:
    world = build_world("market", seed=3, txs=scaled(10_000, full=400_000))
    return world, list(world.blocks())


def test_a_follower_long_answers_and_many_short_ones_together(
    tmp_path: Path, blocks: tuple[Any, list[bytes]]
) -> None:
    """No lock error; a block is in the store soon after it came; every answer is that of its block, undisturbed."""
    world, chain = blocks
    workspace = tmp_path / "w"
    feed = Feed(tmp_path, chain, len(chain) - scaled(60, full=1_200), seconds=0.5)
    assert tracer(workspace, "sync", CHAIN, "--source", feed.source).code == 0
    world.write_claims(tmp_path)
    for kind in ("tags", "vasps"):
        assert tracer(workspace, kind, "import", tmp_path / f"{kind}.csv").code == 0
    assert tracer(workspace, "cluster", "build", CHAIN).code == 0
    long, short = Again(workspace, LONG, scaled(2, full=3)), Again(workspace, SHORT, 3)
    probe, lags = Probe(workspace / "chains" / f"{CHAIN}.duckdb"), list[float]()
    with following(workspace, feed.source, CHAIN) as follower, ExitStack() as running:
        feed.grow()
        seen = height(follower)  # it is at work now
        for beside in (long.running(), short.running(), feed.growing(), probe.running()):
            running.enter_context(beside)
        while not (long.done.is_set() and short.done.is_set()) and seen < len(chain) - 1:
            tip, now = height(follower), time.monotonic()
            lags += [now - feed.came[block] for block in range(seen + 1, tip + 1)]
            seen = tip
    assert not long.errors, long.errors
    assert not short.errors, short.errors
    assert not any("Trying again" in line for line in follower.said)
    assert len(lags) > 10
    assert len(probe.waits) > scaled(3, full=10)
    assert p95(probe.waits) < 5, sorted(probe.waits)
    assert p95(lags) < scaled(30, full=5), sorted(
        lags
    )  # of all that is done with a block, on a machine of its own
    for arguments, each in ((LONG, long), (SHORT, short)):
        assert each.answers
        for _, answer in each.answers[: scaled(2, full=3)]:
            found = json.loads(answer)
            first = found["documents"][0] if "documents" in found else found
            then = str(first["as_of"][0]["height"])
            assert tracer(workspace, *arguments, "--at", then).out == answer, then
