"""A scenario in a real workspace: loaded by the real loader, clustered by the real rules, claims imported.

case = Case(tmp_path, rows, tags=[tag("hot", "binance", role="hot")], vasps=[vasp("binance", "none")])
found = case.trace("fund:0", method="fifo")
found.totals  ->  {"seed": 5, "services": 4, "fees": 1}      only what is not zero
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from typing import Any

from rules import clustering
from tests.scenarios.ledger import PlayChain, Tx, batch, shown, since
from tracer.clustering import build, constraints
from tracer.flow.question import Question
from tracer.flow.trace import trace
from tracer.intel.claims import Claim, ClaimKind, KycLevel, Tag, Vasp
from tracer.intel.reading import Reading
from tracer.intel.snapshot import Snapshot
from tracer.intel.store import add
from tracer.ledger.ingest import Loader
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace

CHAIN = PlayChain()


def tag(
    address: str,
    actor: str = "",
    *,
    category: str = "exchange",
    role: str = "",
    label: str = "",
    confidence: str = "service_data",
    definer: bool = False,
) -> Tag:
    """A claim about one named address."""
    key = CHAIN.parse_address(address)
    return Tag(
        CHAIN.name, address, key.kind, key.payload, label or f"{actor or category} {role}".strip(), category,
        actor, role, confidence, "a list", "2020-01-01", definer,
    )  # fmt: skip


def vasp(vasp_id: str, level: str, since: str = "2009-01-01", until: str = "") -> Vasp:
    """A dated statement about a service."""
    return Vasp(
        vasp_id,
        vasp_id.title(),
        "exchange",
        KycLevel(level),
        "XX",
        None,
        since,
        until,
        "",
        "a register",
        "",
        "",
    )


@dataclass(frozen=True)
class Found:
    """A document with the names put back: txids as scenario names, amounts as integers."""

    document: dict[str, Any]
    names: dict[str, str]

    @property
    def totals(self) -> dict[str, int]:
        """Buckets that hold anything."""
        row = self.document["totals"][0]
        return {k: int(v) for k, v in row.items() if k not in ("chain", "asset") and int(v)}

    @property
    def unspent(self) -> dict[str, int]:
        """Outpoint by name -> base units."""
        return {self.name(r["outpoint"]): int(r["amount"]["base_units"]) for r in self.document["unspent"]}

    @property
    def stops(self) -> list[tuple[str, str, str, int]]:
        """(reason, address or nothing, transaction, base units), as listed."""
        return [
            (r["reason"], r["address"] or "", self.name(r["txid"]), int(r["amount"]["base_units"]))
            for r in self.document["stops"]
        ]

    @property
    def endpoints(self) -> dict[str, int]:
        """Service -> base units."""
        return {
            r["vasp_id"] or r["entity"]: int(r["amount"]["base_units"]) for r in self.document["endpoints"]
        }

    @property
    def legs(self) -> list[tuple[str, str, str, int, int]]:
        """(role, address, outpoint, on chain, traced) of all endpoints, as listed."""
        return [
            (
                leg["role"], leg["address"], f"{self.name(leg['txid'])}:{leg['vout']}",
                int(leg["amount_onchain"]["base_units"]), int(leg["amount_traced"]["base_units"]),
            )
            for row in self.document["endpoints"] for leg in row["legs"]
        ]  # fmt: skip

    def paths(self) -> list[list[str]]:
        """Path of every leg by names."""
        return [
            [self.name(t) for t in leg["path"]] for row in self.document["endpoints"] for leg in row["legs"]
        ]

    def name(self, text: str) -> str:
        """A txid or outpoint by its scenario name."""
        txid, _, vout = text.partition(":")
        return self.names[txid] + (f":{vout}" if vout else "")


_KEPT = TemporaryDirectory(prefix="scenarios-")


@dataclass(frozen=True)
class _Rows:
    """Rows of a scenario as a key: they are frozen, but hold lists."""

    rows: Sequence[Tx]

    def __hash__(self) -> int:
        return hash(repr(self.rows))


@cache
def _store(of: _Rows, first: int, *, clusters: bool) -> Path:
    """A store of these rows, made once: the tests of a scenario differ in what they ask."""
    workspace = Workspace(Path(_KEPT.name) / str(_store.cache_info().misses)).ready()
    rows = of.rows
    with Ledger.open(workspace, CHAIN, read_only=False) as ledger:
        Loader(ledger).load([since(batch(rows), first)])
        if clusters:
            build.build(ledger, clustering())
    return workspace.chain_file(CHAIN.name)


class Case:
    """A workspace that holds one scenario."""

    def __init__(
        self,
        folder: Path,
        rows: Sequence[Tx],
        *,
        tags: Iterable[Tag] = (),
        vasps: Iterable[Vasp] = (),
        clusters: bool = True,
        bound: bool = False,
        first: int = 0,
    ) -> None:
        """`bound`: the claims bind the clusters, as on the command line; else these are older than the claims.

        `first`: the height from which on blocks are read.
        """
        self.rows = rows
        self.names = {shown(row.name): row.name for row in rows}
        self.workspace = Workspace(folder).ready()
        copyfile(
            _store(_Rows(rows), first, clusters=clusters and not bound),
            self.workspace.chain_file(CHAIN.name),
        )
        add(self.workspace, [Reading.of("tags", tags)])
        add(self.workspace, [Reading.of("vasps", vasps)])
        if clusters and bound:
            with Ledger.open(self.workspace, CHAIN, read_only=False) as ledger:
                build.build(ledger, clustering(), constraints.load(ledger, self.snapshot))

    @cached_property
    def snapshot(self) -> Snapshot:
        """The claims."""
        return Snapshot.open(self.workspace)

    def claim(self, kind: ClaimKind, *claims: Claim) -> str:
        """Import more claims; -> the snapshot after them."""
        added = add(self.workspace, [Reading.of(kind, claims)])
        self.__dict__.pop("snapshot", None)
        return added.snapshot_id

    def seed(self, text: str) -> str:
        """A seed with scenario names, as the command line takes it: `fund:0`, `fund@alice`, `alice`."""
        for mark in (":", "@"):
            name, found, rest = text.partition(mark)
            if found and any(row.name == name for row in self.rows):
                return f"{shown(name)}{mark}{rest}"
        return shown(text) if any(row.name == text for row in self.rows) else text

    def documents(self, *seeds: str, **question: Any) -> dict[str, Any]:
        """The document of a question, whole."""
        with Ledger.open(self.workspace, CHAIN) as ledger:
            asked = Question(tuple(self.seed(text) for text in seeds), **question)
            return trace(ledger, self.snapshot, asked, rules=clustering(), engine="test")

    def trace(self, *seeds: str, method: str, **question: Any) -> Found:
        """One method's answer by names."""
        return Found(self.documents(*seeds, methods=(method,), **question), self.names)

    def traces(self, *seeds: str, methods: Iterable[str], **question: Any) -> dict[str, Found]:
        """Several methods' answers to one question by names."""
        found = self.documents(*seeds, methods=tuple(methods), **question)
        return {d["method"]: Found(d, self.names) for d in found.get("documents", [found])}
