"""A scenario under watch: blocks come one by one or in heaps, branches are lost, and the record is read back by names.

town = Town(tmp_path, tags=[tag("acmehot", "acme", role="hot")])
town.extend(ROWS[:3])
town.watch("eve", on="transfer")
town.extend(ROWS)
town.run()
town.alerts()  ->  {("transfer", "eve", "pay", "outbound", 5, "confirmed", "valid")}
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from rules import clustering
from tests.scenarios.case import CHAIN
from tests.scenarios.ledger import GENESIS_TIME, Tx, batch, shown, since
from tracer.chain import Chain
from tracer.clustering import build, constraints
from tracer.intel.claims import Claim, ClaimKind
from tracer.intel.reading import Reading
from tracer.intel.snapshot import Snapshot
from tracer.intel.store import add
from tracer.ledger.ingest import Loader
from tracer.ledger.store import Ledger
from tracer.state import State
from tracer.watching import store
from tracer.watching.model import Settings, Watch, utc, watch_id
from tracer.watching.runner import Runner
from tracer.watching.tools import Tools, Turn
from tracer.workspace import Workspace

NOW = float(GENESIS_TIME + 40 * 600)
SOON = 10_000_000.0
"""So that nothing in a scenario is late."""


def watch(text: str, *, on: str = "transfer", chain: Chain = CHAIN, **more: Any) -> Watch:
    """A watch as `tracer watch add` makes it; `more`: fields of `Settings` or of `Watch`."""
    kind, _, subject = text.rpartition(":")
    kind = kind or "address"
    types = tuple(sorted(on.split(",")))
    settings = Settings(**{k: v for k, v in more.items() if k in Settings.__dataclass_fields__})
    words = {k: v for k, v in more.items() if k not in Settings.__dataclass_fields__}
    name = watch_id(chain.name, kind, subject, types, settings, words.get("case_id", ""))
    key = None if kind == "tag" else chain.parse_address(subject)
    return Watch(name, chain.name, kind, subject, key, types, settings, label=text, added=utc(NOW), **words)  # type: ignore[arg-type]


class Town:
    """A workspace whose chain grows as told."""

    def __init__(self, folder: Path, **claims: Iterable[Claim]) -> None:
        self.workspace = Workspace(folder).ready()
        self.rows: list[Tx] = []
        self.now = NOW
        for kind, said in claims.items():
            self.claim(kind, *said)  # type: ignore[arg-type]
        self.runner = self.started()

    def claim(self, kind: ClaimKind, *claims: Claim) -> str:
        """Import claims; -> the snapshot after them."""
        return add(self.workspace, [Reading.of(kind, claims)]).snapshot_id

    def started(self, **options: Any) -> Runner:
        """A runner as a new process has it."""
        tools = Tools(
            lambda: Ledger.open(self.workspace, CHAIN),
            self.linked,
            lambda i: Snapshot.open(self.workspace, i),
        )
        return Runner(CHAIN, replace(tools, **options), late=SOON)

    @contextmanager
    def linked(self, snapshot: Snapshot) -> Iterator[Ledger]:
        """The facts with clusters at the tip."""
        with Ledger.open(self.workspace, CHAIN, read_only=False) as ledger:
            build.update(ledger, clustering(), constraints.load(ledger, snapshot))
        with Ledger.open(self.workspace, CHAIN) as ledger:
            yield ledger

    def extend(self, rows: Sequence[Tx]) -> None:
        """Make these rows the best chain: what they share with the chain so far stays, the rest is lost."""
        common = 0
        while common < min(len(rows), len(self.rows)) and rows[common] == self.rows[common]:
            common += 1
        with Ledger.open(self.workspace, CHAIN, read_only=False) as ledger:
            lost = common < len(self.rows)
            new = since(batch(rows), common)
            if new.blocks.num_rows:
                Loader(ledger).load([new], reorg_to=common - 1 if lost else None)
        self.rows = list(rows)

    def watch(self, *texts: str, **options: Any) -> list[str]:
        """Add watches; their ids."""
        made = [watch(text, **options) for text in texts]
        with State.open(self.workspace) as state:
            with Ledger.open(self.workspace, CHAIN) as ledger:
                tip = ledger.tip()
            start = options.get("start_height", tip.height if tip else None)
            store.put(state, [replace(w, start_height=start) for w in made])
        return [w.watch_id for w in made]

    def run(self) -> Turn:
        """One turn of a watcher."""
        with State.open(self.workspace) as state:
            return self.runner.once(state, now=self.now)

    def documents(self) -> list[dict[str, Any]]:
        """The newest revision of every alert, by id."""
        with State.open(self.workspace) as state:
            return [
                json.loads(text) for (text,) in state.rows("SELECT document FROM alert ORDER BY alert_id")
            ]

    def alerts(self) -> set[tuple[Any, ...]]:
        """(type, label of the watch, transaction by name, direction, base units, chain state, validity)."""
        names = {shown(row.name): row.name for row in self.rows}
        return {
            (
                d["alert_type"], d["watch"]["label"], names.get(d["txid"], "?") if d["txid"] else None, d["direction"],
                int(d["amount"]["base_units"]) if d["amount"] else None, d["chain_state"], d["validity"],
            )
            for d in self.documents()
        }  # fmt: skip

    def told(self) -> set[tuple[Any, ...]]:
        """The same of valid alerts, without the states."""
        return {row[:5] for row in self.alerts() if row[6] == "valid"}
