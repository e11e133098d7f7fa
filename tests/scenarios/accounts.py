"""Account ledgers written as small tables of named transactions, no hex; read by oracles and by the engine alike.

    Tx("pay", "alice", to="bob", value=5, fee=1)                            ETH, and 1 burnt as gas
    Tx("buy", "bob", to="USDT", moves=[Move("bob", "shop", 7, "USDT")])     a token; its contract is an address too
    Tx("mint", "bank", moves=[Move(None, "bob", 9, "USDT")])                out of nothing; a burn ends in None
    Tx("call", "bob", to="safe", moves=[Move("safe", "carol", 3)])          an internal transfer of ETH
    Tx("make", "dev", creates="safe", tip=2)                                a contract; 2 paid to the block's producer
    Tx("no", "bob", to="carol", value=5, fee=1, failed=True)                it moved nothing and paid its fee
    Block(rewards=[("miner", 2)], withdrawals=[("staker", 4)])              what no transaction did

Assets are names: `ETH` is the native coin, `USDT` fungible, `PUNK#7` one of its kind (ERC-721), `GAME*3` one of many
(ERC-1155), `TRC10:1000001` a token without a contract. Every row is a block of its own, twelve seconds after the last
unless `day` says otherwise; one with `same_block` stands in the block of the row above. Amounts above 38 digits are not
known and in quarantine, as adapters do it. `tests.accounts_store.contents` compares stores.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

import pyarrow as pa

from adapters.addresses.refusal import EVM_ACCOUNT
from adapters.hashes import hash_bytes
from tracer.chain import (
    BLOCK_INDEX,
    AddressKey,
    AssetStandard,
    Family,
    RelationKind,
    TransferKind,
    first_tx_id,
)
from tracer.errors import BadAddress
from tracer.ledger.accounts.batch import AccountBatch, schemas
from tracer.ledger.accounts.ingest import AccountLoader
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace

GENESIS_TIME = 1_600_000_000
DAY = 86_400
SECONDS = 12
MOST = 10**38 - 1
"""The greatest amount a column holds."""


@dataclass(frozen=True)
class Move:
    """One asset from account to account; `None` is nothing (mint, burn). `kind` follows from the asset unless given."""

    source: str | None
    target: str | None
    amount: int
    asset: str = "ETH"
    kind: TransferKind | None = None


@dataclass(frozen=True)
class Event:
    """A log that is kept; `topic` is its first topic, or a name for one."""

    emitter: str
    topic: bytes | str
    topics: bytes = b""
    data: bytes = b""


@dataclass(frozen=True)
class Relation:
    """A fact between two accounts that moves nothing; `asset` is the contract of an approval."""

    kind: RelationKind
    giver: str
    receiver: str
    asset: str | None = None
    amount: int | None = None


@dataclass(frozen=True)
class Tx:
    """One transaction. Rows come in this order: value, moves, fee (burnt), tip (paid to `tip_to`). `price`: of gas."""

    name: str
    sender: str
    to: str | None = None
    value: int = 0
    fee: int = 0
    tip: int = 0
    tip_to: str = "validator"
    moves: Sequence[Move] = ()
    events: Sequence[Event] = ()
    relations: Sequence[Relation] = ()
    creates: str | None = None
    failed: bool = False
    selector: bytes | None = None
    price: int | None = None
    day: float | None = None
    same_block: bool = False


@dataclass(frozen=True)
class Block:
    """A block without transactions, or (`same_block`) what is added to the one of the row above."""

    rewards: Sequence[tuple[str, int]] = ()
    withdrawals: Sequence[tuple[str, int]] = ()
    day: float | None = None
    same_block: bool = False


@dataclass(frozen=True)
class Opening:
    """A balance at the end of a block, as a node tells it."""

    address: str
    amount: int
    asset: str = "ETH"
    height: int = -1


@dataclass(frozen=True)
class Token:
    """What a contract says of itself; `problem`: why it is not believed; `genuine`: known by its symbol."""

    contract: str
    decimals: int | None = 18
    symbol: str | None = None
    problem: str = ""
    height: int = 0
    genuine: bool = False


@dataclass(frozen=True)
class PlayAccounts:
    """A chain whose addresses are plain names of at most 20 letters."""

    name: str = "evm-31337"
    caip2: str = "eip155:31337"
    asset: str = "ETH"
    price_asset: str | None = "ETH"
    decimals: int = 18
    account_kind: int = EVM_ACCOUNT
    family = Family.ACCOUNT

    def hash_text(self, raw: bytes) -> str:
        """As on Ethereum."""
        return "0x" + raw.hex()

    def hash_bytes(self, text: str) -> bytes:
        """As on Ethereum."""
        return hash_bytes(text, "0x")

    def parse_address(self, text: str) -> AddressKey:
        """A name is an address when it fits."""
        if not text or len(text) > 20 or not text.replace("_", "").isalnum():
            raise BadAddress(f"{text!r} is no address of {self.name}.")
        return AddressKey(self.account_kind, payload_of(text))

    def render_address(self, key: AddressKey) -> str:
        """The name it was written with."""
        return key.payload.rstrip(b"\0").decode()

    def unverified(self) -> tuple[str, ...]:
        """Everything: no scenario is executed."""
        return ("execution",)


CHAIN = PlayAccounts()
Row = Tx | Block


def txid_of(name: str) -> bytes:
    """The made-up txid of a named transaction."""
    return hashlib.sha256(b"account scenario " + name.encode()).digest()


def payload_of(name: str) -> bytes:
    """The 20 bytes of a named address."""
    return name.encode().ljust(20, b"\0")


def shown(name: str) -> str:
    """The same as people write it."""
    return "0x" + txid_of(name).hex()


def topic_of(name: str) -> bytes:
    """The made-up first topic of a named event."""
    return hashlib.sha256(b"topic " + name.encode()).digest()


def asset_key(asset: str) -> tuple[int, str | None, int | None]:
    """(standard, contract's name, token id) of an asset as scenarios write it."""
    if asset == "ETH":
        return AssetStandard.NATIVE, None, None
    for mark, standard in (("#", AssetStandard.UNIQUE), ("*", AssetStandard.MULTI)):
        if mark in asset:
            contract, _, number = asset.partition(mark)
            return standard, contract, int(number)
    if asset.startswith("TRC10:"):
        return AssetStandard.TRC10, None, int(asset.removeprefix("TRC10:"))
    return AssetStandard.FUNGIBLE, asset, None


def batch(rows: Sequence[Row], *, first: int = 0, untraced: Collection[int] = ()) -> AccountBatch:
    """The table as an adapter would hand it over, from height `first`; of `untraced` heights no node told the calls."""
    out = _Rows()
    previous, clock = bytes(32) if not first else hashlib.sha256(b"before").digest(), GENESIS_TIME
    for height, members in enumerate(_blocks(rows), first):
        days = [row.day for row in members if row.day is not None]
        clock = GENESIS_TIME + int(days[0] * DAY) if days else clock + SECONDS
        here = hashlib.sha256(previous + repr(members).encode()).digest()
        txs = [row for row in members if isinstance(row, Tx)]
        producer = next((_payload(tx.tip_to) for tx in txs if tx.tip), None)
        out.blocks.append((height, here, previous, clock, len(txs), producer, None, height not in untraced))
        for index, tx in enumerate(txs):
            out.transaction(first_tx_id(height) + index, tx)
        out.tail(height, [row for row in members if isinstance(row, Block)])
        previous = here
    return out.batch()


def _blocks(rows: Sequence[Row]) -> list[list[Row]]:
    found: list[list[Row]] = []
    for row in rows:
        if row.same_block:
            found[-1].append(row)
        else:
            found.append([row])
    return found


@dataclass
class _Rows:
    blocks: list[tuple[object, ...]] = field(default_factory=list)
    txs: list[tuple[object, ...]] = field(default_factory=list)
    transfers: list[tuple[object, ...]] = field(default_factory=list)
    relations: list[tuple[object, ...]] = field(default_factory=list)
    events: list[tuple[object, ...]] = field(default_factory=list)
    quarantine: list[tuple[object, ...]] = field(default_factory=list)

    def transaction(self, tx_id: int, tx: Tx) -> None:
        """A transaction and all it did."""
        fee = tx.fee + tx.tip
        self.txs.append(
            (tx_id, txid_of(tx.name), _payload(tx.sender), _payload(tx.to), _payload(tx.creates), int(not tx.failed),
             2, 0, tx.selector, None, tx.price, fee)
        )  # fmt: skip
        target = tx.to or tx.creates
        value = [Move(tx.sender, target, tx.value, kind=TransferKind.VALUE)] if tx.value else []
        moves = [] if tx.failed else [*value, *tx.moves]
        moves += [Move(tx.sender, None, tx.fee, kind=TransferKind.FEE_BURNED)] if tx.fee else []
        moves += [Move(tx.sender, tx.tip_to, tx.tip, kind=TransferKind.FEE_PAID)] if tx.tip else []
        self.moves(tx_id, tx.name, moves)
        for position, told in enumerate(tx.relations):
            contract = _payload(asset_key(told.asset)[1]) if told.asset else None
            self.relations.append(
                (
                    tx_id,
                    position,
                    told.kind,
                    _payload(told.giver),
                    _payload(told.receiver),
                    contract,
                    told.amount,
                )
            )
        for index, log in enumerate(tx.events):
            topic = log.topic if isinstance(log.topic, bytes) else topic_of(log.topic)
            self.events.append((tx_id, 100 + index, _payload(log.emitter), topic, log.topics, log.data))

    def tail(self, height: int, rows: Iterable[Block]) -> None:
        """What no transaction of a block did."""
        moves = [
            Move(None, target, units, kind=kind)
            for row in rows
            for kind, paid in ((TransferKind.REWARD, row.rewards), (TransferKind.WITHDRAWAL, row.withdrawals))
            for target, units in paid
        ]
        self.moves(first_tx_id(height) | BLOCK_INDEX, f"block {height}", moves)

    def moves(self, tx_id: int, name: str, moves: Iterable[Move]) -> None:
        """Transfers of one transaction, in order."""
        for position, move in enumerate(moves):
            standard, contract, number = asset_key(move.asset)
            kind = move.kind
            if kind is None:
                kind = TransferKind.TOKEN if standard else TransferKind.INTERNAL
            amount: int | None = move.amount
            if move.amount > MOST:
                amount = None
                self.quarantine.append(
                    (tx_id, f"transaction {name} transfer {position}", "an amount of more than 38 digits",
                     move.amount.to_bytes(32, "big"))
                )  # fmt: skip
            self.transfers.append(
                (tx_id, position, kind, standard, _payload(contract), _token(number), _payload(move.source),
                 _payload(move.target), amount, position if kind is TransferKind.TOKEN else None)
            )  # fmt: skip

    def batch(self) -> AccountBatch:
        """All as Arrow tables."""
        return AccountBatch(*(_table(part.name, getattr(self, part.name)) for part in fields(self)))


def _payload(name: str | None) -> bytes | None:
    return None if name is None else payload_of(name)


def _token(number: int | None) -> bytes | None:
    return None if number is None else number.to_bytes(32, "big")


def _table(name: str, rows: Sequence[tuple[object, ...]]) -> pa.Table:
    schema = schemas()[name]
    columns = list(zip(*rows, strict=True)) if rows else [() for _ in schema]
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)


def openings(rows: Sequence[Opening]) -> pa.Table:
    """Balances as a source hands them over."""
    keys = [(row, asset_key(row.asset)) for row in rows]
    return _table(
        "openings",
        [(row.height, _payload(row.address), standard, _payload(contract), _token(number),
          None if row.amount > MOST else row.amount) for row, (standard, contract, number) in keys],
    )  # fmt: skip


def tokens(rows: Sequence[Token]) -> pa.Table:
    """What contracts say of themselves, as a source hands it over; the symbol is the name unless given."""
    return _table(
        "tokens",
        [(_payload(t.contract), t.symbol or t.contract, t.symbol or t.contract, t.decimals, t.height, t.problem,
          t.genuine) for t in rows],
    )  # fmt: skip


def blocks_of(whole: AccountBatch) -> list[AccountBatch]:
    """The same blocks in batches of one."""

    def of(rows: pa.Table, height: int) -> pa.Table:
        return rows.filter(pa.array(rows["tx_id"].to_numpy() >> 24 == height))

    tables = [whole.txs, whole.transfers, whole.relations, whole.events, whole.quarantine]
    return [
        AccountBatch(whole.blocks.slice(i, 1), *(of(rows, height) for rows in tables))
        for i, height in enumerate(whole.blocks["height"].to_pylist())
    ]


def opened(folder: Path, chain: PlayAccounts = CHAIN, *, threads: int | None = None) -> Ledger:
    """The ledger of a folder, for writing."""
    return Ledger.open(Workspace(folder).ready(), chain, read_only=False, threads=threads)


def built(
    folder: Path,
    rows: Sequence[Row],
    *,
    first: int = 0,
    untraced: Collection[int] = (),
    balances: Sequence[Opening] = (),
    told: Sequence[Token] = (),
    chain: PlayAccounts = CHAIN,
    threads: int | None = None,
) -> Ledger:
    """A store of these rows, open for writing; close it."""
    ledger = opened(folder, chain, threads=threads)
    loader = AccountLoader(ledger)
    loader.load([batch(rows, first=first, untraced=untraced)])
    if balances:
        loader.openings(openings(balances))
    if told:
        loader.tokens(tokens(told))
    return ledger
