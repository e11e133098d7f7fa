"""`tracer alerts` and `tracer channels`: the record worked on, and delivery as a user meets it."""

from __future__ import annotations

import base64
import csv
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from tests.cli.forking import Started
from tests.cli.running import Ran, tracer
from tests.nodes.receivers import Hook, Says, hook
from tracer.state import State
from tracer.watching import alerts
from tracer.watching.model import Block, Raised, Watch
from tracer.watching.monitor import check_in_due
from tracer.workspace import Workspace

SECRET = "whsec_" + base64.b64encode(b"a canary that must never be shown").decode()
RAISED = 1_700_000_000.0


class Desk:
    """A workspace with alerts in it, and a receiver."""

    def __init__(self, folder: Path, receiver: Hook) -> None:
        self.folder, self.receiver = folder, receiver
        self.workspace = Workspace(folder).ready()
        self.channels(
            f"[channels.soc]\nkind = 'webhook'\nurl = {receiver.url!r}\nsecret_env = 'DESK_SECRET'\n"
        )

    def channels(self, text: str) -> None:
        (self.folder / "channels.toml").write_text(text)

    def raised(
        self, *keys: str, now: float = RAISED, to: tuple[str, ...] = ("soc",), **more: Any
    ) -> list[str]:
        label = more.pop("label", "hot wallet")
        watch = Watch(
            "w-1", "bitcoin", "address", "a", None, ("transfer",), label=label, channels=to, case_id="K-1"
        )
        amount = {"asset": "BTC", "base_units": "150000000", "decimal": "1.50000000", "fiat": None}
        said: dict[str, Any] = {"amount": amount, "severity": "high", "direction": "outbound", **more}
        events = [
            Raised(
                watch, "transfer", f"bitcoin|{key}", chain="bitcoin", txid=key * 64, chain_state="confirmed",
                block=Block(7, "00" * 32, 1_600_000_000), **said,
            )
            for key in keys
        ]  # fmt: skip
        with State.open(self.workspace) as state, state.transaction():
            return alerts.raise_alerts(state, events, now=now).ids

    def run(self, *arguments: str | Path, **environment: str) -> Ran:
        return tracer(self.folder, *arguments, **{"DESK_SECRET": SECRET, **environment})


def always(says: Says) -> Callable[[int], Says]:
    return lambda _number: says


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with hook() as receiver:
        yield Desk(tmp_path / "w", receiver)


def test_alerts_are_listed_newest_first_and_filtered(desk: Desk) -> None:
    (one,) = desk.raised("a")
    (two,) = desk.raised("b", now=RAISED + 3600)
    listed = desk.run("alerts", "list", "--json").document
    assert listed["schema"] == "tracer.alerts/1"
    assert [row["alert_id"] for row in listed["alerts"]] == [two, one]
    for given, wanted in (
        (["--since", "2023-11-14T23:00:00Z"], [two]),
        (["--until", "2023-11-14T23:00:00Z"], [one]),
        (["--since", "24h"], []),
        (["--txid", "a" * 64], [one]),
        (["--status", "closed"], []),
        (["--type", "transfer", "--severity", "high", "--chain", "bitcoin", "--of-case", "K-1"], [two, one]),
        (["--limit", "1"], [two]),
    ):
        found = desk.run("alerts", "list", "--json", *given).document
        assert [row["alert_id"] for row in found["alerts"]] == wanted, given
    assert "hot wallet - 1.50000000 BTC" in desk.run("alerts", "list").out


def test_a_workspace_without_alerts_says_so(desk: Desk) -> None:
    assert "No alerts of this kind." in desk.run("alerts", "list").out
    assert desk.run("alerts", "export").out.splitlines() == [",".join(csv_header())]


def csv_header() -> tuple[str, ...]:
    from cli.alerts_export import COLUMNS

    return COLUMNS


def test_decisions_are_kept_with_who_and_when_and_stand_in_the_custody_log(desk: Desk) -> None:
    one, two = desk.raised("a", "b")
    desk.run("alerts", "review", one[:12], two, "--status", "in_work", "--assignee", "Ada", "--by", "Ben")
    said = desk.run(
        "alerts",
        "review",
        one,
        "--status",
        "closed",
        "--note",
        "known\x1b[31m payroll",
        "--by",
        "Ada",
        "--json",
    )
    assert said.document["alerts"] == [
        {"alert_id": one, "before": "in_work", "status": "closed", "assignee": "Ada"}
    ]
    shown = desk.run("alerts", "show", one, "--case", "K-1", "--json").document
    assert [(note["by"], note["status"], note["note"]) for note in shown["notes"]] == [
        ("Ben", "in_work", ""),
        ("Ada", "closed", "known[31m payroll"),
    ]
    assert [
        row["alert_id"]
        for row in desk.run("alerts", "list", "--json", "--assignee", "Ada", "--status", "in_work").document[
            "alerts"
        ]
    ] == [two]
    verbs = [entry["verb"] for entry in desk.run("case", "log", "--json").document["entries"]]
    assert verbs == ["alerts review", "alerts review", "alerts show", "alerts list"]
    assert "Ada" in desk.run("alerts", "show", one).out


def test_a_review_of_many_is_all_or_none(desk: Desk) -> None:
    (one,) = desk.raised("a")
    desk.run("alerts", "review", one, "f" * 64, "--status", "closed", "--by", "Ada").refused(2, "no alert")
    assert desk.run("alerts", "list", "--json").document["alerts"][0]["status"] == "open"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["alerts", "show", "abc"], "at least 8 digits"),
        (["alerts", "show", "f" * 64], "no alert"),
        (["alerts", "review", "f" * 64, "--by", "x"], "nothing was decided"),
        (["alerts", "list", "--since", "yesterday"], "is no date"),
        (["alerts", "replay"], "which alerts?"),
        (["alerts", "replay", "--since", "1h", "--channel", "pager"], "no channel 'pager'"),
        (["channels", "test"], "no channel was named"),
        (["channels", "test", "pager"], "There is soc"),
    ],
)
def test_what_cannot_be_asked(desk: Desk, arguments: list[str], words: str) -> None:
    desk.run(*arguments).refused(2, words)


def test_a_file_of_channels_with_a_secret_is_refused_without_it(desk: Desk) -> None:
    desk.channels(f"[channels.soc]\nkind = 'webhook'\nurl = {desk.receiver.url!r}\nsecret = '{SECRET}'\n")
    said = desk.run("alerts", "dispatch")
    said.refused(4, "channels.toml: channel 'soc'", "may not stand in this file")
    assert SECRET not in said.err


def test_an_export_is_safe_in_a_spreadsheet_and_whole_in_json(desk: Desk, tmp_path: Path) -> None:
    (one,) = desk.raised("a", label='=HYPERLINK("http://evil")')
    rows = list(csv.DictReader(StringIO(desk.run("alerts", "export").out)))
    assert rows[0]["alert_id"] == one
    assert rows[0]["label"] == '\'=HYPERLINK("http://evil")'
    assert (rows[0]["amount"], rows[0]["base_units"], rows[0]["status"]) == (
        "1.50000000",
        "150000000",
        "open",
    )
    out = tmp_path / "alerts.jsonl"
    desk.run("alerts", "export", "--format", "jsonl", "--out", out)
    record = json.loads(out.read_text())
    assert (record["schema"], record["revisions"][0]["alert"]["alert_id"]) == ("tracer.alert_record/1", one)


def test_what_is_due_is_sent_and_a_receiver_that_is_down_is_exit_3_and_loses_nothing(desk: Desk) -> None:
    ids = desk.raised("a", "b", now=time.time())
    desk.receiver.answer = lambda _: Says(500)
    said = desk.run("alerts", "dispatch")
    assert said.code == 3
    assert "channel soc answers with an error (HTTP 500); what it did not take is kept" in said.err
    desk.receiver.answer = lambda _: Says(200)
    ends = time.monotonic() + 60
    while (said := desk.run("alerts", "dispatch", "--json")).document["delivered"] == 0:
        assert time.monotonic() < ends
    assert sorted(desk.receiver.ids()) == sorted(f"{each}.1" for each in ids)
    shown = desk.run("alerts", "show", ids[0], "--json").document["deliveries"][0]
    assert (shown["channel"], shown["state"]) == ("soc", "delivered")


def test_a_hiccup_costs_no_run(desk: Desk) -> None:
    desk.raised("a", now=time.time())
    desk.receiver.answer = lambda number: Says(503 if number == 0 else 200)
    said = desk.run("alerts", "dispatch", "--json")
    assert said.document["delivered"] == 1


def test_alerts_are_sent_again_with_the_same_ids(desk: Desk) -> None:
    (one,) = desk.raised("a", now=time.time())
    desk.run("alerts", "dispatch")
    assert desk.run("alerts", "replay", "--since", "1h", "--json").document["channels"] == {"soc": 1}
    assert (
        desk.run("alerts", "replay", one, "--channel", "soc").out == "soc: 1 sent again, or waiting to be\n"
    )
    assert desk.receiver.ids() == [f"{one}.1"] * 3
    assert len({got.body for got in desk.receiver.taken}) == 1
    assert desk.run("alerts", "replay", "--dead").out == "Nothing to send again.\n"


def test_a_channel_is_tested_and_used_again_after_it_was_taken_down(desk: Desk) -> None:
    (one,) = desk.raised("a", now=time.time())
    desk.receiver.answer = lambda _: Says(410)
    assert desk.run("alerts", "dispatch").code == 3
    row = desk.run("channels", "list", "--json").document["channels"][0]
    assert (row["dead"], row["taken_down"] is not None) == (1, True)
    said = desk.run("channels", "test", "soc")
    assert (said.code, said.out) == (3, "soc (webhook): took this channel down (HTTP 410)\n")
    desk.receiver.answer = lambda _: Says(200)
    assert desk.run("channels", "test", "--all").code == 0
    assert desk.receiver.taken[-1].document["alert_type"] == "test"
    desk.run("alerts", "replay", "--dead", "--channel", "soc")
    assert desk.receiver.ids()[-1] == f"{one}.1"


def test_channels_are_listed_without_their_secrets(desk: Desk) -> None:
    desk.channels(
        f"[channels.soc]\nkind = 'webhook'\nurl = {desk.receiver.url!r}\nsecret_env = 'DESK_SECRET'\n"
        "[channels.chat]\nkind = 'chat'\nurl_env = 'CHAT'\n[channels.file]\nkind = 'jsonl'\n"
    )
    desk.raised("a", to=("pager",))
    said = desk.run("channels", "list", CHAT="json://u:canary@localhost")
    assert [word in said.out for word in ("soc", "id only", "all but protected", "never")] == [True] * 4
    assert "pager: no such channel; 1 wait for it, 0 are dead" in said.out
    assert SECRET not in said.out + said.err
    assert "canary" not in said.out + said.err
    desk.channels("")
    assert "No channels" in desk.run("channels", "list").out


def test_a_follower_sends_what_comes_and_ends_on_ctrl_c(desk: Desk) -> None:
    environment = {**os.environ, "TRACER_WORKSPACE": str(desk.folder), "DESK_SECRET": SECRET}
    follower = Started(["alerts", "dispatch", "--follow"], environment)
    try:
        for key in "abc":
            (one,) = desk.raised(key, now=time.time())
            ends = time.monotonic() + 20
            while f"{one}.1" not in desk.receiver.ids():
                assert time.monotonic() < ends
                time.sleep(0.01)
        follower.send_signal(signal.SIGINT)
        assert follower.wait(10) == 0
    finally:
        follower.kill()
        _, said = follower.communicate()
    assert "Traceback" not in said


def test_no_secret_is_in_the_workspace_nor_in_what_is_printed(desk: Desk) -> None:
    desk.raised("a", now=time.time())
    printed = ""
    for says in (
        Says(500, body=SECRET.encode()),
        Says(301, {"location": f"http://x/{SECRET}"}),
        Says(200, drops=True),
    ):
        desk.receiver.answer = always(says)
        said = desk.run("channels", "test", "soc")
        printed += said.out + said.err
    said = desk.run("alerts", "dispatch")
    printed += said.out + said.err
    printed += (
        desk.run("channels", "list", "--json").out + desk.run("alerts", "export", "--format", "jsonl").out
    )
    assert SECRET not in printed
    for path in desk.folder.rglob("*"):
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes(), path


def test_after_a_good_run_the_monitor_is_told_and_the_days_test_goes_out(desk: Desk) -> None:
    from cli import dispatching
    from cli.app import App

    app = App(desk.workspace, quiet=True)
    with hook() as monitor:
        desk.channels(
            f"[channels.file]\nkind = 'jsonl'\n[checkin]\nurl = '{monitor.url}/{'k' * 20}'\nevery = '5m'\n"
        )
        with State.open(desk.workspace) as state:
            for seconds in (0, 10, 299, 301, 86400):
                dispatching.ran(app, state, now=RAISED + seconds)
            assert len(monitor.got) == 3
            monitor.answer = lambda _: Says(500)
            dispatching.ran(app, state, now=RAISED + 90000)
            for seconds in (90001, 90059, 90061):  # one that does not answer is asked once a minute
                dispatching.ran(app, state, now=RAISED + seconds)
            assert len(monitor.got) == 5
            assert state.rows("SELECT outcome FROM checkin") == [("answers with an error (HTTP 500)",)]
            assert check_in_due(state, RAISED + 90122, 300)
    dispatching.send(app, patience=0)
    lines = [json.loads(line) for line in (desk.folder / "alerts.jsonl").read_text().splitlines()]
    assert [(line["alert_type"], line["event_key"]) for line in lines] == [
        ("test", "test|2023-11-14"),
        ("test", "test|2023-11-15"),
    ]


def test_a_monitor_that_hangs_and_a_broken_channels_toml_hold_up_no_run(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    from cli import dispatching
    from cli.app import App

    app = App(desk.workspace, quiet=True)
    with hook(lambda _: Says(hangs=1.0)) as monitor, State.open(desk.workspace) as state:
        desk.channels(f"[checkin]\nurl = '{monitor.url}'\n")
        began = time.monotonic()
        for seconds in (0, 1):
            dispatching.ran(app, state, now=RAISED + seconds, beside=True)
        assert time.monotonic() - began < 0.9
        while not state.rows("SELECT 1 FROM checkin WHERE outcome = 'told'"):
            assert time.monotonic() - began < 10
            time.sleep(0.02)
        assert len(monitor.got) == 1
        desk.channels("[chan")
        for seconds in (100, 101):
            dispatching.ran(app, state, now=RAISED + seconds)
    assert capsys.readouterr().err.count("channels.toml is no TOML") == 1
