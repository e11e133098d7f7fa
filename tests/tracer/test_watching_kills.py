"""A watcher that is killed at any moment leaves the record of one that was not: ids, revisions, states, outbox."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path
from typing import Any

from tests.cli.forking import Started
from tests.conftest import scaled
from tests.oracle_watching import OracleWatch, expected
from tests.scenarios.case import tag, vasp
from tests.scenarios.drawn_town import SERVICES, grown
from tests.scenarios.ledger import Tx
from tests.scenarios.watched import Town
from tracer.state import State

TAGS = [tag(name, name.removesuffix("hot"), role="hot") for name in SERVICES]
VASPS = [vasp("acme", "none"), vasp("zeta", "full")]
MOST_SECONDS = 1.5
"""A turn of this drill takes less on a busy machine: kills fall anywhere in it."""


def record(town: Town) -> dict[str, Any]:
    """All that is kept: alerts, revisions, what is to be sent, cursor and trail."""
    with State.open(town.workspace) as state:
        return {
            name: state.rows(sql)
            for name, sql in {
                "alert": "SELECT alert_id, revision, chain_state, validity, height, document FROM alert ORDER BY 1",
                "revision": "SELECT alert_id, revision, document FROM alert_revision ORDER BY 1, 2",
                "outbox": "SELECT alert_id, revision, channel FROM outbox ORDER BY 1, 2, 3",
                "cursor": "SELECT chain, height, hash FROM watch_cursor",
                "block": "SELECT height, hash FROM watch_block ORDER BY 1",
                "lot": "SELECT * FROM watch_lot ORDER BY 1, 2, 3",
            }.items()
        }


def turn(town: Town, kill_after: float | None) -> bool:
    """Run one turn in a process; whether it came to its end."""
    process = Started(
        [str(town.workspace.root), str(town.now)], os.environ, module="tests.scenarios.watched_process"
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n", process.communicate()[1]
    if kill_after is not None:
        time.sleep(kill_after)
        process.send_signal(signal.SIGKILL)
    out, err = process.communicate(timeout=120)
    assert process.returncode in (0, -signal.SIGKILL), err
    return "done" in out


def test_kills_leave_exactly_what_a_run_without_them_leaves(tmp_path: Path, dice: random.Random) -> None:
    killed, never = (Town(tmp_path / name, tags=TAGS, vasps=VASPS) for name in ("killed", "never"))
    never.runner = never.started(channels=("a", "b"))
    rows: list[Tx] = grown([], 1, dice, "g")
    for town in (killed, never):
        town.extend(rows)
        town.watch("ann", "bob", start_height=0)
        town.watch("eve", on="transfer,reached_service", trail=4, start_height=0)
    never.run()
    assert turn(killed, None)
    kills, wanted, step = 0, scaled(4, full=200), 0
    while kills < wanted:
        step += 1
        depth = min(dice.randrange(0, 11), len(rows) - 1) if dice.random() < 0.5 else 0
        rows = grown(rows[: len(rows) - depth], depth + dice.randrange(1, 12), dice, f"s{step}")
        for town in (killed, never):
            town.extend(rows)
        never.run()
        while not turn(killed, dice.random() * MOST_SECONDS):
            kills += 1
    assert record(killed) == record(never)
    watches = [
        OracleWatch("ann"),
        OracleWatch("bob"),
        OracleWatch("eve", ("transfer", "reached_service"), trail=4),
    ]
    killed.rows = list(rows)
    assert killed.told() == expected(rows, watches, frozenset(SERVICES))
    sent, revisions = (len(record(killed)[table]) for table in ("outbox", "revision"))
    assert sent == 2 * revisions
