"""Other verbs while `tracer serve` owns the workspace: the same answers, Ctrl-C, kills, stops, other versions."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from adapters.chains import chain_named
from adapters.owner import wire
from adapters.owner.door import Door
from tests.cli.forking import Started
from tests.cli.running import tracer
from tests.cli.serving import CHAIN, TOKEN, addresses, copied, eventually, made, serving
from tests.conftest import scaled
from tests.rawblocks import p2pkh, shop_chain, write
from tracer.chain import AddressKey, ScriptKind
from tracer.db import Database
from tracer.errors import StoreBusy

MARKET = f"{CHAIN}:tag:Market A pool"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("world"))


def verbs(asked: list[str]) -> list[tuple[str, ...]]:
    return [
        ("status", "--json"),
        ("trace", MARKET, "--json"),
        ("trace", MARKET, "--backward", "--at", "300", "--json"),
        ("paths", f"{CHAIN}:{asked[3]}", f"{CHAIN}:{asked[200]}", "--json"),
        ("cluster", "show", asked[9], "--chain", CHAIN, "--json"),
        ("cluster", "review", CHAIN, "--json"),
        ("cluster", "build", CHAIN, "--json"),
        ("screen", *asked[50:60], "--chain", CHAIN, "--json", "--evaluated-at", "2020-01-01"),
    ]


def test_every_verb_answers_the_same_bytes_through_the_service(world: Path, tmp_path: Path) -> None:
    asked = addresses(world)
    alone, served = copied(world, tmp_path / "alone" / "w"), copied(world, tmp_path / "served" / "w")
    with serving(served) as running:
        for verb in verbs(asked):
            mine, theirs = tracer(alone, *verb), tracer(served, *verb)
            assert mine.code == theirs.code, (verb, theirs)
            assert mine.out.replace(str(alone), "W") == theirs.out.replace(str(served), "W"), verb
        for workspace in (alone, served):
            assert tracer(workspace, "export", CHAIN, "--out", workspace.parent / "out").code == 0
        different = subprocess.run(
            ["diff", "-r", str(alone.parent / "out"), str(served.parent / "out")],
            capture_output=True,
            check=False,
        )
        assert different.returncode == 0, different.stdout
        assert running.stop() == 0


def test_blocks_are_written_through_the_service_while_it_screens(world: Path, tmp_path: Path) -> None:
    """A sync of another process, one of the service itself and screenings, all at once."""
    chain = shop_chain()
    source = write(tmp_path / "blk.dat", chain.blocks)
    workspace = copied(world, tmp_path / "w")
    shutil.rmtree(workspace / "chains")
    (claims,) = (workspace / "cache" / "simulation").iterdir()
    with serving(workspace, "--source", f"{CHAIN}=blocks:{source}", "--interval", "0.1") as running:
        running.until(f"{CHAIN}: height 12")
        for _ in range(3):
            chain.add()
            write(tmp_path / "new.dat", chain.blocks).replace(source)
            assert tracer(workspace, "status", "--json").code == 0
        running.until(f"{CHAIN}: height 15")
        health = running.client.get("/v1/health").json()
        assert (health["ready"], health["chains"][CHAIN]["height"]) == (True, 15)
        asked = {"subject": {"address": addresses_through(workspace)[-1], "chain": CHAIN}}
        eventually(lambda: running.screen(asked).json()["as_of"][0]["height"] == 15)
        assert tracer(workspace, "sync", CHAIN, "--source", f"blocks:{source}").code == 0
        assert tracer(workspace, "sync", "bitcoin", "--source", f"blocks:{claims}").code == 4
        assert running.stop() == 0
    assert tracer(workspace, "status", "--json").document["chains"][0]["blocks"]["to"] == 15


def addresses_through(workspace: Path) -> list[str]:
    """Addresses of a store that another process owns."""
    from cli import compose
    from cli.app import App
    from tracer.workspace import Workspace

    with compose.open_ledger(App(Workspace(workspace)), CHAIN) as ledger:
        assert ledger.db.shared
        ids = [i for (i,) in ledger.db.rows("SELECT DISTINCT address_id FROM address_tx ORDER BY address_id")]
        return list(ledger.render_addresses(ids).values())


def test_ctrl_c_of_a_verb_stops_what_runs_for_it_and_nothing_else(world: Path, tmp_path: Path) -> None:
    workspace = copied(world, tmp_path / "w")
    with serving(workspace) as running:
        script = (
            "import sys; from pathlib import Path; from cli import compose; from cli.app import App; "
            "from tracer.workspace import Workspace\n"
            "ledger = compose.open_ledger(App(Workspace(Path(sys.argv[1]))), sys.argv[2])\n"
            "print('asks', flush=True)\n"
            "ledger.db.rows('SELECT sum(a.range * b.range % 7) FROM range(10000000) a, range(100000) b')\n"
        )
        asking = subprocess.Popen(
            [sys.executable, "-c", script, str(workspace), CHAIN],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert asking.stdout is not None
        assert asking.stdout.readline() == b"asks\n"
        time.sleep(0.5)
        assert visitors(running.client) == 1
        asking.send_signal(signal.SIGINT)
        asking.communicate(timeout=20)
        eventually(lambda: visitors(running.client) == 0, 20)
        assert tracer(workspace, "status").code == 0


def visitors(client: object) -> int:
    (line,) = [
        line
        for line in client.get("/metrics").text.splitlines()  # type: ignore[attr-defined]
        if line.startswith("tracer_visitors ")
    ]
    return int(float(line.split()[1]))


def test_a_killed_service_leaves_a_socket_that_the_next_verb_survives(world: Path, tmp_path: Path) -> None:
    workspace = copied(world, tmp_path / "w")
    with serving(workspace) as running:
        assert (workspace / wire.SOCKET).stat().st_mode & 0o777 == 0o600
        asked = {"subject": {"address": addresses(world)[7], "chain": CHAIN}}
        assert running.screen(asked).status_code == 200
        running.process.kill()
        running.process.wait()
    assert (workspace / wire.SOCKET).exists()
    assert tracer(workspace, "trace", MARKET, "--json").out == tracer(world, "trace", MARKET, "--json").out
    with serving(workspace) as running:
        assert running.screen(asked).status_code == 200
        assert running.stop() == 0
    assert not (workspace / wire.SOCKET).exists()


def test_a_verb_whose_service_stops_is_told_in_one_line(world: Path, tmp_path: Path) -> None:
    workspace = copied(world, tmp_path / "w")
    with serving(workspace) as running:
        chain = shop_chain()
        source = write(tmp_path / "blk.dat", chain.blocks)
        shutil.rmtree(workspace / "cache")
        words = ["sync", "bitcoin-testnet", "--source", f"blocks:{source}"]
        assert tracer(workspace, *words).code == 4  # not its blocks; the service is none the worse
        from cli import compose
        from cli.app import App
        from tracer.workspace import Workspace

        ledger = compose.open_ledger(App(Workspace(workspace)), CHAIN)
        assert running.stop() == 0
        with pytest.raises(StoreBusy, match="stopped while this ran"):
            ledger.tip()
    assert tracer(workspace, "status").code == 0


def test_an_owner_of_another_version_is_named(world: Path, tmp_path: Path) -> None:
    workspace = copied(world, tmp_path / "w")

    def opened(name: str, read_only: bool, wait: float) -> Database:
        raise AssertionError("nobody is let in")

    door = Door(workspace, opened, "9.9.9")
    door.start()
    try:
        tracer(workspace, "status").refused(3, "is tracer 9.9.9", "Restart it after an upgrade")
    finally:
        door.stop()
    assert tracer(workspace, "status").code == 0


def test_verbs_that_need_no_chain_do_not_ask_the_service(world: Path, tmp_path: Path) -> None:
    workspace = copied(world, tmp_path / "w")
    with serving(workspace) as running:
        os.kill(running.process.pid, signal.SIGSTOP)
        try:
            for verb in (("--help",), ("tags", "list", "--json"), ("case", "verify"), ("policy", "list")):
                assert tracer(workspace, *verb).code == 0
        finally:
            os.kill(running.process.pid, signal.SIGCONT)


def test_who_reads_when_the_service_begins_goes_on_through_it(world: Path, tmp_path: Path) -> None:
    """A trace under way when the service takes the store over: its answer, or one line that says what to do."""
    workspace = copied(world, tmp_path / "w")
    asking = [
        Started(["trace", MARKET, "--json"], {**os.environ, "TRACER_WORKSPACE": str(workspace)})
        for _ in range(scaled(2, full=3))
    ]
    with serving(workspace, TRACER_API_TOKENS=f"desk:{TOKEN}"):
        expected = json.loads(tracer(world, "trace", MARKET, "--json").out)
        for each in asking:
            out, err = each.communicate(timeout=120)
            if each.returncode:
                assert each.returncode == 3, err
                assert "goes through the service" in err
            else:
                assert json.loads(out) == expected


def test_it_watches_and_sends_what_it_reads(world: Path, tmp_path: Path) -> None:
    """Watches are added beside the running service; its alerts are recorded, and go out."""
    chain = shop_chain()
    source = write(tmp_path / "blk.dat", chain.blocks)
    workspace = tmp_path / "w"
    workspace.mkdir()
    (workspace / "channels.toml").write_text("[channels.desk]\nkind = 'jsonl'\npath = 'alerts.jsonl'\n")
    options = ("--source", f"{CHAIN}=blocks:{source}", "--interval", "0.1", "--watch")
    with serving(workspace, *options) as running:
        eventually(lambda: running.client.get("/v1/health").json()["chains"][CHAIN]["height"] == 12)
        key = AddressKey(ScriptKind.P2PKH, p2pkh("alice")[3:23])
        payee = chain_named(CHAIN).render_address(key)
        words = ("watch", "add", payee, "--chain", CHAIN, "--on", "transfer", "--channel", "desk")
        assert tracer(workspace, *words).code == 0
        chain.add(miner=p2pkh("alice"))
        write(tmp_path / "new.dat", chain.blocks).replace(source)

        def raised() -> list[dict[str, Any]]:
            alerts = tracer(workspace, "alerts", "list", "--json").document["alerts"]
            return [alert for alert in alerts if alert["alert_type"] == "transfer"]

        (alert,) = eventually(raised)
        out = workspace / "alerts.jsonl"
        eventually(lambda: out.exists() and alert["alert_id"] in out.read_text())
        health = running.client.get("/v1/health").json()
        assert (health["watching"], health["problems"]) == (True, [])
        assert running.stop() == 0
