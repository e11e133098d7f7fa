"""What an adapter hands over: columns, and the header chain they extend.

A batch holds whole blocks of one branch in height order. Adapters have verified what their chain entry
declares; the ledger checks what only it can know (that the batch extends its tip, that prevouts exist,
that no value comes out of nothing).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    import pyarrow as pa

    from tracer.ledger.accounts.batch import AccountBatch


@dataclass(frozen=True)
class UtxoBatch:
    """Decoded blocks of a UTXO chain as Arrow tables (32-byte hashes in wire order).

    blocks    height int32, hash, prev_hash, merkle_root binary(32), time int64, version int32, bits int64,
              nonce int64, tx_count int32, size int32; consecutive heights; prev_hash is null where
              the source does not tell it (at most of the first)
    txs       tx_id int64, txid binary(32), version int32, locktime int64, size int32, vsize int32,
              inputs int32 (its rows of `inputs`; 0 for a coinbase, and where only pools pay each other without a fee),
              outputs int32 (its rows of `outputs`, 0 where all of it is shielded), out_value int64, block_index int32
              (the place in its block, null where that is the low 24 bits of tx_id); sorted by tx_id, which
              counts the order of execution: what a block spends of its own comes after what made it
    outputs   tx_id int64, vout int32, value int64, kind uint8 (ScriptKind), address_kind uint8, payload
              binary (null where ADDRESSLESS), prefix int64 (see `tracer.ledger.prefix`), script binary
              (null where kind and payload tell it); sorted by (tx_id, vout)
    inputs    tx_id int64, vin int32, prev_txid binary(32), prev_vout int32, sequence int64, and, where the
              source told what was spent, prev_value int64, prev_kind uint8, prev_address_kind uint8,
              prev_payload binary (all null elsewhere; the last three too where only the value was told); no coinbase
              inputs; sorted by (tx_id, vin)

    Shielded pools (ADR-0010): what a transaction adds to a pool, net, is an output of kind SHIELDED without address and
    script behind its transparent ones, one per pool by number, and vout counts on. What it takes out of a pool is
    an input of prev_kind SHIELDED with its prev_value, behind the transparent ones: prev_txid is all zero, prev_vout
    `tracer.chain.FROM_POOL` minus the pool's number, sequence 0.
    """

    blocks: pa.Table
    txs: pa.Table
    outputs: pa.Table
    inputs: pa.Table


@dataclass(frozen=True, slots=True)
class KnownBlock:
    """A block the ledger holds. Hashes as stored; bits is the compact target, 0 on account chains.

    prev_hash is empty where nobody told it: a chain of outputs that other tools' exports begin in the middle.
    """

    height: int
    hash: bytes
    prev_hash: bytes
    bits: int


class KnownChain(Protocol):
    """What a source may ask of the ledger before it decides what to hand over."""

    def blocks(self) -> Sequence[KnownBlock]:
        """All blocks in height order: for sources that weigh whole branches."""

    def runs(self) -> Sequence[tuple[int, int]]:
        """First and last height of each run of consecutive blocks, ascending."""

    def at(self, height: int) -> KnownBlock | None:
        """The block at a height."""


class Plan(Protocol):
    """One run of consecutive blocks a source can hand over."""

    @property
    def first_height(self) -> int:
        """Height of its first block."""

    @property
    def blocks(self) -> int:
        """How many blocks it has."""

    @property
    def reorg_to(self) -> int | None:
        """The height to keep when blocks of a lost branch must go first, else None."""

    @property
    def at_least(self) -> int:
        """How many of its blocks must be sound before the lost branch goes: then they outweigh it."""


P = TypeVar("P", bound=Plan)


class BlockSource(Protocol[P]):
    """What every adapter of a chain offers to `tracer.ledger.pull`; batches are of the chain's family."""

    def plan(self, known: KnownChain, first: int | None, last: int | None) -> Sequence[P]:
        """What is new, in height order, between the heights asked for; empty when nothing is."""

    def batches(self, plan: P) -> Iterator[UtxoBatch | AccountBatch]:
        """The blocks of a plan; raises `BadBlock` at the first unsound one."""

    def reject(self, block_hash: bytes) -> bool:
        """A block is bad: later plans use another copy of it (True), or nothing that builds on it (False)."""

    def raw(self, block_hash: bytes) -> tuple[str, bytes]:
        """Where a block of a plan was found, and its bytes as found: what quarantine keeps."""

    def notes(self) -> list[str]:
        """What is normal but should be said."""

    def finish(self) -> None:
        """Raise what is wrong with the source itself."""
