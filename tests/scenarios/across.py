"""Scenarios on several chains: two of accounts with the events of a real bridge, and Bitcoin with memos.

    across = Across(tmp_path, {NEAR: [...], FAR: [...]}, tags=[tag(FAR, "hot", "acme")])
    found = across.trace(NEAR, "steal:0")
    found.totals  ->  {("evm-31337", "USD"): {"seed": 90, "converted_out": 90}, ...}

Every chain of accounts has the bridge contract `spoke`, whose events are Across's, and THORChain's `router`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from eth_abi.abi import encode

from adapters.addresses.keccak import keccak256
from rules import clustering
from rules.bridges import BRIDGES
from tests.scenarios.accounts import Event, Move, PlayAccounts, Row, Token, Tx, built, payload_of, shown
from tracer.chain import Chain
from tracer.flow.bridges.rules import Bridges, Pinned
from tracer.flow.question import Question
from tracer.flow.trace import trace
from tracer.intel.claims import Tag
from tracer.intel.reading import Reading
from tracer.intel.snapshot import Snapshot
from tracer.intel.store import add
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace

NEAR, FAR, THIRD = "evm-31337", "evm-31338", "evm-31339"
CHAINS: dict[str, PlayAccounts] = {
    name: PlayAccounts(name, f"eip155:{name.removeprefix('evm-')}") for name in (NEAR, FAR, THIRD)
}
IDS = {name: name.removeprefix("evm-") for name in CHAINS}
_SPOKE, _ROUTER = payload_of("spoke"), payload_of("router")
PINNED: dict[str, Pinned] = {
    "across": Pinned({name: {_SPOKE: "SpokePool"} for name in CHAINS}, IDS),
    "thorchain": Pinned(
        {name: {_ROUTER: "Router", payload_of("vault"): "vault"} for name in CHAINS},
        {NEAR: "ETH", FAR: "BASE", "bitcoin-regtest": "BTC"},
    ),
}
_BY_ID = {bridge.id: bridge for bridge in BRIDGES}


def word(name: str) -> bytes:
    """A named account as 32 bytes."""
    return payload_of(name).rjust(32, b"\0")


def deposited(
    number: int, token: str, amount: int, to: str, *, far: str = FAR, emitter: str = "spoke"
) -> Event:
    """Across says: so much of a token goes to an account of another chain."""
    data = [word(token), word(token), amount, amount, 1, 2, 3, word(to), bytes(32), b""]
    kinds = ["bytes32", "bytes32", *["uint256"] * 5, "bytes32", "bytes32", "bytes"]
    topics = encode(["uint256", "uint256", "bytes32"], [int(IDS[far]), number, word("who")])
    return Event(emitter, _BY_ID["across"].events[0].topic, topics, encode(kinds, data))


def filled(
    number: int, token: str, amount: int, to: str, *, near: str = NEAR, emitter: str = "spoke"
) -> Event:
    """Across says: what was deposited on another chain under this number is paid out."""
    data = [word(token), word(token), amount, amount, 1, 2, 3, bytes(32), word("who"), word(to), bytes(32), bytes(32),
            bytes(32), amount, 0]  # fmt: skip
    kinds = ["bytes32", "bytes32", *["uint256"] * 5, *["bytes32"] * 6, "uint256", "uint256"]
    topics = encode(["uint256", "uint256", "bytes32"], [int(IDS[near]), number, word("relayer")])
    return Event(emitter, _BY_ID["across"].events[1].topic, topics, encode(kinds, data))


def leave(
    name: str, who: str, number: int, amount: int, to: str, *, token: str = "USD", far: str = FAR, **more: Any
) -> Tx:
    """A deposit at the bridge."""
    moves = [Move(who, "spoke", amount, token)]
    return Tx(
        name, who, to="spoke", moves=moves, events=[deposited(number, token, amount, to, far=far)], **more
    )


def arrive(
    name: str, number: int, amount: int, to: str, *, token: str = "USD", near: str = NEAR, **more: Any
) -> Tx:
    """What a relayer pays out for it."""
    moves = [Move("relayer", to, amount, token)]
    return Tx(
        name,
        "relayer",
        to="spoke",
        moves=moves,
        events=[filled(number, token, amount, to, near=near)],
        **more,
    )


def born(token: str = "USD", **units: int) -> Tx:
    """Tokens that accounts have from the first block on."""
    moves = [Move(None, who, amount, token) for who, amount in units.items()]
    return Tx(f"born {token} {sorted(units)}", "bank", moves=moves)


def memo_event(topic: str, first: str, second: str, data: Sequence[tuple[str, Any]]) -> Event:
    """An event of THORChain's router."""
    found = next(event for event in _BY_ID["thorchain"].events if event.text.startswith(topic))
    assert keccak256(found.text.encode()) == found.topic
    kinds, values = zip(*data, strict=True)
    return Event("router", found.topic, word(first) + word(second), encode(list(kinds), list(values)))


def paid_in(name: str, who: str, token: str, amount: int, memo: str, *, vault: str = "vault") -> Tx:
    """A token to THORChain's router; the memo says what for."""
    told = memo_event("Deposit", vault, token, [("uint256", amount), ("string", memo)])
    return Tx(name, who, to="router", moves=[Move(who, "router", amount, token)], events=[told])


def paid_out(name: str, to: str, token: str, amount: int, memo: str) -> Tx:
    """What THORChain's router pays."""
    asset = "0x" + payload_of(token).hex()
    told = memo_event("TransferOut", "vault", to, [("address", asset), ("uint256", amount), ("string", memo)])
    return Tx(name, "vault", to="router", moves=[Move("router", to, amount, token)], events=[told])


def tag(
    chain: Chain | str, address: str, actor: str = "", *, category: str = "exchange", role: str = "hot"
) -> Tag:
    """A claim about one account of a chain."""
    own = CHAINS[chain] if isinstance(chain, str) else chain
    key = own.parse_address(address)
    label = f"{actor or category} {role}".strip()
    return Tag(
        own.name, address, key.kind, key.payload, label, category, actor, role, "service_data", "a list", "2020-01-01",
        False,
    )  # fmt: skip


@dataclass(frozen=True)
class Found:
    """A document by names."""

    document: dict[str, Any]
    names: dict[str, str]

    @property
    def totals(self) -> dict[tuple[str, str], dict[str, int]]:
        """(chain, asset) -> buckets that hold anything."""
        words = ("chain", "asset", "asset_id", "decimals")
        return {
            (row["chain"], row["asset"]): {k: int(v) for k, v in row.items() if k not in words and int(v)}
            for row in self.document["totals"]
        }

    @property
    def legs(self) -> list[tuple[str, str, str, int]]:
        """(service, chain, transaction, traced) as listed."""
        return [
            (row["entity"], leg.get("chain", ""), self.name(leg["txid"]), int(leg["amount_traced"]["base_units"]))
            for row in self.document["endpoints"] for leg in row["legs"]
        ]  # fmt: skip

    @property
    def crossings(self) -> list[tuple[str, str, int, str, int]]:
        """(bridge, left by, traced there, came by, traced here)."""
        return [
            (
                row["bridge"], self.name(row["from"]["txid"]), int(row["from"]["amount_traced"]["base_units"]),
                self.name(row["to"]["txid"]), int(row["to"]["amount_traced"]["base_units"]),
            )
            for row in self.document["conversions"] if row["kind"] == "bridge"
        ]  # fmt: skip

    @property
    def stops(self) -> list[tuple[str, str, int, dict[str, Any] | None]]:
        """(reason, transaction, base units, evidence) as listed."""
        return [
            (row["reason"], self.name(row["txid"]), int(row["amount"]["base_units"]), row["evidence"])
            for row in self.document["stops"]
        ]

    @property
    def notes(self) -> str:
        """All that coverage says."""
        return "\n".join(self.document["coverage"]["notes"])

    def name(self, txid: str) -> str:
        """A transaction by its scenario name."""
        return self.names.get(txid, txid)


def unbalanced(told: dict[str, Any]) -> list[str]:
    """Nodes that money passes and that gave another amount than they took; of a crossing each side for itself."""
    came: Counter[str] = Counter()
    went: Counter[str] = Counter()
    for edge in told["edges"]:
        went[edge["from"]] += int(edge["amount"])
        came[edge["to"]] += int((edge.get("converted") or edge)["amount"])
    wrong = []
    for node in told["nodes"]:
        sides = (came[node["id"]], went[node["id"]])
        if node["kind"] == "bridge":
            right = (int(node["from"]["amount"]), int(node["to"]["amount"]))
        elif node["kind"] in ("account", "transaction"):
            right = (sides[0], sides[0])
        else:
            continue
        if sides != right:
            wrong.append(node["id"])
    return wrong


class Across:
    """A workspace with several chains. `others`: chains that were loaded by their own means."""

    def __init__(
        self,
        folder: Path,
        chains: Mapping[str, Sequence[Row]],
        *,
        tags: Iterable[Tag] = (),
        told: Sequence[Token] = (),
        others: Mapping[str, Chain] = {},
    ) -> None:
        self.workspace = Workspace(folder)
        self.names = {
            shown(row.name): row.name for rows in chains.values() for row in rows if isinstance(row, Tx)
        }
        self.chains: dict[str, Chain] = {**{name: CHAINS[name] for name in chains}, **others}
        for name, rows in chains.items():
            built(folder, rows, chain=CHAINS[name], told=told).db.close()
        add(self.workspace, [Reading.of("tags", tags)])

    @cached_property
    def snapshot(self) -> Snapshot:
        """The claims."""
        return Snapshot.open(self.workspace)

    def document(self, chain: str, *seeds: str, alone: bool = False, **question: Any) -> dict[str, Any]:
        """The document of a question, whole. `alone`: the other chains are not in the workspace."""
        with ExitStack() as opened:
            ledgers = {
                name: opened.enter_context(Ledger.open(self.workspace, own))
                for name, own in self.chains.items() if name == chain or not alone
            }  # fmt: skip
            bridges = Bridges(BRIDGES, PINNED, opened=ledgers.get)
            asked = Question(tuple(self.seed(text) for text in seeds), **question)
            return trace(
                ledgers[chain], self.snapshot, asked, rules=clustering(), engine="test", bridges=bridges
            )

    def seed(self, text: str) -> str:
        """A seed with scenario names: `pay:0`, `pay@alice`, `alice`."""
        for mark in (":", "@"):
            name, found, rest = text.partition(mark)
            if found and shown(name) in self.names:
                return f"{shown(name)}{mark}{rest}"
        return text

    def trace(self, chain: str, *seeds: str, method: str = "fifo", **question: Any) -> Found:
        """One method's answer by names."""
        return Found(self.document(chain, *seeds, methods=(method,), **question), self.names)
