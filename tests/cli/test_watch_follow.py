"""`tracer watch run --follow` beside a real node: mempool, confirmed, final, reorged, mined again."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.forking import Started
from tests.cli.running import tracer
from tests.nodes.litecoind import MATURE, Litecoind, litecoind
from tracer.state import State
from tracer.workspace import Workspace

CHAIN = "litecoin-regtest"
FINAL = 12


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Litecoind]:
    with litecoind(tmp_path / "node") as running:
        running.mine(MATURE)
        yield running


@contextmanager
def following(folder: Path, node: Litecoind) -> Iterator[Started]:
    process = Started(
        ["watch", "run", CHAIN, "--follow", "--interval", "0.2"],
        {
            **os.environ,
            "TRACER_WORKSPACE": str(folder),
            "TRACER_SOURCE_LITECOIN_REGTEST": f"core:{node.url}?cookie={node.cookie}",
        },
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def documents(folder: Path, watch: str = "") -> list[dict[str, Any]]:
    with State.open(Workspace(folder)) as state:
        rows = state.rows("SELECT document FROM alert ORDER BY raised, alert_id")
    return [d for d in (json.loads(text) for (text,) in rows) if watch in d["watch"]["label"]]


def until(folder: Path, holds: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
    deadline = time.monotonic() + 120
    while not holds(found := documents(folder)):
        assert time.monotonic() < deadline, [(d["chain_state"], d["validity"], d["revision"]) for d in found]
        time.sleep(0.1)
    return found


def test_a_payment_from_the_mempool_to_final_and_back(node: Litecoind, tmp_path: Path) -> None:
    folder = tmp_path / "w"
    payee = str(node.call("getnewaddress"))
    source = f"core:{node.url}?cookie={node.cookie}"
    assert tracer(folder, "sync", CHAIN, "--source", source).code == 0
    added = tracer(folder, "watch", "add", payee, f"cluster:{payee}", "--chain", CHAIN, "--label", "payee")
    assert added.code == 0, added
    with following(folder, node) as process:
        (txid,) = node.pay(250_000, to=payee)
        found = until(folder, lambda ds: len(ds) == 2)
        assert {(d["txid"], d["chain_state"], d["direction"]) for d in found} == {
            (txid, "mempool", "inbound")
        }
        assert {d["amount"]["base_units"] for d in found} == {"250000"}
        assert {d["block"] for d in found} == {None}
        ids = {d["alert_id"] for d in found}
        (block,) = node.mine()
        found = until(folder, lambda ds: {d["chain_state"] for d in ds} == {"confirmed"})
        assert {d["block"]["hash"] for d in found} == {block}
        node.replace(1)
        node.mine()  # of two branches as long the first stays
        again = node.call("getblockhash", MATURE + 1)
        assert again != block
        found = until(folder, lambda ds: {d["block"]["hash"] for d in ds if d["block"]} == {again})
        assert {(d["chain_state"], d["validity"]) for d in found} == {("confirmed", "valid")}
        node.mine(FINAL - 2)
        found = until(folder, lambda ds: {d["chain_state"] for d in ds} == {"final"})
        assert {d["alert_id"] for d in found} == ids
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0
    with State.open(Workspace(folder)) as state:
        states = [
            (json.loads(text)["chain_state"], json.loads(text)["validity"])
            for (text,) in state.rows("SELECT document FROM alert_revision ORDER BY alert_id, revision")
        ]
    assert states[0] == ("mempool", "valid")
    assert states[1] == ("confirmed", "valid")
    assert ("reorged", "retracted") in states
    assert states[-1] == ("final", "valid")


def test_a_replaced_payment_is_taken_back(node: Litecoind, tmp_path: Path) -> None:
    folder = tmp_path / "w"
    payee, other = (str(node.call("getnewaddress")) for _ in range(2))
    source = f"core:{node.url}?cookie={node.cookie}"
    assert tracer(folder, "sync", CHAIN, "--source", source).code == 0
    assert tracer(folder, "watch", "add", payee, "--chain", CHAIN).code == 0
    (coin,) = node.call("listunspent")[:1]
    point = {"txid": coin["txid"], "vout": coin["vout"], "sequence": 0}
    raws = [
        node.call("signrawtransactionwithwallet", node.call("createrawtransaction", [point], [{to: amount}]))[
            "hex"
        ]
        for to, amount in ((payee, "49.99"), (other, "49.9"))
    ]
    node.call("sendrawtransaction", raws[0], 0)
    ran = tracer(folder, "watch", "run", CHAIN, "--source", source, "--json").document["chains"][0]
    assert ran["raised"] == 1
    rival = node.call("decoderawtransaction", raws[1])["txid"]
    node.call("generateblock", other, [raws[1]])  # this node replaces nothing in its mempool; a miner may
    ran = tracer(folder, "watch", "run", CHAIN, "--source", source, "--json").document["chains"][0]
    assert (ran["raised"], ran["retracted"]) == (0, 1)
    (gone,) = documents(folder)
    assert (gone["chain_state"], gone["validity"]) == ("mempool", "retracted")
    assert gone["retracted_because"] == f"replaced by {rival}"
