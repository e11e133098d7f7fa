"""Unusual turns: a first block that is lost, a store made anew, a full trail, a claim that returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.scenarios.case import CHAIN, tag
from tests.scenarios.ledger import Tx, txid_of
from tests.scenarios.watched import Town
from tests.tracer.test_watching import HISTORY, screened, town
from tracer.errors import ReorgedAway
from tracer.intel.reading import About, Reading
from tracer.intel.store import add
from tracer.ledger import unconfirmed
from tracer.ledger.store import Ledger
from tracer.ledger.unconfirmed import Arrived, Waiting
from tracer.screening.model import Subject
from tracer.state import State
from tracer.watching import cursor, store, trail
from tracer.watching.exposure import Screen
from tracer.watching.model import utc

CHAIN_NAME = "bitcoin-regtest"


def standing(here: Town) -> cursor.Cursor:
    with State.open(here.workspace) as state:
        found = cursor.cursor(state, CHAIN_NAME)
    assert found is not None
    return found


def test_the_very_block_that_watching_began_at_may_be_lost(tmp_path: Path) -> None:
    here = town(tmp_path)
    here.extend(HISTORY[:3])
    here.watch("eve")
    here.run()
    here.extend([*HISTORY[:2], Tx("else", outs=[("dan", 1)]), HISTORY[2]])
    here.run()
    assert here.told() == {("transfer", "eve", "pay", "outbound", 7)}


def test_a_store_that_stands_lower_is_waited_for_and_nothing_is_taken_back(tmp_path: Path) -> None:
    here = town(tmp_path)
    here.extend(HISTORY[:1])
    here.watch("eve")
    here.run()
    here.extend(HISTORY[:4])
    here.run()
    before = here.documents()
    here.workspace.chain_file(CHAIN_NAME).unlink()  # the store is made anew, from the first block on
    for height in (1, 3):
        here.rows = [] if height == 1 else here.rows
        here.extend(HISTORY[:height])
        turn = here.run()
        assert any("stands at block" in note for note in turn.notes)
        assert (here.documents(), standing(here).height) == (before, 3)
    here.extend(HISTORY[:6])
    assert here.run().notes == []
    assert (here.documents(), standing(here).height) == (before, 5)
    here.extend(HISTORY)
    here.run()
    assert {d["validity"] for d in here.documents()} == {"valid"}
    assert ("transfer", "eve", "straight", "outbound", 5) in here.told()


def test_a_chain_that_is_gone_stalls_too(tmp_path: Path) -> None:
    here = town(tmp_path)
    here.extend(HISTORY[:2])
    here.watch("eve")
    here.runner = here.started()
    here.runner._max_lag = 1800.0
    here.run()
    here.workspace.chain_file(CHAIN_NAME).unlink()
    here.rows = []
    here.extend([Tx(f"other{n}", outs=[("dan", 1)]) for n in range(6)])
    here.now += 1801
    with pytest.raises(ReorgedAway):
        here.run()
    assert [row[0] for row in here.alerts()] == ["source_stalled"]


FAN = [
    Tx("fund", outs=[("eve", 100)]),
    Tx("fan", ins=["fund:0"], outs=[(f"p{n}", 10) for n in range(9)]),
    Tx("one", ins=["fan:0"], outs=[("acmehot", 10)]),
    Tx("split", ins=["fan:1"], outs=[("q0", 5), ("q1", 5)]),
    Tx("nine", ins=["fan:8"], outs=[("acmehot", 10)]),
]


def test_a_trail_that_is_full_says_so_once_and_on_every_alert_that_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trail, "MOST_LOTS", 9)
    here = town(tmp_path)
    here.extend(FAN[:1])
    (watch_id,) = here.watch("eve", on="reached_service", trail=5)
    here.run()
    for height in range(2, len(FAN) + 1):
        here.extend(FAN[:height])
        here.run()
    told = {(d["alert_type"], d["details"].get("reason"), d["revision"]) for d in here.documents()}
    assert told == {("reached_service", None, 1), ("watch_overgrown", "trail", 1)}
    full = {d["block"]["height"]: d["details"].get("trail_full", False) for d in here.documents()}
    assert full == {2: False, 3: False, 4: True}
    with State.open(here.workspace) as state:
        (watch,) = [w for w in store.watches(state) if w.watch_id == watch_id]
        assert (watch.trail_full, store.full_trails(state, CHAIN_NAME)) == (3, 1)
    here.extend([*FAN[:3], *(Tx(f"n{n}", outs=[("dan", 1)]) for n in range(3))])
    here.run()
    states = {d["alert_type"]: d["validity"] for d in here.documents() if d["block"]["height"] == 3}
    assert states == {"watch_overgrown": "retracted"}
    with State.open(here.workspace) as state:
        assert store.full_trails(state, CHAIN_NAME) == 0


def told_by(verdicts: Mapping[str, str], asked: list[str]) -> Any:
    """Screening whose verdict on an output is that of its address, `unknown` where none is given."""

    def screen(_policy: str, subjects: Sequence[Subject]) -> list[Mapping[str, Any]]:
        asked.extend(subject.address or "" for subject in subjects)
        names = {subject.address: verdicts.get(subject.address or "", "unknown") for subject in subjects}
        return [
            {
                "verdict": names[subject.address], "risk": None, "risk_reasons": ["a list is too old"],
                "handling": None, "exposures": [], "triggers": [], "screening_id": "s",
            }
            for subject in subjects
        ]  # fmt: skip

    def made(_ledger: Ledger, _snapshot: object) -> Screen:
        return screen

    return made


def test_a_verdict_nobody_can_give_is_told_as_unknown(tmp_path: Path) -> None:
    """Without the lists that the policy requires nothing is clear: the published policy itself says so."""
    here = town(tmp_path)
    here.extend(HISTORY[:1])
    here.watch("eve", on="exposure")
    here.runner = here.started(screen=screened)
    here.run()
    here.extend(HISTORY[:2])
    here.run()
    (said,) = here.documents()
    assert (said["severity"], said["exposure"]["verdict"]) == (None, "unknown")
    assert said["exposure"]["risk_reasons"]


def test_every_output_of_a_payment_is_judged_and_what_is_not_shown_is_not_clear(tmp_path: Path) -> None:
    many = [(f"a{n}", 200 - n) for n in range(60)]
    rows = [
        Tx("fund", outs=[("eve", 1_000_000)]),
        Tx("sixty", ins=["fund:0"], outs=[*many, ("eve", 500_000)]),
        Tx("crowd", ins=["sixty:60"], outs=[*((f"b{n}", 100) for n in range(150)), ("eve", 100_000)]),
    ]
    asked: list[str] = []
    clear = {f"{letter}{n}": "clear" for letter in "ab" for n in range(150)}
    here = town(tmp_path)
    here.extend(rows[:1])
    here.watch("eve", on="exposure")
    here.runner = here.started(screen=told_by({**clear, "a59": "block"}, asked))
    here.run()
    here.extend(rows)
    here.run()
    assert len([name for name in asked if name.startswith("a")]) == 60
    said = {d["direction"] + str(d["block"]["height"]): d["exposure"]["verdict"] for d in here.documents()}
    assert said == {"outbound1": "block", "outbound2": "unknown"}


def test_a_claim_that_goes_takes_its_alert_back_and_one_that_comes_again_is_told_again(
    tmp_path: Path,
) -> None:
    here = town(tmp_path)
    here.extend(HISTORY)
    here.watch("eve", on="tag_change,sanction_added")
    here.run()
    sdn = (
        tag("eve", "", category="sanction", label="SDN eve"),
        tag("dan", "", category="sanction", label="SDN dan"),
    )
    lists = [Reading.of("tags", claims, About(list="sdn", whole=True)) for claims in (sdn, sdn[1:])]
    for _ in range(2):
        add(here.workspace, lists[:1])
        here.run()
        kinds = {(d["alert_type"], d["details"]["change"], d["validity"]) for d in here.documents()}
        assert kinds - {("tag_change", "removed", "retracted")} == {("sanction_added", "added", "valid")}
        add(here.workspace, lists[1:])
        here.run()
        kinds = {(d["alert_type"], d["details"]["change"], d["validity"]) for d in here.documents()}
        assert kinds == {("sanction_added", "added", "retracted"), ("tag_change", "removed", "valid")}
    assert {d["revision"] for d in here.documents()} == {4, 3}


def test_what_turns_out_otherwise_in_its_block_is_no_longer_told_as_waiting(tmp_path: Path) -> None:
    """A payment waits while its parent was not read yet: it looks like money that comes, and is change."""
    key = CHAIN.parse_address("eve")
    parents = [(txid_of("pay"), 1), (txid_of("more"), 0)]

    def decoded(txs: Sequence[Waiting]) -> tuple[pl.DataFrame, pl.DataFrame]:
        paid = [(tx, 0, 6, int(key.kind), key.payload) for tx in range(len(txs))]
        spends = [(tx, vin, *point) for tx in range(len(txs)) for vin, point in enumerate(parents)]
        outputs = {
            "tx": pl.Int64,
            "vout": pl.Int32,
            "units": pl.Int64,
            "kind": pl.UInt8,
            "payload": pl.Binary,
        }
        inputs = {"tx": pl.Int64, "vin": pl.Int32, "prev_txid": pl.Binary, "prev_vout": pl.Int32}
        return pl.DataFrame(paid, outputs, orient="row"), pl.DataFrame(spends, inputs, orient="row")

    here = town(tmp_path)
    here.extend(HISTORY[:2])
    here.watch("eve", direction="inbound")
    here.runner = here.started(decode=decoded)
    told = {"host": "node", "time": utc(here.now)}
    with State.open(here.workspace) as state:
        unconfirmed.arrive(state, CHAIN_NAME, [Arrived(txid_of("gather"), b"raw", parents)], height=1, **told)
    here.run()
    assert {row[2:] for row in here.alerts()} == {("?", "inbound", 2, "mempool", "valid")}
    here.extend(HISTORY[:4])
    with State.open(here.workspace) as state, Ledger.open(here.workspace, CHAIN) as ledger:
        unconfirmed.settle(state, ledger, set(), height=3, **told)
    here.run()
    assert {row[2:] for row in here.alerts()} == {("gather", "inbound", 2, "mempool", "retracted")}
    (said,) = here.documents()
    assert "block 3" in said["retracted_because"]


def test_after_a_restart_on_a_shorter_chain_watches_begin_at_its_tip(tmp_path: Path) -> None:
    here = town(tmp_path)
    here.extend(HISTORY)
    here.watch("eve")
    here.run()
    here.workspace.chain_file(CHAIN_NAME).unlink()
    here.rows = []
    rows = [Tx(f"other{n}", outs=[("dan", 1)]) for n in range(3)]
    here.extend(rows)
    with State.open(here.workspace) as state:
        here.runner.restart(state, now=here.now)
    here.extend([*rows, Tx("gift", outs=[("eve", 9)])])
    here.run()
    assert here.told() == {("transfer", "eve", "gift", "inbound", 9)}
