"""A scenario of an account chain in a real workspace: loaded by the real loader, claims imported.

case = AccountCase(tmp_path, rows, tags=[tag("hot", "acme", role="hot")])
found = case.trace("thief", method="fifo")
found.totals  ->  {"ETH": {"seed": 5, "services": 4, "fees": 1}}      only what is not zero, by asset
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from rules import clustering
from tests.scenarios.accounts import CHAIN, Opening, Row, Token, Tx, built, shown
from tracer.flow.question import Question
from tracer.flow.trace import trace
from tracer.intel.claims import Tag
from tracer.intel.reading import Reading
from tracer.intel.snapshot import Snapshot
from tracer.intel.store import add
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace


def tag(
    address: str, actor: str = "", *, category: str = "exchange", role: str = "", since: str = "", until: str = ""
) -> Tag:  # fmt: skip
    """A claim about one named account, from a day on and up to one."""
    key = CHAIN.parse_address(address)
    label = f"{actor or category} {role}".strip()
    return Tag(
        CHAIN.name, address, key.kind, key.payload, label, category, actor, role, "service_data", "a list",
        "2020-01-01", False, valid_from=since, valid_to=until,
    )  # fmt: skip


@dataclass(frozen=True)
class AccountFound:
    """A document by names: assets by their symbol, transactions as scenarios call them, amounts as integers."""

    document: dict[str, Any]
    names: dict[str, str]

    @property
    def totals(self) -> dict[str, dict[str, int]]:
        """Asset -> buckets that hold anything."""
        return {
            row["asset"]: {k: int(v) for k, v in row.items() if k not in _WORDS and int(v)}
            for row in self.document["totals"]
        }

    @property
    def legs(self) -> list[tuple[str, str, str, str, int, int]]:
        """(service, role, address, `transaction:position`, on chain, traced), as listed."""
        return [
            (
                row["entity"], leg["role"], leg["address"],
                f"{self.names[leg['txid']]}:{leg['transfer_index']}",
                int(leg["amount_onchain"]["base_units"]), int(leg["amount_traced"]["base_units"]),
            )
            for row in self.document["endpoints"] for leg in row["legs"]
        ]  # fmt: skip

    @property
    def endpoints(self) -> dict[tuple[str, str], int]:
        """(service, asset) -> base units."""
        return {
            (row["entity"], row["amount"]["asset"]): int(row["amount"]["base_units"])
            for row in self.document["endpoints"]
        }

    def rests(self, key: str = "unspent") -> dict[tuple[str, str], int]:
        """(account, asset) -> base units."""
        return {
            (row["address"], row["amount"]["asset"]): int(row["amount"]["base_units"])
            for row in self.document[key]
        }

    @property
    def stops(self) -> list[tuple[str, str, str, str, int]]:
        """(reason, address, transaction, asset, base units), as listed."""
        return [
            (r["reason"], r["address"], self.names[r["txid"]], r["amount"]["asset"], int(r["amount"]["base_units"]))
            for r in self.document["stops"]
        ]  # fmt: skip

    @property
    def conversions(self) -> list[tuple[str, str, str, int | None, str, str, int | None]]:
        """(kind, who gave, asset, traced, who got, asset, traced)."""
        found = []
        for row in self.document["conversions"]:
            sides = []
            for side in (row["from"], row["to"]):
                traced = side["amount_traced"]
                sides += [side["address"], traced and traced["asset"], traced and int(traced["base_units"])]
            found.append((row["kind"], *sides))
        return found

    @property
    def notes(self) -> str:
        """All that coverage says."""
        return "\n".join(self.document["coverage"]["notes"])

    def paths(self) -> list[list[str]]:
        """Path of every leg by names."""
        return [
            [self.names[t] for t in leg["path"]] for row in self.document["endpoints"] for leg in row["legs"]
        ]


_WORDS = ("chain", "asset", "asset_id", "decimals")


class AccountCase:
    """A workspace that holds one scenario."""

    def __init__(
        self,
        folder: Path,
        rows: Sequence[Row],
        *,
        tags: Iterable[Tag] = (),
        balances: Sequence[Opening] = (),
        told: Sequence[Token] = (),
        first: int = 0,
        untraced: Collection[int] = (),
        threads: int | None = None,
    ) -> None:
        self.rows, self.threads = rows, threads
        self.names = {shown(row.name): row.name for row in rows if isinstance(row, Tx)}
        self.names |= {f"block {height}": f"block {height}" for height in range(len(rows) + first)}
        self.workspace = Workspace(folder)
        built(folder, rows, balances=balances, told=told, first=first, untraced=untraced).db.close()
        add(self.workspace, [Reading.of("tags", tags)])

    @cached_property
    def snapshot(self) -> Snapshot:
        """The claims."""
        return Snapshot.open(self.workspace)

    def seed(self, text: str) -> str:
        """A seed with scenario names, as the command line takes it: `pay:0`, `pay@alice`, `alice`."""
        for mark in (":", "@"):
            name, found, rest = text.partition(mark)
            if found and shown(name) in self.names:
                return f"{shown(name)}{mark}{rest}"
        return shown(text) if shown(text) in self.names else text

    def documents(self, *seeds: str, **question: Any) -> dict[str, Any]:
        """The document of a question, whole."""
        with Ledger.open(self.workspace, CHAIN, threads=self.threads) as ledger:
            asked = Question(tuple(self.seed(text) for text in seeds), **question)
            return trace(ledger, self.snapshot, asked, rules=clustering(), engine="test")

    def trace(self, *seeds: str, method: str = "fifo", **question: Any) -> AccountFound:
        """One method's answer by names."""
        return AccountFound(self.documents(*seeds, methods=(method,), **question), self.names)
