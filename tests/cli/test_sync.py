"""`tracer sync` and `tracer status` as processes: bad input, kills, full disks."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.forking import Started
from tests.cli.running import tracer
from tests.rawblocks import RawTx, framed, p2pkh, shop_chain, write
from tests.stores import facts
from tracer.workspace import Workspace

CHAIN = "bitcoin-regtest"


def test_sync_then_status_say_what_was_read(tmp_path: Path) -> None:
    source = write(tmp_path / "blk.dat", shop_chain().blocks)
    first = tracer(tmp_path / "w", "sync", CHAIN, "--source", f"blocks:{source}", "--json")
    assert (first.code, first.err) == (0, "")
    assert {k: first.document[k] for k in ("schema", "blocks", "txs", "tip")} == {
        "schema": "tracer.sync/1",
        "blocks": 13,
        "txs": 23,
        "tip": 12,
    }
    again = tracer(tmp_path / "w", "sync", CHAIN, TRACER_SOURCE_BITCOIN_REGTEST=f"blocks:{source}")
    assert "nothing new, tip at height 12" in again.out
    status = tracer(tmp_path / "w", "status", "--json").document
    assert status["schema"] == "tracer.status/1"
    assert [c["chain"] for c in status["chains"]] == [CHAIN]
    text = tracer(tmp_path / "w", "status").out
    assert "0 to 12 (13)" in text
    assert "not built: run `tracer cluster build`" in text


def test_an_empty_workspace_says_what_to_do(tmp_path: Path) -> None:
    assert "no chain was read yet: run `tracer sync" in tracer(tmp_path / "w", "status").out


def test_words_of_the_command_that_are_off_are_usage_errors(tmp_path: Path) -> None:
    source = write(tmp_path / "blk.dat", shop_chain().blocks)
    workspace = tmp_path / "w"
    tracer(workspace, "sync", CHAIN).refused(2, "no source", "--source")
    tracer(workspace, "sync", "dogcoin", "--source", f"blocks:{source}").refused(2, "unknown chain", "Known:")
    tracer(workspace, "sync", CHAIN, "--source", "ftp:x").refused(2, "unknown source", "blocks:PATH")
    bounds = ("--from", "5", "--to", "4")
    tracer(workspace, "sync", CHAIN, "--source", f"blocks:{source}", *bounds).refused(2, "above")
    tracer(workspace, "sync", "bitcoin", "--source", "simulation:market?seed=1").refused(2, "regtest")


def test_bad_block_files_end_in_one_line_and_the_right_code(tmp_path: Path) -> None:
    blocks = shop_chain().blocks
    content = framed(blocks)
    at = len(framed(blocks[:8])) - 40  # in the last transaction of block 7
    flipped = tmp_path / "flipped.dat"
    flipped.write_bytes(content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :])
    empty = tmp_path / "empty"
    empty.mkdir()
    workspace = tmp_path / "w"

    tracer(workspace, "sync", CHAIN, "--source", f"blocks:{flipped}").refused(
        4, str(flipped), "at offset", "at height 7", "up to height 6 are kept", "from a node you trust"
    )
    tracer(workspace, "sync", "bitcoin", "--source", f"blocks:{flipped}").refused(
        4, "holds blocks of bitcoin-regtest, not of bitcoin", "Nothing was read"
    )
    tracer(workspace, "sync", CHAIN, "--source", f"blocks:{empty}").refused(3, "holds no block files")
    tracer(workspace, "sync", CHAIN, "--source", f"blocks:{tmp_path / 'no'}").refused(3, "does not exist")


def test_a_cut_off_tail_is_read_up_to_and_warned_about(tmp_path: Path) -> None:
    source = tmp_path / "blk.dat"
    source.write_bytes(framed(shop_chain().blocks)[:-10])
    ran = tracer(tmp_path / "w", "sync", CHAIN, "--source", f"blocks:{source}")
    assert ran.code == 0
    assert "tip at height 11" in ran.out
    assert f"warning: {source} is cut off at offset" in ran.err


def test_two_syncs_at_once_load_every_block_once(tmp_path: Path) -> None:
    source = _busy_chain(tmp_path / "blk.dat", 200)
    command = ["sync", CHAIN, "--source", f"blocks:{source}"]
    environment = {**os.environ, "TRACER_WORKSPACE": str(tmp_path / "w")}
    both = [Started(command, environment) for _ in range(2)]
    for process in both:
        _, errors = process.communicate()
        assert process.returncode in (0, 3), errors
        assert "Traceback" not in errors
    assert tracer(tmp_path / "plain", *command).code == 0
    assert facts(Workspace(tmp_path / "w")) == facts(Workspace(tmp_path / "plain"))


def test_stores_that_are_not_ours_are_named(tmp_path: Path) -> None:
    import duckdb

    source = write(tmp_path / "blk.dat", shop_chain().blocks)
    chains = tmp_path / "blockchain" / "chains"  # a path with "lock" in it
    chains.mkdir(parents=True)
    store = chains / f"{CHAIN}.duckdb"
    words = ("sync", CHAIN, "--source", f"blocks:{source}")
    store.write_bytes(b"x" * 5000)
    tracer(chains.parent, "status").refused(4, "damaged")
    store.unlink()
    with duckdb.connect(str(store)) as foreign:
        foreign.execute("CREATE TABLE block (note VARCHAR)")
    tracer(chains.parent, "status").refused(4, "no tracer store")
    tracer(chains.parent, *words).refused(4, "no tracer store")
    store.unlink()
    duckdb.connect(str(store)).close()
    assert "no chain was read yet" in tracer(chains.parent, "status").out
    (chains / "my-notes.duckdb").write_bytes(b"notes")
    assert tracer(chains.parent, *words).code == 0
    assert tracer(chains.parent, "status").code == 0


def test_words_and_places_that_make_no_sense_are_one_line(tmp_path: Path) -> None:
    words = ("sync", CHAIN, "--source")
    workspace = tmp_path / "w"
    tracer(workspace, "--memory", "abc", "status").refused(2, "--memory")
    tracer(workspace, *words, "blocks:~nosuchuser/x").refused(2, "home folder")
    tracer(workspace, *words, f"blocks:{'a' * 300}").refused(3, "cannot read")
    tracer(workspace, *words, "blocks:/dev/null").refused(3, "neither a file nor a folder")
    tracer(Path("~nosuchuser/w"), "status").refused(2, "home folder")
    tracer(workspace, *words, "blocks:x", "--json", TRACER_WORKSPACE="~nosuchuser/w").refused(
        2, "home folder"
    )
    dangling = tmp_path / "links"
    dangling.mkdir()
    (dangling / "blk00000.dat").symlink_to(tmp_path / "gone")
    tracer(workspace, *words, f"blocks:{dangling}").refused(3, "cannot read")


def test_an_unwritable_workspace_is_named(tmp_path: Path) -> None:
    source = write(tmp_path / "blk.dat", shop_chain().blocks)
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    tracer(blocked, "sync", CHAIN, "--source", f"blocks:{source}").refused(
        3, "cannot write to the workspace", "--workspace"
    )


def test_an_unwritable_home_does_not_matter_when_the_workspace_is_elsewhere(tmp_path: Path) -> None:
    source = write(tmp_path / "blk.dat", shop_chain().blocks)
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"}
    environment |= {
        "HOME": "/nonexistent",
        "XDG_CACHE_HOME": "/nonexistent",
        "TRACER_WORKSPACE": str(tmp_path / "w"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "sync", CHAIN, "--source", f"blocks:{source}"],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert (done.returncode, done.stderr) == (0, "")
    # without a workspace either, it is one clear line
    environment |= {"TRACER_WORKSPACE": "", "XDG_DATA_HOME": "/proc/nowhere"}
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "sync", CHAIN, "--source", f"blocks:{source}"],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 3
    assert done.stderr.startswith("error: cannot write to the workspace")
    assert "Traceback" not in done.stderr


def _busy_chain(path: Path, blocks: int, *, fork: int | None = None) -> Path:
    """Enough work for a kill to hit the middle of it; with `fork`, a rival from that height on."""
    chain = shop_chain() if fork is None else shop_chain().fork(min(fork, 12), b"\7")
    coins: list[tuple[tuple[bytes, int], int]] = []
    for _ in range(blocks):
        if len(coins) > 5:
            coin, value = coins.pop(0)
            outs = [(p2pkh(f"u{len(chain.blocks)}.{i}"), value // 40) for i in range(40)]
            tx = RawTx([coin], outs)
            chain.add(tx)
            coins += [((tx.txid, i), value // 40) for i in range(2)]
        else:
            first = chain.add(reward=10**6, miner=p2pkh("m"))
            coins.append(((first.txid, 0), 10**6))
    return write(path, chain.blocks)


SMALL_TURNS = (
    "import tracer.ledger.loading as i, adapters.bitcoin.folder.source as b\n"
    "i.turns.__defaults__ = (1, 60.0); b.RUN_BLOCKS = 40\n"
    "from cli.main import main\nmain()\n"
)
"""So that kills fall between and inside commits."""


def _started(workspace: Path, source: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-c", SMALL_TURNS, "sync", CHAIN, "--source", f"blocks:{source}"]
    environment = {**os.environ, "TRACER_WORKSPACE": str(workspace)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def _finished(workspace: Path, source: Path) -> float:
    """Run to the end; returns the seconds it took."""
    began = time.monotonic()
    process = _started(workspace, source)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    return time.monotonic() - began


def _killed(workspace: Path, source: Path, seconds: float) -> bool:
    """Kill after so long; True where it was still running."""
    process = _started(workspace, source)
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return process.returncode == -signal.SIGKILL


def test_a_kill_at_any_moment_loses_nothing_and_the_next_run_ends_in_the_same_store(
    tmp_path: Path, dice: random.Random, full: bool
) -> None:
    source = _busy_chain(tmp_path / "blk.dat", 400)
    _finished(tmp_path / "warm", source)
    duration = _finished(tmp_path / "whole", source)
    expected = facts(Workspace(tmp_path / "whole"))
    hits = 0
    for drill in range(50 if full else 2):
        workspace = tmp_path / f"killed{drill}"
        hits += _killed(workspace, source, dice.uniform(0.3, 1.0) * duration)
        _finished(workspace, source)
        assert facts(Workspace(workspace)) == expected, f"drill {drill}"
    assert hits > 0, "no kill arrived in time: the drill proved nothing"


def test_a_kill_in_the_middle_of_a_reorg_ends_in_the_store_of_the_winner(
    tmp_path: Path, dice: random.Random, full: bool
) -> None:
    ours = _busy_chain(tmp_path / "ours.dat", 120)
    rival = _busy_chain(tmp_path / "rival.dat", 400, fork=20)
    _finished(tmp_path / "before", ours)
    _finished(tmp_path / "plain", rival)
    expected = facts(Workspace(tmp_path / "plain"))
    shutil.copytree(tmp_path / "before", tmp_path / "timed")
    duration = _finished(tmp_path / "timed", rival)
    assert facts(Workspace(tmp_path / "timed")) == expected
    hits = 0
    for drill in range(12 if full else 2):
        workspace = tmp_path / f"killed{drill}"
        shutil.copytree(tmp_path / "before", workspace)
        hits += _killed(workspace, rival, dice.uniform(0.3, 1.0) * duration)
        # whichever branch it stands on, it never stands on less work than before
        assert len(facts(Workspace(workspace))["block"]) >= 121 + 12, f"drill {drill}"
        _finished(workspace, rival)
        assert facts(Workspace(workspace)) == expected, f"drill {drill}"
    assert hits > 0, "no kill arrived in time: the drill proved nothing"


@pytest.mark.skipif(os.name != "posix", reason="limits are POSIX")
def test_a_full_disk_is_one_line_and_the_store_is_intact(tmp_path: Path) -> None:
    """A file-size limit stands for the disk: the same failing write, at a place we choose."""
    source = _busy_chain(tmp_path / "blk.dat", 300)
    workspace = tmp_path / "w"
    early = tracer(workspace, "sync", CHAIN, "--source", f"blocks:{source}", "--to", "100")
    assert early.code == 0
    before = facts(Workspace(workspace))
    script = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))\n"
        "from cli.main import main\nmain()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "sync", CHAIN, "--source", f"blocks:{source}"],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "TRACER_WORKSPACE": str(workspace)},
    )
    assert done.returncode == 3, done.stderr
    assert "disk" in done.stderr
    assert "full" in done.stderr
    assert "Traceback" not in done.stderr
    assert facts(Workspace(workspace)) == before
    assert tracer(workspace, "sync", CHAIN, "--source", f"blocks:{source}").code == 0
