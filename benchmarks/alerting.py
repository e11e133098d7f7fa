"""From a block that is there to the webhook that tells of it: `tracer watch run --follow` beside a real receiver."""

from __future__ import annotations

import os
import random
import shutil
import time
from pathlib import Path

from tests.cli import test_watch_drill as drill
from tests.nodes.receivers import hook, mailbox

BLOCKS, PAYMENTS = 60, 5


def measure(_root: Path, bench: Path, _runs: int) -> list[str]:
    """Lines of the page: median, p95 and longest wait over all blocks."""
    folder = bench / "alerting"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.environ["DRILL_SECRET"] = drill.SECRET
    with hook() as receiver, mailbox() as box:
        town = drill.Town(folder / "blk.dat", random.Random(1))
        town.begin(BLOCKS * PAYMENTS)
        workspace = folder / "w"
        workspace.mkdir()
        (workspace / "channels.toml").write_text(drill.CHANNELS.format(url=receiver.url, port=box.port))
        drill.watches(workspace, town, folder / "watches.csv")
        with drill.watcher(workspace, town.path, folder / "log") as running:
            drill.wait_for_life(workspace, running)
            waits = []
            for _ in range(BLOCKS):
                town.live(PAYMENTS)
                before = len(receiver.taken)
                town.save()
                saved = time.time()
                told: list[float] = []
                while len(told) < PAYMENTS:
                    time.sleep(0.005)
                    news = receiver.taken[before:]
                    told = [got.time for got in news if got.document.get("chain_state") == "confirmed"]
                waits.append(max(told) - saved)
                time.sleep(0.3)
    waits.sort()
    median, p95 = waits[len(waits) // 2], waits[int(0.95 * len(waits))]
    return [
        f"{BLOCKS} blocks of {PAYMENTS} payments to watched addresses, one webhook each, looked for every 0.05 s: "
        f"block there to the last of its webhooks received: median {median:.2f} s, p95 {p95:.2f} s, "
        f"longest {waits[-1]:.2f} s.",
    ]
