"""A simulated world in a workspace, and the same blocks as the oracle reads them: parsed here, in plain Python."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.bitcoin.chains import chain_named
from adapters.bitcoin.folder.source import BlockFiles
from adapters.simulation import build_world
from rules import clustering
from tests.oracle import OracleOut, OracleTx
from tracer.clustering import build
from tracer.intel.claims import KycLevel, Tag, Vasp
from tracer.intel.reading import Reading
from tracer.intel.snapshot import Snapshot
from tracer.intel.store import add
from tracer.ledger.pull import pull
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace

if TYPE_CHECKING:
    from adapters.simulation import World

CHAIN = chain_named("bitcoin-regtest")


@dataclass(frozen=True)
class Loaded:
    """A world, its ledger and its blocks for the oracle."""

    world: World
    workspace: Workspace
    oracle: list[OracleTx]


def load(folder: Path, *, seed: int, txs: int) -> Loaded:
    """Build a world, load its blocks, cluster them. No claims yet."""
    world = build_world(name="market", seed=seed, txs=txs)
    workspace = Workspace(folder).ready()
    blocks = folder / "blocks"
    blocks.mkdir()
    world.write_blocks(blocks)
    pull(lambda: Ledger.open(workspace, CHAIN, read_only=False), BlockFiles(blocks, CHAIN))
    with Ledger.open(workspace, CHAIN, read_only=False) as ledger:
        build.build(ledger, clustering())
    owners = {(row["txid"], row["vout"]): row["address"] for row in world.truth.outputs.iter_rows(named=True)}
    return Loaded(world, workspace, list(parsed(world, owners)))


def claim_owners(loaded: Loaded, owners: dict[str, tuple[str, str]]) -> Snapshot:
    """Tag every address of these owners: owner -> (category, KYC level or "")."""
    tags = []
    for row in loaded.world.truth.addresses.iter_rows(named=True):
        if row["owner"] in owners:
            key = CHAIN.parse_address(row["address"])
            tags.append(
                Tag(
                    CHAIN.name,
                    row["address"],
                    key.kind,
                    key.payload,
                    row["owner"],
                    owners[row["owner"]][0],
                    row["owner"],
                    "",
                    "ownership",
                    "truth",
                    "2019-01-01",
                    False,
                )
            )
    vasps = [
        Vasp(
            owner,
            owner,
            "exchange",
            KycLevel(level),
            "XX",
            None,
            "2009-01-01",
            "",
            "",
            "truth",
            "2019-01-01",
            "",
        )
        for owner, (_, level) in sorted(owners.items())
        if level
    ]
    add(loaded.workspace, [Reading.of("tags", tags)])
    add(loaded.workspace, [Reading.of("vasps", vasps)])
    return Snapshot.open(loaded.workspace)


def parsed(world: World, owners: dict[tuple[str, int], str | None]) -> Iterator[OracleTx]:
    """Every transaction of a world in the order of its blocks; `owners`: whose each output is."""
    for block in world.blocks():
        reader = _Reader(block, 80)
        for _ in range(reader.varint()):
            yield _transaction(reader, owners)


@dataclass
class _Reader:
    data: bytes
    at: int

    def take(self, count: int) -> bytes:
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")

    def varint(self) -> int:
        first = self.number(1)
        return first if first < 0xFD else self.number({0xFD: 2, 0xFE: 4, 0xFF: 8}[first])


def _transaction(reader: _Reader, owners: dict[tuple[str, int], str | None]) -> OracleTx:
    version = reader.take(4)
    witness = reader.data[reader.at] == 0
    if witness:
        reader.take(2)
    body = reader.at
    ins, outs = [], []
    for _ in range(reader.varint()):
        previous, vout = reader.take(32)[::-1].hex(), reader.number(4)
        reader.take(reader.varint())
        reader.take(4)
        if vout != 0xFFFFFFFF:
            ins.append((previous, vout))
    for _ in range(reader.varint()):
        value = reader.number(8)
        outs.append((value, reader.take(reader.varint())))
    stripped = reader.data[body : reader.at]
    for _ in range(len(ins) if witness and ins else int(witness)):
        for _ in range(reader.varint()):
            reader.take(reader.varint())
    raw = version + stripped + reader.take(4)
    txid = hashlib.sha256(hashlib.sha256(raw).digest()).digest()[::-1].hex()
    made = tuple(
        OracleOut(value, script, owners.get((txid, vout)), burn=script[:1] == b"\x6a")
        for vout, (value, script) in enumerate(outs)
    )
    return OracleTx(txid, tuple(ins), made)
