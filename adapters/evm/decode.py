"""JSON-RPC answers of an EVM node -> columns, without an object per transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from adapters.evm import fees
from adapters.evm.amounts import ABSENT, WIDE
from adapters.evm.blocks import Blocks, read_blocks
from adapters.evm.bloom import refuse_other_logs
from adapters.evm.chains import EvmChain, Fees
from adapters.evm.frames import FrameRows, read_traces, untraced
from adapters.evm.header import created
from adapters.evm.logs import read_logs
from adapters.evm.moves import (
    FIRST,
    Ends,
    Moves,
    Quarantine,
    Ties,
    all_of,
    binaries,
    native,
    nobody,
    relations,
    transfers,
)
from adapters.evm.receipts import Receipts, read_receipts
from tracer.chain import RelationKind, TransferKind
from tracer.errors import BadBlock
from tracer.ledger.accounts.batch import AccountBatch, schemas

if TYPE_CHECKING:
    import pyarrow as pa

UNCHECKED = (
    "the block's hash was not made again from its header: it has fields unknown here, or leaves some out"
)
UNCLES = "the rewards of uncles are not told: they need a node that answers trace_block"
TYPES = "transactions of types unknown here: what those move by themselves is not read"
"""The notes there are."""
_TYPES = (0, 1, 2, 3, 4)  # EIP-2718, 2930, 1559, 4844, 7702
_DEPOSIT = 0x7E  # OP stack
_DONE, _FAILED, _UNKNOWN = 1, 0, -1


@dataclass(frozen=True)
class Decoded:
    """A run of blocks as columns, and what could not be checked or was not told.

    notes  sentence -> of how many of these blocks it holds. The sentences are fixed texts, so that a source can
           add them up over batches; coverage quotes them. Empty where everything was told and checked.
    """

    batch: AccountBatch
    notes: Mapping[str, int] = field(default_factory=dict)


def decode(
    chain: EvmChain,
    blocks: Sequence[bytes],
    receipts: Sequence[bytes],
    frames: Sequence[bytes] | None = None,
    *,
    wanted: frozenset[bytes] = frozenset(),
) -> Decoded:
    """Columns of a run of blocks out of what a node answered, verified on the way.

    Each item is one HTTP body as it came: a JSON-RPC answer (`{"result": ...}`), or a batch of them (a list). The
    order of items, and of answers in a batch, does not matter.

    blocks    answers of `eth_getBlockByNumber(height, true)`: consecutive heights of one branch, each once
    receipts  answers of `eth_getBlockReceipts`, or of `eth_getTransactionReceipt`, mixed as one likes
    frames    answers of `debug_traceBlockByNumber` with callTracer (`withLog` used where given), or of `trace_block`;
              **the `id` of each answer must be its block's height**, because a callTracer answer does not name
              its block. None, and blocks without an answer here, are not `traced`
    wanted    topics 0 (32 bytes each) of the events to keep in `events`

    `BadBlock`: a block that breaks a rule, block and field named (`block_hash` is set where it is known).
    `SourceUnavailable`: answers that do not belong together (a reorg while they were read), a missing one, an error
    in place of one, or one that is cut: asking again may help.
    """
    run = read_blocks(blocks)
    told = read_receipts(run, receipts)
    refuse_other_logs(run, told)
    quarantine = Quarantine()
    traces = untraced(run, told) if frames is None else read_traces(chain, run, told, frames, quarantine)
    return assemble(chain, run, told, traces, quarantine, wanted=wanted)


def assemble(
    chain: EvmChain,
    run: Blocks,
    told: Receipts,
    traces: FrameRows,
    quarantine: Quarantine,
    *,
    wanted: frozenset[bytes] = frozenset(),
    stated: Sequence[Moves] = (),
) -> Decoded:
    """Facts of what was read, wherever it was read from; `stated` are transfers that no log of `told` tells."""
    txs = _Txs(run, told, traces)
    values = txs.values(quarantine)
    logs = read_logs(chain.wrapped, run, told, traces.log_order, wanted, quarantine)
    paid = fees.fees(chain, run, told, txs.sender, quarantine)
    blocks_own, uncles = fees.block_moves(chain, run, traces.told)
    batch = AccountBatch(
        _block_table(run, traces),
        txs.table(paid),
        transfers(
            [txs.minted(), values, traces.moves, *logs.moves, paid.moves, traces.rewards, blocks_own, *stated]
        ),
        relations([txs.creations(), traces.ties, logs.ties]),
        logs.events,
        quarantine.table(),
    )
    system = ~np.isin(txs.kind, (*_TYPES, _DEPOSIT) if chain.fees is Fees.OP_STACK else _TYPES)
    notes = {
        UNCHECKED: int((~run.checked).sum()), UNCLES: int(uncles.sum()), TYPES: len(np.unique(run.tx_block[system])),
    }  # fmt: skip
    return Decoded(batch, {note: count for note, count in notes.items() if count})


class _Txs:
    """The transactions as columns, and what became of them."""

    def __init__(self, run: Blocks, told: Receipts, traces: FrameRows) -> None:
        self.run, self.told, self.ids = run, told, run.tx_ids
        self.sender = run.txs.fixed("from", 20)
        self.recipient = Ends(run.txs.fixed("to", 20, must=False), run.txs.said("to"))
        self.kind = run.txs.integers("type", must=False)
        if len(self.kind) and self.kind.max() > 255:
            name, digest = run.txs.place(int(np.argmax(self.kind)))
            raise BadBlock(f"{name}: its 'type' is above 255.", block_hash=digest)
        self.gas_used = told.fields.integers("gasUsed")
        self.done = self._outcome(traces)
        made = ~self.recipient.there & (self.done != _FAILED)
        self.contract = Ends(told.fields.fixed("contractAddress", 20, must=False), made)
        nowhere = made & ~told.fields.said("contractAddress")
        if nowhere.any():
            name, digest = told.fields.place(int(np.argmax(nowhere)))
            raise BadBlock(f"{name} has no 'contractAddress' of what it creates.", block_hash=digest)
        self._check_created()

    def _check_created(self) -> None:
        """`BadBlock` where a transaction did not create what its receipt says.

        The address follows from sender and nonce; the nonces of what other chains call transactions do not count.
        """
        txs = self.run.txs
        nonces = txs.integers("nonce", must=False)
        for row in np.flatnonzero(
            self.contract.there & txs.said("nonce") & np.isin(self.kind, _TYPES)
        ).tolist():
            made = created(self.sender[row].tobytes(), int(nonces[row]))
            if made != (said := self.contract.raw[row].tobytes()):
                name, digest = self.told.fields.place(row)
                raise BadBlock(
                    f"{name}: its 'contractAddress' is 0x{said.hex()}, but sender and nonce make 0x{made.hex()}.",
                    block_hash=digest,
                )

    def _outcome(self, traces: FrameRows) -> NDArray[np.int8]:
        """(n,) 1 done, 0 failed, -1 not known.

        Receipts say it since Byzantium (EIP-658). Before, a trace does, or a log; and one that used less than its
        limit of gas did not fail, because then every failure took all of it.
        """
        told = self.told.fields
        status = told.integers("status", must=False)
        if len(status) and status.max() > 1:
            name, digest = told.place(int(np.argmax(status)))
            raise BadBlock(f"{name}: its 'status' is neither 0 nor 1.", block_hash=digest)
        done = np.where(told.said("status"), status, _UNKNOWN).astype(np.int8)
        logged = np.bincount(self.told.log_tx, minlength=len(done)) > 0
        self._refuse((done == _FAILED) & logged, "it failed, and it has logs")
        self._refuse((done == _FAILED) & (traces.failed == 0), "it failed, and its trace that it did not")
        self._refuse((done == _DONE) & (traces.failed == 1), "it did not fail, and its trace that it did")
        traced = (done == _UNKNOWN) & (traces.failed >= 0)
        done[traced] = 1 - traces.failed[traced]
        spared = told.said("root") & (self.gas_used < self.run.txs.integers("gas", must=False))
        done[(done == _UNKNOWN) & (spared | logged)] = _DONE
        return done

    def _refuse(self, wrong: NDArray[np.bool_], said: str) -> None:
        if wrong.any():
            name, digest = self.told.fields.place(int(np.argmax(wrong)))
            raise BadBlock(
                f"{name} says that {said}.",
                hint="The node contradicts itself: ask another.",
                block_hash=digest,
            )

    def values(self, quarantine: Quarantine) -> Moves:
        """What transactions carry. Not known where it is not known whether they failed: the amount is null then."""
        amount = self.run.txs.amounts("value")
        rows = np.flatnonzero((self.done != _FAILED) & ~amount.nothing())
        open_ = self.done[rows] == _UNKNOWN
        for row, unknown in zip(rows.tolist(), open_.tolist(), strict=True):
            if unknown or amount.states[row] == WIDE:
                reason = "whether it failed is not told" if unknown else "an amount of more than 38 digits"
                raw = self.run.txs.uint256("value", row)
                quarantine.add(int(self.ids[row]), f"{self._name(row)} value", reason, raw)
        taken = amount[rows]
        taken.limbs[open_], taken.states[open_] = 0, ABSENT
        there = self.recipient.there[rows]
        target = np.where(there[:, None], self.recipient.raw[rows], self.contract.raw[rows])
        return native(
            TransferKind.VALUE, self.ids[rows], FIRST, all_of(self.sender[rows]), all_of(target), taken
        )

    def minted(self) -> Moves:
        """OP stack: coins that a deposit brings from layer 1, to its sender, whether or not it fails afterwards."""
        rows = np.flatnonzero(self.run.txs.said("mint"))
        amount = self.run.txs.at(rows).amounts("mint")
        return native(
            TransferKind.VALUE,
            self.ids[rows],
            FIRST - 1,
            nobody(len(rows)),
            all_of(self.sender[rows]),
            amount,
        ).but_nothing()

    def creations(self) -> Ties:
        """Contracts that transactions created."""
        rows = np.flatnonzero(self.contract.there & (self.done == _DONE))
        count = len(rows)
        return Ties(
            self.ids[rows], np.full(count, FIRST), np.full(count, -1), np.full(count, RelationKind.CREATE, np.uint8),
            self.sender[rows], self.contract.raw[rows], np.zeros((count, 20), np.uint8),
        )  # fmt: skip

    def table(self, paid: fees.Paid) -> pa.Table:
        """The table of transactions."""
        import pyarrow as pa

        everyone = np.ones(len(self.ids), np.bool_)
        txs = self.run.txs
        selector, whole = txs.prefixes("input", 4)
        created = Ends(self.contract.raw, self.contract.there & (self.done == _DONE))
        return pa.table(
            [
                self.ids, binaries(self.run.tx_hashes, everyone), binaries(self.sender, everyone),
                self.recipient.arrow(), created.arrow(),
                pa.array(self.done.astype(np.uint8), mask=self.done == _UNKNOWN), self.kind.astype(np.uint8),
                pa.array(txs.integers("nonce", must=False), mask=~txs.said("nonce")), binaries(selector, whole),
                self.gas_used, paid.price.arrow(), paid.fee.arrow(),
            ],
            schema=schemas()["txs"],
        )  # fmt: skip

    def _name(self, row: int) -> str:
        return f"transaction 0x{self.run.tx_hashes[row].tobytes().hex()}"


def _block_table(run: Blocks, traces: FrameRows) -> pa.Table:
    import pyarrow as pa

    everyone = np.ones(len(run.heights), np.bool_)
    fields = run.fields
    return pa.table(
        [
            run.heights.astype(np.int32), binaries(run.hashes, everyone),
            binaries(fields.fixed("parentHash", 32), everyone), fields.integers("timestamp"),
            run.counts.astype(np.int32), binaries(fields.fixed("miner", 20, must=False), fields.said("miner")),
            fields.amounts("baseFeePerGas", must=False).arrow(), pa.array(traces.traced),
        ],
        schema=schemas()["blocks"],
    )  # fmt: skip
