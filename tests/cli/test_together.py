"""One workspace, several processes at once: a follower writes, long answers are worked out, nobody is turned away.

Readers let the writer in and go on as of the block they began at: what they answer is what an undisturbed reader of
that block answers, to the byte.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from adapters.simulation import build_world
from tests.cli import forking
from tests.cli.following import Follower, following
from tests.cli.forking import Started
from tests.cli.running import tracer
from tests.cli.serving import eventually
from tests.conftest import scaled
from tests.nodes.receivers import Hook, hook
from tests.rawblocks import framed
from tracer.db import Database

CHAIN = "bitcoin-regtest"
LONG = (
    "trace", "--chain", CHAIN, "tag:Alpine Exchange (simulated)", "--backward", "--pools", "tagged", "--hops", "1000",
    "--method", "fifo", "--method", "haircut", "--method", "poison", "--json",
)  # fmt: skip
SECRET = "whsec_" + base64.b64encode(b"a secret of three hundred bits, more or less").decode()
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

    def came_at(self, height: int) -> float:
        """When a block stood in the file, unix seconds."""
        return self.came[height] + time.time() - time.monotonic()

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

    def __init__(
        self, workspace: Path, arguments: tuple[str, ...], at_least: int, *, once: bool = False
    ) -> None:
        self.answers: list[tuple[float, str]] = []
        self.errors: list[str] = []
        self._workspace, self._arguments, self._at_least = workspace, arguments, at_least
        self._once = once
        self._stop = threading.Event()
        self.done = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        environment = {**os.environ, "TRACER_WORKSPACE": str(self._workspace), "NO_COLOR": "1"}
        while not self._stop.is_set():
            began = time.monotonic()
            code, out, err = forking.run(self._arguments, environment)
            if code not in (0, 4):  # some rows of a batch may be bad
                self.errors.append(f"{code}: {err}")
            else:
                self.answers.append((time.monotonic() - began, out))
            if len(self.answers) + len(self.errors) >= self._at_least:
                self.done.set()
                if self._once:
                    return

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


class Watched:
    """Payments that are watched for: in each block from `first` on the first address that is paid, wherever it is."""

    def __init__(self, world: Any, first: int) -> None:
        heights = world.truth.payments.select("txid", "vout", "height").filter(pl.col("height") >= first)
        outputs = world.truth.outputs.filter(pl.col("address").is_not_null()).join(
            heights, on=["txid", "vout"]
        )
        paid = outputs.sort("height", "txid", "vout").unique("height", keep="first", maintain_order=True)
        self.addresses = sorted(set(paid["address"].to_list()))
        mine = outputs.filter(pl.col("address").is_in(self.addresses))
        self._paid = set(mine.select("address", "txid", "height").iter_rows())

    def until(self, height: int) -> set[tuple[str, str]]:
        """Those up to a block: address, txid."""
        return {(address, txid) for address, txid, at in self._paid if at <= height}

    @staticmethod
    def arrived(receiver: Hook) -> dict[tuple[str, str], tuple[int, float]]:
        """Address and txid -> the block, and when the first alert was there."""
        found: dict[tuple[str, str], tuple[int, float]] = {}
        for got in list(receiver.taken):
            said = got.document
            if said["schema"] == "tracer.alert/1" and said["alert_type"] == "transfer" and said["block"]:
                key = said["watch"]["label"], said["txid"]
                found.setdefault(key, (said["block"]["height"], got.time))
        return found


def test_a_batch_a_long_trace_and_a_watcher_together(tmp_path: Path, blocks: tuple[Any, list[bytes]]) -> None:
    """No lock error; every row is answered, every payment is told of, and soon."""
    world, chain = blocks
    workspace = tmp_path / "w"
    feed = Feed(tmp_path, chain, len(chain) - scaled(25, full=1_500), seconds=scaled(1, full=2) / 2)
    assert tracer(workspace, "sync", CHAIN, "--source", feed.source).code == 0
    world.write_claims(tmp_path)
    for kind in ("tags", "vasps"):
        assert tracer(workspace, kind, "import", tmp_path / f"{kind}.csv").code == 0
    assert tracer(workspace, "cluster", "build", CHAIN).code == 0
    watched, rows = Watched(world, feed.next), scaled(2_000, full=200_000)
    listed = tmp_path / "watched.csv"
    listed.write_text("address,label\n" + "".join(f"{each},{each}\n" for each in watched.addresses))
    every = sorted(set(world.truth.outputs["address"].drop_nulls().to_list()))
    table = tmp_path / "subjects.csv"
    table.write_text("address\n" + "".join(f"{every[n % len(every)]}\n" for n in range(rows)))
    batch = Again(workspace, ("screen", "--file", str(table), "--chain", CHAIN, "--json"), 1, once=True)
    trace = Again(workspace, LONG, scaled(1, full=3))
    with hook() as receiver:
        (workspace / "channels.toml").write_text(
            f"[channels.desk]\nkind = 'webhook'\nurl = {receiver.url!r}\nsecret_env = 'DESK_SECRET'\n"
        )
        options = ("--chain", CHAIN, "--on", "transfer", "--channel", "desk")
        added = tracer(workspace, "watch", "add", "--file", listed, *options, DESK_SECRET=SECRET)
        assert added.code == 0, added
        words = [
            "watch",
            "run",
            CHAIN,
            "--source",
            feed.source,
            "--follow",
            "--interval",
            "0.2",
            "--late",
            "9999d",
        ]
        given = {**os.environ, "TRACER_WORKSPACE": str(workspace), "DESK_SECRET": SECRET}
        log = tmp_path / "watcher.log"
        with log.open("wb") as said:
            watcher = Started(words, given, out=said.fileno(), err=said.fileno())
        try:
            feed.grow()
            eventually(lambda: watched.until(feed.next - 1) <= set(watched.arrived(receiver)), 120)
            with ExitStack() as running:
                for beside in (batch.running(), trace.running(), feed.growing()):
                    running.enter_context(beside)
                until = time.monotonic() + scaled(10, full=600)
                while feed.next < len(chain) and (
                    time.monotonic() < until or not (batch.done.is_set() and trace.done.is_set())
                ):
                    time.sleep(0.5)
            eventually(lambda: watched.until(feed.next - 1) <= set(watched.arrived(receiver)), 120)
            assert watcher.poll() is None
            watcher.send_signal(signal.SIGINT)
            assert watcher.wait(60) == 0
        finally:
            watcher.kill()
    assert not batch.errors, batch.errors
    assert not trace.errors, trace.errors
    assert len(batch.answers[0][1].splitlines()) == rows + 1
    assert "error" not in log.read_text().lower(), log.read_text()
    arrived = watched.arrived(receiver)
    wanted = watched.until(feed.next - 1)
    assert wanted <= set(arrived)
    lags = [arrived[each][1] - feed.came_at(arrived[each][0]) for each in wanted]
    assert len(lags) >= scaled(10, full=500)
    assert p95(lags) < scaled(30, full=5), sorted(lags)  # on a machine of its own
