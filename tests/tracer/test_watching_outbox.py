"""The outbox and its dispatchers: what goes out when, in which order, and what becomes of what nobody takes."""

from __future__ import annotations

import json
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracer.state import State
from tracer.watching import alerts, notice, outbox, upkeep
from tracer.watching.dispatch import LEASE, Dispatcher
from tracer.watching.model import Block, ChainState, Raised, Watch
from tracer.watching.sink import Channel, Envelope, Refused, Retry, Sink
from tracer.workspace import Workspace

NOW = 1_700_000_000.0
DAY = 86400.0


@dataclass
class Ear:
    """A sink that hears what it is told; `does` may raise, by the number of the call from 0."""

    does: Callable[[int, Envelope], object] = lambda _number, _envelope: None
    calls: int = 0
    heard: list[Envelope] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, envelope: Envelope, *, now: float) -> None:
        with self.lock:
            number, self.calls = self.calls, self.calls + 1
        self.does(number, envelope)
        with self.lock:
            self.heard.append(envelope)

    def close(self) -> None:
        return

    @property
    def ids(self) -> list[str]:
        return [envelope.id for envelope in self.heard]


def down(_number: int, _envelope: Envelope) -> None:
    raise Retry("answers with an error (HTTP 500)")


@dataclass
class Desk:
    """A workspace with channels and a clock that the test moves."""

    workspace: Workspace
    ears: dict[str, Ear] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    now: float = NOW

    def channel(self, name: str, does: Callable[[int, Envelope], object] | None = None, **more: Any) -> Ear:
        ear = self.ears[name] = Ear() if does is None else Ear(does)

        def opened() -> Sink:
            return ear

        self.channels[name] = Channel(name=name, kind="ear", open=opened, **{"internal": True, **more})
        return ear

    def put(self, *events: Raised) -> list[str]:
        with State.open(self.workspace) as state, state.transaction():
            return alerts.raise_alerts(state, events, now=self.now).ids

    def event(
        self,
        key: str,
        *to: str,
        watch: str = "w-1",
        at: ChainState = "confirmed",
        height: int = 1,
        **more: Any,
    ) -> Raised:
        block = None if at == "mempool" else Block(height, f"{height:064x}", 1)
        one = Watch(watch, "bitcoin", "address", "a", None, ("transfer",), label=watch, channels=to)
        return Raised(
            one, "transfer", key, "medium", "bitcoin", txid=key, chain_state=at, block=block, **more
        )

    def send(self, *, flush: bool = False) -> None:
        self.dispatcher().until_idle(flush=flush)

    def dispatcher(self) -> Dispatcher:
        return Dispatcher(self.workspace, self.channels, clock=lambda: self.now)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with State.open(self.workspace) as state:
            return state.rows(sql)

    def states(self) -> dict[str, int]:
        return dict(self.rows("SELECT state, count(*) FROM outbox GROUP BY state ORDER BY state"))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(Workspace(tmp_path).ready())


# ---- delivery


def test_an_alert_goes_to_each_of_its_channels_once(desk: Desk) -> None:
    a, b = desk.channel("a"), desk.channel("b")
    ids = desk.put(desk.event("t1", "a", "b"), desk.event("t2", "b"))
    desk.send()
    desk.send()
    assert a.ids == [f"{ids[0]}.1"]
    assert sorted(b.ids) == sorted(f"{each}.1" for each in ids)
    assert json.loads(a.heard[0].body)["txid"] == "t1"
    assert desk.states() == {"delivered": 3}


def test_what_is_put_in_again_changes_nothing(desk: Desk) -> None:
    a = desk.channel("a")
    for _ in range(3):
        desk.put(desk.event("t1", "a"))
        desk.send()
    assert len(a.ids) == 1


def test_a_failed_attempt_is_repeated_with_the_same_bytes(desk: Desk) -> None:
    bodies: list[tuple[str, bytes]] = []

    def twice_down(number: int, envelope: Envelope) -> None:
        bodies.append((envelope.id, envelope.body))
        if number < 2:
            raise Retry("busy")

    a = desk.channel("a", twice_down)
    desk.put(desk.event("t1", "a"))
    for _ in range(3):
        desk.send()
        desk.now += 10
    assert len(a.ids) == 1
    assert len(bodies) == 3
    assert len(set(bodies)) == 1


def test_a_revision_is_not_sent_before_the_one_before_it(desk: Desk) -> None:
    def first_down(number: int, _envelope: Envelope) -> None:
        if number == 0:
            raise Retry("busy")

    a = desk.channel("a", first_down, parallel=4)
    (alert,) = desk.put(desk.event("t1", "a", at="mempool"))
    desk.put(desk.event("t1", "a"))
    desk.put(desk.event("t1", "a", at="final"))
    desk.send()
    assert a.ids == []
    desk.now += 10
    desk.send()
    assert a.ids == [f"{alert}.{revision}" for revision in (1, 2, 3)]


def test_a_retraction_follows_its_alert_even_where_that_was_given_up(desk: Desk) -> None:
    def refuses_the_first(_number: int, envelope: Envelope) -> None:
        if envelope.revision == 1:
            raise Refused("does not accept this alert (HTTP 400)")

    a = desk.channel("a", refuses_the_first)
    (alert,) = desk.put(desk.event("t1", "a"))
    with State.open(desk.workspace) as state, state.transaction():
        alerts.retract_above(state, "bitcoin", 0, now=desk.now)
    desk.send()
    assert a.ids == [f"{alert}.2"]


def test_a_channel_that_hangs_holds_up_no_other(desk: Desk) -> None:
    free = threading.Event()
    a = desk.channel("a", lambda _number, _envelope: free.wait(10), parallel=2)
    b = desk.channel("b")
    desk.put(*(desk.event(f"t{number}", "a", "b") for number in range(30)))
    work = threading.Thread(target=desk.send)
    work.start()
    ends = time.monotonic() + 5
    while len(b.heard) < 30 and time.monotonic() < ends:
        time.sleep(0.01)
    assert (len(b.heard), len(a.heard)) == (30, 0)
    free.set()
    work.join()
    assert len(a.heard) == 30


def test_a_channel_that_is_down_is_asked_with_one_envelope_at_a_time(desk: Desk) -> None:
    a = desk.channel("a", down, parallel=4)
    desk.put(*(desk.event(f"t{number}", "a") for number in range(100)))
    desk.send()
    assert a.calls <= 4
    for _ in range(5):
        desk.now += 60
        before = a.calls
        desk.send()
        assert a.calls == before + 1, desk.rows("SELECT attempts, count(*) FROM outbox GROUP BY 1 ORDER BY 1")
    a.does = lambda _number, _envelope: None
    desk.now += 3600
    desk.send()
    assert len(set(a.ids)) == 100


def test_a_receiver_gets_the_pause_it_asks_for(desk: Desk) -> None:
    def busy(_number: int, _envelope: Envelope) -> None:
        raise Retry("busy", after=120)

    a = desk.channel("a", busy)
    desk.put(desk.event("t1", "a"), desk.event("t2", "a"))
    work = desk.dispatcher()
    work.until_idle()
    assert a.calls == 1
    assert desk.rows("SELECT min(due) FROM outbox WHERE attempts > 0")[0][0] == round((NOW + 120) * 1000)


def test_a_fault_of_a_sink_is_its_own_channels_trouble(desk: Desk) -> None:
    def faulty(_number: int, envelope: Envelope) -> None:
        raise ValueError(f"secret {envelope.id}")

    desk.channel("a", faulty)
    b = desk.channel("b")
    desk.put(desk.event("t1", "a", "b"))
    summary = desk.dispatcher().until_idle()
    assert summary.troubles == {"a": "failed (ValueError)"}
    assert len(b.heard) == 1
    assert desk.rows("SELECT DISTINCT last_error FROM outbox WHERE channel = 'a'") == [
        ("failed (ValueError)",)
    ]


def test_a_channel_that_cannot_be_opened_is_tried_again(desk: Desk) -> None:
    a = desk.channel("a")
    good = desk.channels["a"]

    def closed() -> Sink:
        raise Retry("has no secret: the variable X is not set")

    desk.channels["a"] = replace(good, open=closed)
    desk.put(desk.event("t1", "a"))
    assert desk.dispatcher().until_idle().troubles == {"a": "has no secret: the variable X is not set"}
    desk.channels["a"] = good
    desk.now += 5
    desk.send()
    assert len(a.ids) == 1


# ---- seven days


@pytest.mark.parametrize("row", [1, 2, 17])
def test_waits_double_up_to_an_hour_and_are_the_same_each_time(row: int) -> None:
    waits = [outbox.wait(row, attempt) for attempt in range(1, 40)]
    assert waits == [outbox.wait(row, attempt) for attempt in range(1, 40)]
    for attempt, seconds in enumerate(waits):
        whole = min(3600.0, 2.0**attempt)
        assert whole / 2 <= seconds <= whole


def test_many_rows_spread_out() -> None:
    assert len({round(outbox.wait(row, 12)) for row in range(200)}) > 100


def test_what_nobody_takes_is_tried_for_seven_days_then_dead_and_told_to_another_channel(desk: Desk) -> None:
    a, b = desk.channel("a", down), desk.channel("b")
    (alert,) = desk.put(desk.event("t1", "a"))
    while desk.states() != {"dead": 1, "delivered": 1}:
        desk.send()
        last = desk.now
        ((due,),) = desk.rows("SELECT coalesce(min(due), 0) FROM outbox WHERE state = 'waiting'")
        desk.now = max(desk.now, due / 1000)
        assert desk.now < NOW + 8 * DAY
    assert last == NOW + 7 * DAY
    assert 7 * 24 <= a.calls <= 2 * 7 * 24 + 40
    said = json.loads(b.heard[0].body)
    assert said["alert_type"] == "delivery_failed"
    assert said["details"]["channel"] == "a"
    assert said["details"]["alerts"] == [f"{alert}.1"]
    assert "given up after 7 days" in next(iter(said["details"]["reasons"]))


def test_the_last_attempt_is_made_when_the_seven_days_are_over(desk: Desk) -> None:
    a = desk.channel("a", down)
    desk.put(desk.event("t1", "a"))
    desk.send()
    desk.now += 7 * DAY - 60
    desk.send()
    assert desk.rows("SELECT due FROM outbox")[0][0] <= round((NOW + 7 * DAY) * 1000)
    desk.now = NOW + 7 * DAY
    a.does = lambda _number, _envelope: None
    desk.send()
    assert len(a.ids) == 1


def test_a_refusal_is_told_at_once_and_once(desk: Desk) -> None:
    def refuses(_number: int, _envelope: Envelope) -> None:
        raise Refused("does not accept this alert (HTTP 400)")

    desk.channel("a", refuses)
    b, c = desk.channel("b"), desk.channel("c")
    desk.put(*(desk.event(f"t{number}", "a") for number in range(80)))
    desk.send()
    desk.send()
    assert len(b.heard) == len(c.heard) == 1
    details = json.loads(b.heard[0].body)["details"]
    assert (details["count"], len(details["alerts"]), details["not_named"]) == (80, 50, 30)


def test_later_dead_letters_are_told_of_an_hour_later(desk: Desk) -> None:
    def refuses(_number: int, _envelope: Envelope) -> None:
        raise Refused("no")

    desk.channel("a", refuses, fallback="b")
    b, c = desk.channel("b"), desk.channel("c")
    desk.put(desk.event("t1", "a"))
    desk.send()
    desk.put(desk.event("t2", "a"))
    desk.send()
    assert len(b.heard) == 1
    desk.now += upkeep.TELL_EVERY
    desk.send()
    assert len(b.heard) == 2
    assert c.heard == []


def test_where_every_channel_refuses_it_ends(desk: Desk) -> None:
    def refuses(_number: int, _envelope: Envelope) -> None:
        raise Refused("no")

    desk.channel("a", refuses)
    desk.channel("b", refuses)
    desk.put(desk.event("t1", "a"))
    for _ in range(5):
        desk.send()
        desk.now += 2 * upkeep.TELL_EVERY
    assert desk.rows("SELECT count(*) FROM alert WHERE alert_type = 'delivery_failed'") == [(1,)]
    assert desk.states() == {"dead": 2}


def test_a_channel_that_was_taken_down_is_not_asked_again(desk: Desk) -> None:
    def gone(_number: int, _envelope: Envelope) -> None:
        raise Refused("took this channel down (HTTP 410)", gone=True)

    a, b = desk.channel("a", gone), desk.channel("b")
    desk.put(*(desk.event(f"t{number}", "a") for number in range(20)))
    desk.send()
    desk.put(desk.event("late", "a"))
    desk.send()
    assert a.calls == 1
    assert desk.rows("SELECT count(*) FROM outbox WHERE channel = 'a' AND state = 'dead'") == [(21,)]
    assert [json.loads(envelope.body)["alert_type"] for envelope in b.heard] == ["delivery_failed"]
    a.does = lambda _number, _envelope: None
    with State.open(desk.workspace) as state, state.transaction():
        outbox.answered(state, "a", desk.now)
        assert outbox.replay(state, desk.now, dead=True) == {"a": 21}
    desk.send()
    assert len(set(a.ids)) == 21


def test_what_waits_for_a_channel_that_nobody_knows_is_kept_seven_days(desk: Desk) -> None:
    b = desk.channel("b")
    desk.put(desk.event("t1", "gone"))
    assert desk.dispatcher().until_idle().troubles == {"gone": "no such channel"}
    assert desk.states() == {"new": 1}
    desk.now += 7 * DAY + 1
    desk.send()
    assert json.loads(b.heard[0].body)["details"]["reasons"] == {"no such channel": 1}


# ---- dispatchers that die, and many of them


def test_what_a_killed_dispatcher_had_in_hand_is_sent_by_the_next(desk: Desk) -> None:
    a = desk.channel("a")
    desk.put(desk.event("t1", "a"))
    with State.open(desk.workspace) as state, state.transaction():
        outbox.settle(state, desk.channels["a"], desk.now)
        assert len(outbox.claim(state, "a", "the dead one", desk.now, LEASE, 10)) == 1
    desk.send()
    assert a.ids == []
    desk.now += LEASE
    desk.send()
    assert len(a.ids) == 1


def test_one_that_comes_too_late_undoes_nothing(desk: Desk) -> None:
    a = desk.channel("a")
    desk.put(desk.event("t1", "a"))
    with State.open(desk.workspace) as state:
        with state.transaction():
            outbox.settle(state, desk.channels["a"], desk.now)
            (parcel,) = outbox.claim(state, "a", "slow", desk.now, LEASE, 10)
        desk.now += LEASE
        desk.send()
        with state.transaction():
            assert not outbox.put_off(state, parcel, "slow", "busy", desk.now)
            outbox.bury(state, parcel, "slow", "no")
    assert desk.states() == {"delivered": 1}
    assert len(a.ids) == 1


def test_many_dispatchers_send_each_alert_once(desk: Desk) -> None:
    a = desk.channel("a", parallel=4)
    desk.put(*(desk.event(f"t{number}", "a") for number in range(200)))
    works = [threading.Thread(target=desk.send) for _ in range(4)]
    for work in works:
        work.start()
    for work in works:
        work.join()
    assert len(a.ids) == len(set(a.ids)) == 200


def test_following_it_sends_what_comes_in_soon_after(desk: Desk) -> None:
    times: dict[str, float] = {}
    a = desk.channel("a", lambda _number, envelope: times.setdefault(envelope.alert_id, time.time()))
    stop = threading.Event()
    work = threading.Thread(target=Dispatcher(desk.workspace, desk.channels).follow, args=(stop,))
    work.start()
    put: dict[str, float] = {}
    for number in range(20):
        desk.now = time.time()
        (alert,) = desk.put(desk.event(f"t{number}", "a"))
        put[alert] = desk.now
        time.sleep(0.05)
    ends = time.monotonic() + 5
    while len(a.heard) < 20 and time.monotonic() < ends:
        time.sleep(0.01)
    stop.set()
    work.join()
    waits = sorted(times[alert] - put[alert] for alert in put)
    assert waits[18] < 2


# ---- digests and cooldowns


def test_what_is_late_goes_as_one_digest_when_the_catch_up_is_over(desk: Desk) -> None:
    a = desk.channel("a")
    ids = []
    for number in range(5):
        ids += desk.put(desk.event(f"t{number}", "a", late=True), desk.event(f"u{number}", "a", late=True))
        desk.send()
        desk.now += 2
    assert a.heard == []
    live = desk.put(desk.event("live", "a"))
    desk.send()
    assert a.ids == [f"{live[0]}.1"]
    desk.now += outbox.QUIET
    desk.send()
    said = json.loads(a.heard[1].body)
    assert (said["schema"], said["count"]) == ("tracer.alert_digest/1", 10)
    assert [alert["alert_id"] for alert in said["alerts"]] == ids
    assert all(alert["late"] for alert in said["alerts"])
    assert desk.states() == {"delivered": 12}


def test_a_run_that_ends_flushes_the_digest_and_one_alone_is_no_digest(desk: Desk) -> None:
    a = desk.channel("a")
    (first,) = desk.put(desk.event("t1", "a", late=True))
    desk.send(flush=True)
    assert a.ids == [f"{first}.1"]
    desk.put(*(desk.event(f"u{number}", "a", late=True) for number in range(3)))
    desk.send(flush=True)
    assert json.loads(a.heard[1].body)["count"] == 3


def test_a_catch_up_of_hours_is_told_in_parts(desk: Desk) -> None:
    a = desk.channel("a")
    with State.open(desk.workspace) as state, state.transaction():
        for number in range(160):
            alerts.raise_alerts(state, [desk.event(f"t{number}", "a", late=True)], now=desk.now)
            outbox.settle(state, desk.channels["a"], desk.now)
            desk.now += 4
    desk.now -= 4
    desk.send()
    assert [json.loads(envelope.body)["count"] for envelope in a.heard] == [151]


def test_a_digest_that_is_repeated_is_the_same_and_what_is_dead_in_it_is_told(desk: Desk) -> None:
    seen: list[tuple[str, bytes]] = []

    def refuses_late(number: int, envelope: Envelope) -> None:
        seen.append((envelope.id, envelope.body))
        raise Retry("busy") if number < 2 else Refused("too long")

    desk.channel("a", refuses_late)
    b = desk.channel("b")
    desk.put(*(desk.event(f"t{number}", "a", late=True) for number in range(3)))
    desk.send(flush=True)
    for _ in range(3):
        desk.now += 30
        desk.send()
    assert len(seen) == 3
    assert len(set(seen)) == 1
    assert json.loads(b.heard[0].body)["details"]["count"] == 3


def test_a_channel_with_a_digest_goes_at_its_hours_the_houses_own_at_once(desk: Desk) -> None:
    a = desk.channel("a", digest=3600.0)
    ids = desk.put(*(desk.event(f"t{number}", "a") for number in range(3)))
    with State.open(desk.workspace) as state, state.transaction():
        assert upkeep.daily_test(state, desk.channels, desk.now)
    desk.send()
    assert [json.loads(envelope.body)["alert_type"] for envelope in a.heard] == ["test"]
    desk.now = (NOW // 3600 + 1) * 3600
    desk.send()
    assert [alert["alert_id"] for alert in json.loads(a.heard[1].body)["alerts"]] == ids


def test_a_cooldown_holds_further_alerts_of_the_same_watch_never_a_retraction(desk: Desk) -> None:
    a = desk.channel("a", cooldown=600.0)
    first, second, third = desk.put(
        desk.event("t1", "a"), desk.event("t2", "a", height=2), desk.event("t3", "a", watch="w-2")
    )
    desk.send()
    assert sorted(a.ids) == sorted([f"{first}.1", f"{third}.1"])
    desk.now += 100
    (fourth,) = desk.put(desk.event("t4", "a", height=2))
    with State.open(desk.workspace) as state, state.transaction():
        state.run("UPDATE alert SET height = 9 WHERE alert_id = :id", {"id": first})
        alerts.retract_above(state, "bitcoin", 8, now=desk.now)
    desk.send()
    assert a.ids[2:] == [f"{first}.2"]
    desk.now = NOW + 700
    desk.send()
    said = json.loads(a.heard[3].body)
    assert [alert["alert_id"] for alert in said["alerts"]] == [second, fourth]


def test_a_watchs_own_cooldown_holds_what_it_says(desk: Desk) -> None:
    a = desk.channel("a")
    with State.open(desk.workspace) as state, state.transaction():
        for number in range(2):
            event = desk.event(f"t{number}", watch="w-9")
            alerts.raise_alerts(state, [event], now=desk.now)
            outbox.put(
                state, event.alert_id, 1, ["a"], watch_id="w-9", late=False, now=desk.now, hold_until=NOW + 60
            )
    desk.send()
    assert a.heard == []
    desk.now += 60
    desk.send()
    assert json.loads(a.heard[0].body)["count"] == 2


# ---- again, and after a purge


def test_replay_sends_the_same_bytes_again_in_order(desk: Desk) -> None:
    a = desk.channel("a")
    desk.put(desk.event("t1", "a", at="mempool"))
    desk.put(desk.event("t1", "a"))
    desk.put(*(desk.event(f"u{number}", "a", late=True) for number in range(3)))
    desk.send(flush=True)
    before = {envelope.id: envelope.body for envelope in a.heard}
    a.heard.clear()
    with State.open(desk.workspace) as state, state.transaction():
        assert outbox.replay(state, desk.now, since="2023-11-14T00:00:00Z", channel="a") == {"a": 5}
        assert outbox.replay(state, desk.now, since="2030-01-01T00:00:00Z") == {}
    desk.send()
    alone = [envelope for envelope in a.heard if envelope.id in before]
    assert [envelope.revision for envelope in alone] == [1, 2]
    assert all(before[envelope.id] == envelope.body for envelope in alone)
    assert sum(json.loads(e.body).get("count", 1) for e in a.heard) == 5


def test_what_was_purged_is_not_sent(desk: Desk) -> None:
    a = desk.channel("a")
    (one, two) = desk.put(desk.event("t1", "a"), desk.event("t2", "a"))
    with State.open(desk.workspace) as state, state.transaction():
        state.run("DELETE FROM alert_revision WHERE alert_id = :id", {"id": one})
        outbox.forget(state, [])
    desk.send()
    assert a.ids == [f"{two}.1"]
    assert desk.rows("SELECT last_error FROM outbox WHERE state = 'dead'") == [("no longer recorded",)]


def test_one_test_alert_a_day_to_the_channels_that_want_it(desk: Desk) -> None:
    a, b = desk.channel("a"), desk.channel("b", daily_test=False)
    for hours in (0, 1, 5, 24, 25):
        desk.now = (NOW // DAY) * DAY + hours * 3600
        with State.open(desk.workspace) as state:
            if upkeep.test_due(state, desk.channels, desk.now):
                with state.transaction():
                    assert upkeep.daily_test(state, desk.channels, desk.now)
        desk.send()
    assert len(a.heard) == 2
    assert b.heard == []
    assert json.loads(a.heard[0].body)["details"]["test"] is True


# ---- what may leave

ALERT = {
    "schema": "tracer.alert/1", "alert_id": "ab" * 32, "revision": 1, "alert_type": "transfer", "severity": "high",
    "watch": {"id": "w", "label": "the suspect", "tags": []}, "chain": "bitcoin", "txid": "cd" * 32,
    "validity": "valid",
}  # fmt: skip
LEAVES = [
    # internal, third party, content allowed, marking, protected -> what goes out
    (True, False, False, "TLP:RED", True, "full"),
    (False, False, False, "", False, "full"),
    (False, False, False, "TLP:AMBER", False, "full"),
    (False, False, False, "TLP:AMBER+STRICT", False, "full"),
    (False, False, False, "TLP:RED", False, "named"),
    (False, False, False, "", True, "named"),
    (False, True, False, "", False, "bare"),
    (False, True, False, "TLP:CLEAR", True, "bare"),
    (False, True, True, "", False, "full"),
    (False, True, True, "TLP:AMBER", False, "full"),
    (False, True, True, "", True, "named"),
    (False, True, True, "TLP:AMBER+STRICT", False, "bare"),
    (False, True, True, "TLP:RED", True, "bare"),
]


@pytest.mark.parametrize(("internal", "third", "allowed", "marking", "protected", "how"), LEAVES)
def test_what_of_an_alert_leaves(
    internal: bool, third: bool, allowed: bool, marking: str, protected: bool, how: str
) -> None:
    channel = Channel("c", "ear", Ear, internal, third, allowed)
    told = notice.Told("ab" * 32, 1, json.dumps(ALERT), marking, protected)
    for sent in (notice.envelope(channel, told), notice.digest(channel, "digest-x", [told, told])):
        everything = sent.body.decode() + sent.title + sent.text
        assert ("ab" * 32) in everything
        assert ("transfer" in everything) == (how in ("full", "named"))
        for secret in ("suspect", "cd" * 32, "bitcoin", "high"):
            assert (secret in everything) == (how == "full"), secret
    if how != "full":
        said = json.loads(notice.envelope(channel, told).body)
        assert said["schema"] == "tracer.alert_notice/1"
        assert said["withheld"]


@settings(max_examples=50, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.text(max_size=8), lambda c: st.dictionaries(st.text(max_size=5), c)
    )
)
def test_no_label_breaks_a_headline(details: Any) -> None:
    alert = {**ALERT, "watch": {"label": str(details)}, "details": details}
    assert "\n" not in notice.headline(alert)
    lines = notice.prose(alert).split("\n")
    assert not any(unicodedata.category(letter) in ("Cc", "Cf", "Cs") for line in lines for letter in line)


@pytest.fixture(autouse=True)
def _no_threads_left() -> Iterator[None]:
    yield
    names = [thread.name for thread in threading.enumerate() if thread.name.startswith("channel-")]
    assert names == []


# ---- clocks that are set back, second channels that are dead too, what is known later


def test_what_a_clock_that_was_set_back_left_in_the_future_is_sent(desk: Desk) -> None:
    a = desk.channel("a", lambda number, _envelope: None if number else down(0, _envelope))
    desk.put(desk.event("t1", "a"), desk.event("t2", "a", watch="w-2"))
    with State.open(desk.workspace) as state, state.transaction():
        outbox.settle(state, desk.channels["a"], desk.now)
        outbox.claim(state, "a", "the dead one", desk.now, LEASE, 1)
    desk.send()
    desk.put(desk.event("t3", "a", watch="w-3"))
    desk.now -= 3 * DAY
    for _ in range(4):
        desk.now += LEASE
        desk.send()
    assert len(set(a.ids)) == 3


def test_a_dispatcher_at_work_survives_a_clock_that_is_set_back(desk: Desk) -> None:
    a = desk.channel("a", lambda number, _envelope: None if number else down(0, _envelope))
    desk.put(desk.event("t1", "a"))
    stop = threading.Event()
    work = threading.Thread(target=desk.dispatcher().follow, args=(stop,))
    work.start()
    ends = time.monotonic() + 10
    while not a.calls and time.monotonic() < ends:
        time.sleep(0.01)
    time.sleep(0.3)
    desk.now -= 3 * DAY
    time.sleep(0.3)
    desk.now += 10
    while not a.heard and time.monotonic() < ends:
        time.sleep(0.01)
    stop.set()
    work.join()
    assert len(a.heard) == 1


def test_a_channel_that_was_taken_down_ends_a_run_whatever_the_clock_says(desk: Desk) -> None:
    a = desk.channel("a")
    desk.put(desk.event("t1", "a"))
    with State.open(desk.workspace) as state, state.transaction():
        outbox.gone(state, "a", "took this channel down (HTTP 410)", desk.now)
    desk.now -= 1
    assert desk.dispatcher().until_idle().troubles == {"a": "took this channel down (HTTP 410)"}
    assert a.calls == 0
    assert desk.states() == {"dead": 1}


def test_a_dead_letter_whose_second_channel_is_dead_too_is_told_to_a_third(desk: Desk) -> None:
    def refuses(_number: int, _envelope: Envelope) -> None:
        raise Refused("no")

    a, b, c = desk.channel("a", refuses, fallback="b"), desk.channel("b", refuses), desk.channel("c")
    (alert,) = desk.put(desk.event("t1", "a"))
    for _ in range(3):
        desk.send()
        desk.now += 2 * upkeep.TELL_EVERY
    assert (a.calls, b.calls) == (1, 1)
    assert [json.loads(envelope.body)["details"]["alerts"] for envelope in c.heard] == [[f"{alert}.1"]]


def test_a_digest_never_overtakes_an_earlier_revision_that_is_held_longer(desk: Desk) -> None:
    a = desk.channel("a", digest=3600.0)
    event = desk.event("t1", watch="w-9")
    with State.open(desk.workspace) as state, state.transaction():
        alerts.raise_alerts(state, [event], now=desk.now)
        held = {"watch_id": "w-9", "late": False, "now": desk.now, "hold_until": NOW + DAY}
        outbox.put(state, event.alert_id, 1, ["a"], **held)  # type: ignore[arg-type]
        alerts.retract_above(state, "bitcoin", 0, now=desk.now)
    desk.send()
    desk.now += 3 * 3600
    desk.send()
    assert a.heard == []
    desk.now = NOW + DAY
    desk.send()
    assert [alert["revision"] for alert in json.loads(a.heard[0].body)["alerts"]] == [1, 2]


def test_what_is_known_of_a_victim_only_later_leaves_with_no_revision(desk: Desk) -> None:
    a, b = desk.channel("a", internal=False), desk.channel("b", internal=False, digest=3600.0)
    desk.put(desk.event("t1", "a", "b", at="mempool"))
    desk.put(desk.event("t1", "a", "b", protected=True, tlp="TLP:RED"))
    desk.send()
    desk.now += 3600
    desk.send()
    sent = [json.loads(envelope.body) for envelope in a.heard] + json.loads(b.heard[0].body)["alerts"]
    assert [said["schema"] for said in sent] == ["tracer.alert_notice/1"] * 4
    assert all(envelope.protected and envelope.marking == "TLP:RED" for envelope in (*a.heard, *b.heard))


def test_a_dead_digest_counts_as_the_alerts_in_it(desk: Desk) -> None:
    def refuses(_number: int, _envelope: Envelope) -> None:
        raise Refused("too long")

    desk.channel("a", refuses)
    desk.put(*(desk.event(f"t{number}", "a", late=True) for number in range(3)))
    desk.send(flush=True)
    with State.open(desk.workspace) as state:
        assert [(row["waiting"], row["dead"]) for row in outbox.health(state)] == [(0, 3)]
