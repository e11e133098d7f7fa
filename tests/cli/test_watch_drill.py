"""The fault drill: watchers killed at any moment, lost branches, bad receivers; nothing is lost, nothing is false.

Each transaction of the drill pays one watched address, so what must be told is known: one alert for each transaction on
the best chain, and a retraction of each that was told of and is not there any more.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import random
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from adapters.bitcoin.chains import CHAINS
from adapters.delivery.channels import load
from tests.cli.forking import Started
from tests.cli.running import tracer
from tests.conftest import scaled
from tests.nodes.receivers import Hook, Mailbox, Says, hook, mailbox
from tests.rawblocks import RawChain, RawTx, p2pkh, write
from tracer.chain import AddressKey
from tracer.state import State
from tracer.watching.dispatch import Dispatcher
from tracer.watching.model import alert_id
from tracer.workspace import Workspace

CHAIN = "bitcoin-regtest"
WATCHED = 20
FANNED = 500
DEEPEST = 10
SECRET = "whsec_" + base64.b64encode(b"the drill's secret, never to be shown").decode()


@dataclass
class Town:
    """A chain that grows and loses branches, in a block file that is replaced as a whole."""

    path: Path
    dice: random.Random
    chain: RawChain = field(default_factory=RawChain)
    coins: list[tuple[bytes, int]] = field(default_factory=list)
    payments: list[list[RawTx]] = field(default_factory=list)
    """By height."""
    first: int = 0
    """Height of the first block with payments: what is below is never lost."""

    def begin(self, coins: int) -> None:
        """Enough coins to pay with."""
        fans = -(-coins // FANNED)
        firsts = [self.chain.add(miner=p2pkh("bank")) for _ in range(fans)]
        for first in firsts:
            fan = RawTx([(first.txid, 0)], [(p2pkh(f"bank {n}"), 10_000_000) for n in range(FANNED)])
            self.chain.add(fan)
            self.coins += [(fan.txid, n) for n in range(FANNED)]
        self.payments = [[] for _ in self.chain.blocks]
        self.first = len(self.payments)
        self.save()

    def save(self) -> None:
        write(self.path.with_suffix(".new"), self.chain.blocks).replace(self.path)

    def live(self, payments: int) -> None:
        """One block with so many new payments to watched addresses."""
        self._block([self._payment() for _ in range(payments)])

    def lose(self, most: int) -> None:
        """The newest blocks lose against a longer branch that has some of their payments, in other blocks."""
        depth = self.dice.randrange(1, min(most, len(self.payments) - self.first) + 1)
        lost = [tx for block in self.payments[-depth:] for tx in block]
        kept = [tx for tx in lost if self.dice.random() < 0.5]
        self.chain = self.chain.fork(len(self.chain.blocks) - 1 - depth, self.dice.randbytes(4))
        del self.payments[-depth:]
        for number in range(depth + 1):
            self._block(kept[number :: depth + 1])

    @property
    def standing(self) -> dict[str, int]:
        """txid -> height of all payments on the best chain."""
        return {tx.txid[::-1].hex(): height for height, txs in enumerate(self.payments) for tx in txs}

    def _payment(self) -> RawTx:
        script = p2pkh(f"watched {self.dice.randrange(WATCHED)}")
        return RawTx([self.coins.pop()], [(script, self.dice.randrange(1_000, 9_000_000))])

    def _block(self, txs: list[RawTx]) -> None:
        self.chain.add(*txs)
        self.payments.append(txs)


def addresses() -> dict[str, str]:
    """Watched address -> its script's name."""
    chain = CHAINS[CHAIN]
    found = {}
    for number in range(WATCHED):
        script = p2pkh(f"watched {number}")
        found[chain.render_address(AddressKey(chain.parse_address(_P2PKH).kind, script[3:23]))] = (
            f"watched {number}"
        )
    return found


_P2PKH = "mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn"
"""Any address of this kind."""


class Watcher:
    """`tracer watch run --follow` as a process."""

    def __init__(self, workspace: Path, source: Path, log: Path) -> None:
        environment = {**os.environ, "TRACER_WORKSPACE": str(workspace), "DRILL_SECRET": SECRET}
        words = ["watch", "run", CHAIN, "--source", f"blocks:{source}", "--follow", "--interval", "0.1",
                 "--late", "9999d"]  # fmt: skip
        with log.open("ab") as file:
            self.process = Started(words, environment, out=file.fileno(), err=file.fileno())

    def kill(self) -> None:
        """At once; it must have been alive until now."""
        assert self.process.poll() is None, "the watcher ended by itself"
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@contextlib.contextmanager
def watcher(workspace: Path, source: Path, log: Path) -> Iterator[Watcher]:
    made = Watcher(workspace, source, log)
    try:
        yield made
    finally:
        made.process.kill()
        made.process.wait()


def moody(dice: random.Random) -> Says:
    """What a bad receiver answers: it fails, hangs, takes it and breaks off, takes it late, is busy."""
    mood = dice.random()
    if mood < 0.70:
        return Says()
    if mood < 0.78:
        return Says(500)
    if mood < 0.84:
        return Says(200, drops=True)
    if mood < 0.88:
        return Says(200, hangs=0.8)
    if mood < 0.91:
        return Says(503, hangs=0.3)
    if mood < 0.95:
        return Says(429, {"retry-after": "1"})
    return Says(404)


CHANNELS = """
[channels.soc]
kind = "webhook"
url = "{url}"
secret_env = "DRILL_SECRET"
timeout = "500ms"

[channels.mail]
kind = "email"
host = "127.0.0.1"
port = {port}
tls = "none"
from = "tracer@example.org"
to = ["desk@example.org"]
parallel = 4

[channels.file]
kind = "jsonl"
"""


def test_whatever_is_killed_lost_or_down_every_alert_arrives_and_no_retraction_is_missing(
    tmp_path: Path, dice: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    alerts, kills = scaled(200, full=10_000), scaled(5, full=200)
    town = Town(tmp_path / "blk.dat", dice)
    town.begin(2 * alerts)
    workspace, log = tmp_path / "w", tmp_path / "watcher.log"
    monkeypatch.setenv("DRILL_SECRET", SECRET)
    moods = random.Random(dice.random())
    with hook(lambda _: moody(moods)) as receiver, mailbox() as box:
        workspace.mkdir()
        (workspace / "channels.toml").write_text(CHANNELS.format(url=receiver.url, port=box.port))
        ids = watches(workspace, town, tmp_path / "watches.csv")
        raised = 0
        for _ in range(kills):
            with watcher(workspace, town.path, log) as running:
                wait_for_life(workspace, running)
                share = (alerts - raised) // max(1, kills) + 1
                raised += _live(town, dice, share)
                time.sleep(dice.uniform(0.0, 1.5))
                running.kill()
        while raised < alerts:
            raised += _live(town, dice, alerts - raised)
        receiver.answer = lambda _: Says()
        said = tracer(workspace, "watch", "run", CHAIN, "--source", f"blocks:{town.path}", "--late", "9999d")
        assert said.code == 0, said
        _drain(workspace)
        _holds(workspace, town, ids, receiver, box)
    printed = log.read_text() + said.out + said.err
    assert SECRET not in printed
    assert "Traceback" not in printed, printed[-3000:]


def watches(workspace: Path, town: Town, file: Path) -> dict[str, str]:
    """Script name -> watch id, of watches that begin at today's tip."""
    known = addresses()
    file.write_text("address\n" + "".join(f"{address}\n" for address in known))
    first = tracer(workspace, "sync", CHAIN, "--source", f"blocks:{town.path}")
    assert first.code == 0, first
    names = ("soc", "mail", "file")
    options = (
        "--chain",
        CHAIN,
        "--on",
        "transfer",
        *(word for name in names for word in ("--channel", name)),
    )
    added = tracer(workspace, "watch", "add", "--file", file, *options, "--json")
    assert added.code == 0, added
    with State.open(Workspace(workspace)) as state:
        found = state.rows("SELECT subject, watch_id FROM watch ORDER BY watch_id")
    assert len(found) == WATCHED
    return {known[subject]: watch for subject, watch in found}


def wait_for_life(workspace: Path, running: Watcher) -> None:
    """Until the watcher has looked at the chain: a kill before would prove nothing."""
    began = time.time()
    stamp = "SELECT coalesce(max(read), '') FROM watch_cursor"
    with State.open(Workspace(workspace)) as state:
        before = state.rows(stamp)
        while state.rows(stamp) == before and time.time() - began < 30:
            assert running.process.poll() is None, "the watcher ended by itself"
            time.sleep(0.02)


def _live(town: Town, dice: random.Random, payments: int) -> int:
    """Blocks with so many payments, and now and then a lost branch; how many it were."""
    made = 0
    while made < payments:
        count = min(payments - made, dice.randrange(1, 30))
        town.live(count)
        made += count
        if dice.random() < 0.4:
            town.lose(DEEPEST)
        town.save()
        time.sleep(dice.uniform(0.0, 0.3))
    return made


def _drain(workspace: Path) -> None:
    """All that is put off falls due: hours pass for the dispatcher, and none for us."""
    place = Workspace(workspace)
    configured = load(workspace)
    assert configured is not None
    for hour in range(1, 40):
        Dispatcher(place, configured.channels, clock=_ahead(3600 * hour)).until_idle(flush=True)
        with State.open(place) as state:
            (left,) = state.rows("SELECT count(*) FROM outbox WHERE state NOT IN ('delivered', 'dead')")[0]
        if not left:
            return
    raise AssertionError(f"{left} never left")


def _ahead(seconds: float) -> Callable[[], float]:
    return lambda: time.time() + seconds


def _holds(workspace: Path, town: Town, ids: dict[str, str], receiver: Hook, box: Mailbox) -> None:
    record = _record(workspace)
    standing = town.standing
    expected = {}
    for txs in town.payments:
        for tx in txs:
            name = tx.outs[0][0][3:23].rstrip(b"\0").decode()
            txid = tx.txid[::-1].hex()
            expected[alert_id(ids[name], "transfer", f"{CHAIN}|{txid}")] = (txid, standing[txid])
    tip = len(town.chain.blocks) - 1

    # the record is exact: what stands is there, where it stands; what does not was taken back
    own = {alert for alert, row in record.items() if row["txid"] is None}
    assert len(own) <= 2, "the day's test"
    assert {alert for alert, row in record.items() if row["validity"] == "valid"} - own == set(expected)
    for alert, (txid, height) in expected.items():
        row = record[alert]
        assert (row["txid"], row["height"]) == (txid, height)
        assert row["chain_state"] == ("final" if tip - height + 1 >= 6 else "confirmed"), (tip, height)
    for row in record.values():
        if row["validity"] == "retracted":
            assert row["txid"] not in standing
            assert row["chain_state"] == "reorged"

    # every channel got every revision of every alert, in order, each time the same bytes
    revisions = {alert: row["revisions"] for alert, row in record.items()}
    for channel, got in (
        ("soc", [(g.id, g.body) for g in receiver.taken]),
        ("file", [_line(line) for line in (workspace / "alerts.jsonl").read_bytes().splitlines()]),
        (
            "mail",
            [(mail["Message-ID"].strip("<>").removesuffix("@tracer.invalid"), None) for mail in box.mails],
        ),
    ):
        first: dict[str, list[int]] = defaultdict(list)
        for envelope, body in got:
            alert, _, number = envelope.rpartition(".")
            if int(number) not in first[alert]:
                first[alert].append(int(number))
            if body is not None:
                assert body.decode() == revisions[alert][int(number) - 1], envelope
        assert {alert: list(range(1, len(r) + 1)) for alert, r in revisions.items()} == dict(first), channel


def _line(line: bytes) -> tuple[str, bytes]:
    said = json.loads(line)
    return f"{said['alert_id']}.{said['revision']}", line


def _record(workspace: Path) -> dict[str, dict[str, Any]]:
    """Alerts as recorded, with the text of each revision."""
    with State.open(Workspace(workspace)) as state:
        rows = state.rows("SELECT alert_id, txid, height, chain_state, validity FROM alert ORDER BY alert_id")
        texts = state.rows("SELECT alert_id, document FROM alert_revision ORDER BY alert_id, revision")
        dead = state.rows("SELECT count(*) FROM outbox WHERE state = 'dead'")
    assert dead == [(0,)]
    names = ("txid", "height", "chain_state", "validity")
    record: dict[str, dict[str, Any]] = {
        row[0]: {**dict(zip(names, row[1:], strict=True)), "revisions": []} for row in rows
    }
    for alert, text in texts:
        record[alert].setdefault("revisions", []).append(text)
    return record
