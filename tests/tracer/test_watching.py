"""Watches on chains by name: what is raised, once, by whom, and what a lost branch takes back."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rules import clustering, policies
from tests.conftest import scaled
from tests.oracle_watching import OracleWatch, expected
from tests.scenarios.case import tag, vasp
from tests.scenarios.drawn_town import PEOPLE, SERVICES, grown
from tests.scenarios.ledger import Tx, shown
from tests.scenarios.watched import NOW, Town
from tracer.errors import ReorgedAway
from tracer.intel.snapshot import Snapshot
from tracer.ledger.store import Ledger
from tracer.screening.policy import parse
from tracer.screening.screen import Asked, Screening
from tracer.state import State
from tracer.watching import cursor, store
from tracer.watching.exposure import Screen
from tracer.watching.model import utc

TAGS = [tag(name, name.removesuffix("hot"), role="hot") for name in SERVICES]
VASPS = [vasp("acme", "none"), vasp("zeta", "full")]
HISTORY = [
    Tx("fund", outs=[("eve", 10)]),
    Tx("more", outs=[("eve", 4)]),
    Tx("pay", ins=["fund:0"], outs=[("ann", 6), ("eve", 3)]),  # fee 1
    Tx("gather", ins=["pay:1", "more:0"], outs=[("eve", 6)]),  # fee 1, back to eve
    Tx("hop", ins=["pay:0"], outs=[("bob", 4), ("ann", 2)]),
    Tx("cash", ins=["hop:0"], outs=[("acmehot", 4)]),
    Tx("straight", ins=["gather:0"], outs=[("zetahot", 5), ("eve", 1)]),
]


def town(folder: Path, **more: Any) -> Town:
    return Town(folder, tags=TAGS, vasps=VASPS, **more)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            {},
            {
                ("transfer", "eve", "more", "inbound", 4),
                ("transfer", "eve", "pay", "outbound", 7),
                ("transfer", "eve", "gather", "internal", 1),
                ("transfer", "eve", "straight", "outbound", 5),
            },
        ),
        ({"direction": "inbound"}, {("transfer", "eve", "more", "inbound", 4)}),
        ({"min_units": 6}, {("transfer", "eve", "pay", "outbound", 7)}),
        ({"counterparty": "kyc:full"}, {("transfer", "eve", "straight", "outbound", 5)}),
        ({"counterparty": "kyc:none"}, set()),
        ({"on": "reached_service"}, {("reached_service", "eve", "straight", "outbound", 5)}),
        ({"on": "reached_service", "trail": 2}, {("reached_service", "eve", "straight", "outbound", 5)}),
        (
            {"on": "reached_service", "trail": 3},
            {
                ("reached_service", "eve", "straight", "outbound", 5),
                ("reached_service", "eve", "cash", "outbound", 4),
            },
        ),
        ({"start_height": 5}, {("transfer", "eve", "straight", "outbound", 5)}),
    ],
)
def test_what_a_watch_raises(tmp_path: Path, options: dict[str, Any], told: set[Any]) -> None:
    here = town(tmp_path)
    here.extend(HISTORY[:1])
    here.watch("eve", **options)
    here.run()
    here.extend(HISTORY)
    here.run()
    assert here.told() == told
    before = here.documents()
    here.run()
    assert here.documents() == before


def test_an_alert_holds_legs_block_counterparty_and_where_a_request_goes(tmp_path: Path) -> None:
    here = town(tmp_path)
    here.extend(HISTORY[:1])
    here.watch("eve", on="reached_service", trail=3)
    here.run()
    here.extend(HISTORY)
    here.run()
    (cash,) = [d for d in here.documents() if d["details"]["hops"] == 3]
    assert (cash["schema"], cash["revision"], cash["severity"], cash["late"]) == (
        "tracer.alert/1",
        1,
        "high",
        False,
    )
    assert cash["counterparty"]["vasp_id"] == "acme"
    assert cash["counterparty"]["kyc_level"] == "none"
    assert [leg["amount"]["base_units"] for leg in cash["legs"]] == ["4", "4"]
    assert cash["details"]["services"][0]["request_to"]["name"] == "Acme"
    assert cash["block"]["height"] == 5


def screened(ledger: Ledger, snapshot: Snapshot) -> Screen:
    """Screening by the published default policy, as the command line has it."""
    policy = parse(policies.load("default"), "default.yml")
    screening = Screening(ledger, snapshot, policy, Asked(evaluated_at=int(NOW)), rules=clustering())
    return lambda _policy, subjects: list(screening.screen(subjects))


def test_money_from_extortion_raises_exposure_and_money_from_nobody_is_unknown_without_the_lists(
    tmp_path: Path,
) -> None:
    here = town(tmp_path)
    here.claim("tags", tag("cid", "gang", category="ransomware", confidence="ownership"))
    rows = [
        Tx("loot", outs=[("cid", 100_000_000)]),
        Tx("clean", outs=[("dan", 100_000_000)]),
        Tx("begin", outs=[("bob", 1)]),
        Tx("bad", ins=["loot:0"], outs=[("eve", 90_000_000), ("cid", 10_000_000)]),
        Tx("good", ins=["clean:0"], outs=[("eve", 50_000_000), ("dan", 50_000_000)]),
        Tx("back", ins=["bad:0"], outs=[("cid", 90_000_000)]),
    ]
    here.extend(rows[:3])
    here.watch("eve", on="exposure")
    here.runner = here.started(screen=screened)
    here.run()
    here.extend(rows)
    here.run()
    assert here.told() == {
        ("exposure", "eve", "bad", "inbound", 90_000_000),
        ("exposure", "eve", "good", "inbound", 50_000_000),
        ("exposure", "eve", "back", "outbound", 90_000_000),
    }
    bad, good = sorted(
        (d for d in here.documents() if d["direction"] == "inbound"), key=lambda d: d["block"]["height"]
    )
    assert (good["severity"], good["exposure"]["verdict"]) == (None, "unknown")
    assert bad["exposure"]["verdict"] in ("review", "block")
    assert bad["severity"] == bad["exposure"]["risk"]
    assert {row["category"] for row in bad["exposure"]["exposures"]} == {"ransomware"}


def test_a_cluster_is_watched_by_its_members_and_falls_back_when_it_overgrows(tmp_path: Path) -> None:
    here = town(tmp_path)
    rows = [
        Tx("a", outs=[("ann", 5)]),
        Tx("b", outs=[("bob", 5)]),
        Tx("both", ins=["a:0", "b:0"], outs=[("cid", 10)]),  # ann and bob are one
        Tx("bobs", outs=[("bob", 7)]),
    ]
    here.extend(rows[:3])
    here.watch("cluster:ann")
    here.run()
    here.extend(rows)
    here.run()
    assert here.told() == {("transfer", "cluster:ann", "bobs", "inbound", 7)}
    here.claim("tags", tag("bob", "zeta", role="hot", confidence="ownership"))
    rows = [*rows, Tx("again", outs=[("bob", 3)]), Tx("anns", outs=[("ann", 2)])]
    here.extend(rows)
    here.run()
    assert here.told() == {
        ("transfer", "cluster:ann", "bobs", "inbound", 7),
        ("watch_overgrown", "cluster:ann", None, None, None),
        ("transfer", "cluster:ann", "anns", "inbound", 2),
    }
    here.run()
    assert sum(row[0] == "watch_overgrown" for row in here.alerts()) == 1


def test_a_merge_of_a_watched_cluster_is_told(tmp_path: Path) -> None:
    names = ("ann", "bob", "cid", "dan")
    rows = [Tx(f"f{name}{n}", outs=[(name, 5)]) for n in range(2) for name in names]
    rows += [
        Tx("left", ins=["fann0:0", "fbob0:0"], outs=[("eve", 10)]),
        Tx("right", ins=["fcid0:0", "fdan0:0"], outs=[("eve", 10)]),
        Tx("one", ins=["fann1:0", "fcid1:0"], outs=[("eve", 10)]),
    ]
    here = town(tmp_path)
    here.extend(rows[:-1])
    here.watch("cluster:ann", "dan", on="cluster_merge")
    here.run()
    here.extend(rows)
    here.run()
    told = {(d["alert_type"], d["watch"]["label"], d["details"]["kept_addresses"]) for d in here.documents()}
    assert told == {("cluster_merge", "cluster:ann", 2), ("cluster_merge", "dan", 2)}


def test_a_spend_after_days_of_silence_is_a_wake_and_only_where_these_days_were_read(tmp_path: Path) -> None:
    rows = [
        Tx("old", outs=[("eve", 10)], day=0),
        Tx("first", ins=["old:0"], outs=[("eve", 5), ("ann", 5)], day=1),
        Tx("new", outs=[("bob", 9)], day=250),
        Tx("wake", ins=["first:0"], outs=[("cid", 5)], day=300),
        Tx("soon", ins=["new:0"], outs=[("cid", 9)], day=301),
    ]
    here = town(tmp_path)
    here.extend(rows[:1])
    here.watch("eve", "bob", on="dormant_wake", dormant_days=180)
    here.run()
    here.extend(rows)
    here.run()
    assert here.told() == {("dormant_wake", "eve", "wake", "outbound", 5)}
    (wake,) = here.documents()
    assert wake["details"]["last_movement"]["time"].startswith("2020-09-14")


def test_claims_that_come_and_go_are_told_by_their_ids(tmp_path: Path) -> None:
    here = town(tmp_path)
    here.extend(HISTORY)
    here.watch("eve", on="tag_change,sanction_added")
    here.watch("cluster:eve", "tag:eviltwin", on="tag_change")
    here.run()
    assert here.documents() == []
    here.claim("tags", tag("eve", "evil", category="ransomware"), tag("ann", "eviltwin"))
    here.claim("tags", tag("eve", "", category="sanction", label="SDN eve"))
    here.run()
    told = sorted((d["alert_type"], d["watch"]["label"], d["details"]["label"]) for d in here.documents())
    assert told == [
        ("sanction_added", "eve", "SDN eve"),
        ("tag_change", "cluster:eve", "SDN eve"),
        ("tag_change", "cluster:eve", "evil"),
        ("tag_change", "eve", "evil"),
        ("tag_change", "tag:eviltwin", "eviltwin"),
    ]
    assert {d["event_key"] for d in here.documents()} == {d["details"]["claim"] for d in here.documents()}
    here.run()
    assert len(here.documents()) == 5


def test_a_lost_branch_takes_its_alerts_back_and_mines_them_again_with_the_same_ids(tmp_path: Path) -> None:
    here = town(tmp_path)
    here.extend(HISTORY[:2])
    here.watch("eve")
    here.run()
    here.extend(HISTORY[:4])
    here.run()
    other = [*HISTORY[:2], Tx("x", outs=[("dan", 1)]), Tx("y", outs=[("dan", 1)]), HISTORY[2]]
    here.extend(other)
    here.run()
    by_name = {row[2]: row[5:] for row in here.alerts()}
    assert by_name == {"pay": ("confirmed", "valid"), "?": ("reorged", "retracted")}
    revisions = {d["validity"]: d["revision"] for d in here.documents()}
    assert revisions == {"valid": 3, "retracted": 2}  # raised, taken back, mined again


def test_enough_blocks_make_it_final(tmp_path: Path) -> None:
    here = town(tmp_path)
    here.extend(HISTORY[:1])
    here.watch("eve", direction="inbound")
    here.run()
    here.extend(HISTORY[:2])
    here.run()
    assert [row[5] for row in here.alerts()] == ["confirmed"]
    here.extend([*HISTORY[:2], *(Tx(f"n{n}", outs=[("dan", 1)]) for n in range(5))])
    here.run()
    assert [row[5:] for row in here.alerts()] == [("final", "valid")]
    assert [d["revision"] for d in here.documents()] == [2]


def test_a_watch_stops_and_purges_itself_and_its_alerts_stay(tmp_path: Path) -> None:
    here = town(tmp_path)
    here.extend(HISTORY[:1])
    here.watch("eve", expires=utc(NOW + 100), case_id="K-1", owner="li", basis="warrant")
    here.run()
    here.extend(HISTORY[:3])
    here.run()
    assert len(here.told()) == 2
    here.now = NOW + 101
    here.extend(HISTORY)
    assert here.run().purged == 1
    assert len(here.told()) == 2
    with State.open(here.workspace) as state:
        assert store.watches(state) == []
        (gone,) = store.purges(state)
        assert (gone.reason, gone.case_id, gone.owner, gone.basis, gone.alerts) == (
            "expired",
            "K-1",
            "li",
            "warrant",
            2,
        )


def test_a_chain_that_is_gone_is_said_and_a_restart_takes_all_back(tmp_path: Path) -> None:
    here = town(tmp_path)
    here.extend(HISTORY[:1])
    here.watch("eve")
    here.run()
    here.extend(HISTORY[:4])
    here.run()
    here.workspace.chain_file("bitcoin-regtest").unlink()
    here.rows = []
    here.extend([Tx(f"other{n}", outs=[("dan", 1)]) for n in range(6)])
    with pytest.raises(ReorgedAway, match="--restart"):
        here.run()
    with State.open(here.workspace) as state:
        here.runner.restart(state, now=here.now)
        at = cursor.cursor(state, "bitcoin-regtest")
        assert at is not None
        assert at.height == 5
    here.run()
    assert {row[6] for row in here.alerts()} == {"retracted"}


def test_nothing_of_a_stalled_source_is_said_twice_and_it_is_taken_back(tmp_path: Path) -> None:
    here = town(tmp_path)
    here.extend(HISTORY[:1])
    here.watch("eve")
    here.runner = here.started()
    here.runner._max_lag = 1800.0
    here.run()
    here.now += 1801
    here.run()
    here.now += 600
    here.run()
    assert [row[0] for row in here.alerts()] == ["source_stalled"]
    assert {row[6] for row in here.alerts()} == {"valid"}
    here.extend(HISTORY[:2])
    here.run()
    assert {(row[0], row[6]) for row in here.alerts()} == {
        ("source_stalled", "retracted"),
        ("transfer", "valid"),
    }


def test_a_cooldown_holds_notifications_back_and_never_the_record(tmp_path: Path) -> None:
    here = town(tmp_path)
    here.extend(HISTORY[:1])
    here.watch("eve", cooldown=600, channels=("desk",))
    here.watch("ann", channels=("desk", "mail"))
    here.run()
    here.extend(HISTORY)
    here.run()
    with State.open(here.workspace) as state:
        rows = state.rows(
            "SELECT label, channel, outbox.state, count(*) FROM outbox JOIN watch USING (watch_id) "
            "GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
        )
        due = state.rows("SELECT DISTINCT due FROM outbox WHERE state = 'held'")
    assert rows == [
        ("ann", "desk", "new", 2),
        ("ann", "mail", "new", 2),
        ("eve", "desk", "held", 3),
        ("eve", "desk", "new", 1),
    ]
    assert due == [(round((NOW + 600) * 1000),)]


def test_marks_of_case_claims_and_victims_are_on_the_alert(tmp_path: Path) -> None:
    here = town(tmp_path)
    here.claim("tags", replace(tag("ann", "", category="victim", label="a person"), tlp="TLP:RED"))
    here.extend(HISTORY[:1])
    here.watch("eve", case_id="K-1", tlp="TLP:AMBER+STRICT")
    here.run()
    here.extend(HISTORY[:4])
    here.run()
    names = {shown(row.name): row.name for row in HISTORY}
    assert {(names[d["txid"]], d["tlp"], d["protected"]) for d in here.documents()} == {
        ("more", "TLP:AMBER+STRICT", False),
        ("pay", "TLP:RED", True),
        ("gather", "TLP:AMBER+STRICT", False),
    }


def test_two_watchers_of_one_chain_raise_each_alert_once(tmp_path: Path) -> None:
    here = town(tmp_path)
    here.extend(HISTORY[:1])
    here.watch(*PEOPLE)
    first, second = here.started(channels=("desk",)), here.started(channels=("desk",))
    for height in range(1, len(HISTORY) + 1):
        here.extend(HISTORY[:height])
        for runner in (first, second) if height % 2 else (second, first):
            here.runner = runner
            here.run()
    assert here.told() == expected(HISTORY, [OracleWatch(name) for name in PEOPLE])
    with State.open(here.workspace) as state:
        ((rows, revisions),) = state.rows(
            "SELECT (SELECT count(*) FROM outbox), (SELECT sum(revision) FROM alert)"
        )
    assert rows == revisions


def watches_of(here: Town) -> list[OracleWatch]:
    """Everybody's transfers, and two trails; the same for the engine."""
    here.watch(*PEOPLE, start_height=0)
    here.watch("eve", on="reached_service", trail=4, start_height=0)
    here.watch("ann", on="reached_service,transfer", trail=2, min_units=20, start_height=0)
    return [
        *(OracleWatch(name) for name in PEOPLE),
        OracleWatch("eve", ("reached_service",), trail=4),
        OracleWatch("ann", ("reached_service", "transfer"), trail=2, least=20),
    ]


@pytest.mark.parametrize("drill", range(scaled(2, full=100)))
def test_any_interleaving_of_blocks_branches_and_turns_leaves_what_the_best_chain_says(
    tmp_path: Path, dice: random.Random, drill: int
) -> None:
    """Branches to depth 10; a turn now and then, by an old watcher or a new one."""
    dice.seed(f"{dice.random()} {drill}")
    here = town(tmp_path)
    rows = grown([], 1, dice, "g")
    here.extend(rows)
    watches = watches_of(here)
    here.run()
    for step in range(dice.randrange(3, 8)):
        depth = dice.randrange(0, min(10, len(rows) - 1) + 1) if dice.random() < 0.6 else 0
        kept = rows[: len(rows) - depth]
        again = [row for row in rows[len(kept) :] if dice.random() < 0.3]  # some are mined again
        branch = grown(_sound(kept, again), depth + 1, dice, f"b{step}")
        rows = grown(branch, dice.randrange(0, 8), dice, f"c{step}")
        here.extend(rows)
        if dice.random() < 0.3:
            here.runner = here.started()
        if dice.random() < 0.7:
            here.run()
    here.run()
    assert here.told() == expected(rows, watches, frozenset(SERVICES))
    states = {(row[5] in ("confirmed", "final"), row[6]) for row in here.alerts()}
    assert states <= {(True, "valid"), (False, "retracted")}


def _sound(kept: list[Tx], again: list[Tx]) -> list[Tx]:
    """Of transactions of a lost branch those that can be mined again on what is left of it."""
    found = list(kept)
    for row in again:
        made = {f"{r.name}:{v}" for r in found for v in range(len(r.outs))}
        spent = {point for r in found for point in r.ins}
        if all(point in made and point not in spent for point in row.ins):
            found.append(row)
    return found


def test_one_turn_over_all_blocks_says_what_a_turn_for_each_says(tmp_path: Path, dice: random.Random) -> None:
    rows = grown([], scaled(8, full=400), dice, "g")
    one, each = town(tmp_path / "one"), town(tmp_path / "each")
    for here in (one, each):
        here.extend(rows[:1])
        watches = watches_of(here)
        here.run()
    one.extend(rows)
    one.run()
    for height in range(2, len(rows) + 1):
        each.extend(rows[:height])
        each.run()
    assert one.told() == each.told() == expected(rows, watches, frozenset(SERVICES))
    assert one.alerts() == each.alerts()
