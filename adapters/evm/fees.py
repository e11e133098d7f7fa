"""What transactions pay and blocks give: gas burnt and gas paid apart, rewards, withdrawals.

Base fee and blob gas are burnt (EIP-1559, EIP-4844), the rest of the gas price is the producer's; before London all of
it. The OP stack burns nothing: base fee, layer 1 data and the rest go to its three vaults (its specification, "fee
vaults"). Of other chains it is not known here who gets what: all is booked to the producer, and coverage says so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adapters.evm import amounts
from adapters.evm.amounts import ABSENT, KNOWN, WIDE, Amounts
from adapters.evm.blocks import Blocks
from adapters.evm.chains import EvmChain, Fees
from adapters.evm.moves import FIRST, LAST, Ends, Moves, Quarantine, all_of, everywhere, native, nobody, stack
from adapters.evm.receipts import Receipts
from tracer.chain import TransferKind

_BASE_VAULT = bytes.fromhex("4200000000000000000000000000000000000019")
_DATA_VAULT = bytes.fromhex("420000000000000000000000000000000000001a")
_DEPOSIT = 0x7E  # OP stack: what layer 1 sent; it pays no gas here
_GWEI = 10**9
_UNCLE_SHARE = 32  # of the block's reward, for each uncle it names (Yellow Paper, section 11.3)


@dataclass(frozen=True)
class Paid:
    """What each transaction paid: price per unit of gas, the whole fee, and the fees as transfers."""

    price: Amounts
    fee: Amounts
    moves: Moves


def fees(
    chain: EvmChain, blocks: Blocks, receipts: Receipts, sender: NDArray[np.uint8], quarantine: Quarantine
) -> Paid:
    """Fees of all transactions, failed ones too. What a node does not tell is unknown, and quarantined by name."""
    told, count = receipts.fields, len(blocks.tx_block)
    gas = told.integers("gasUsed")
    price = _first(told.amounts("effectiveGasPrice", must=False), blocks.txs.amounts("gasPrice", must=False))
    base = _or_nothing(blocks.fields.amounts("baseFeePerGas", must=False))[blocks.tx_block]
    at_base, above = amounts.split(price, base)
    first, tip = amounts.product(gas, at_base), amounts.product(gas, above)
    blob_gas = told.integers("blobGasUsed", must=False)
    blob = amounts.product(blob_gas, told.amounts("blobGasPrice", must=False))
    data = _or_nothing(told.amounts("l1Fee", must=False))
    _nothing_where(blob, blob_gas == 0)
    _unknown_where(blob, _unsaid_blobs(blocks, receipts))
    for word in ("operatorFeeScalar", "operatorFeeConstant"):  # how they count differs from fork to fork
        _unknown_where(data, told.integers(word, must=False) > 0)
    if chain.fees is Fees.OP_STACK:
        deposit = blocks.txs.integers("type", must=False) == _DEPOSIT
        _unknown_where(data, ~told.said("l1Fee") & ~deposit)
    fee = amounts.total(first, tip, blob, data)

    ids = blocks.tx_ids
    payer, producer, none = all_of(sender), _producers(blocks)[blocks.tx_block], nobody(count)
    burned, paid = TransferKind.FEE_BURNED, TransferKind.FEE_PAID
    match chain.fees:
        case Fees.ETHEREUM:
            parts = [
                (burned, none, first),
                (burned, none, blob),
                (paid, producer, tip),
                (paid, producer, data),
            ]
        case Fees.OP_STACK:
            vaults = everywhere(_BASE_VAULT, count), everywhere(_DATA_VAULT, count)
            parts = [
                (paid, vaults[0], first),
                (paid, producer, tip),
                (paid, vaults[1], data),
                (burned, none, blob),
            ]
        case Fees.UNKNOWN:
            parts = [(paid, producer, fee)]
    moves = [
        native(kind, ids, LAST + place, payer, target, amount).but_nothing()
        for place, (kind, target, amount) in enumerate(parts)
    ]
    for row in np.flatnonzero((fee.states == ABSENT) | (fee.states == WIDE)).tolist():
        wide = fee.states[row] == WIDE
        reason = "a fee of more than 38 digits" if wide else "a fee that the node does not tell whole"
        quarantine.add(
            int(ids[row]), f"transaction 0x{blocks.tx_hashes[row].tobytes().hex()} fee", reason, b""
        )
    return Paid(price, fee, stack(moves))


def _unsaid_blobs(blocks: Blocks, receipts: Receipts) -> NDArray[np.bool_]:
    """(n,) where a transaction carries blobs and its receipt does not say how much gas they took."""
    blobs: NDArray[np.bool_] = (blocks.txs.integers("type", must=False) == 3) & ~receipts.fields.said(
        "blobGasUsed"
    )
    return blobs


def block_moves(chain: EvmChain, blocks: Blocks, told: NDArray[np.bool_]) -> tuple[Moves, NDArray[np.bool_]]:
    """Rewards by rule where no trace told them, and withdrawals; and (b,) where uncles' rewards are not known.

    The producer's own reward is known: the chain's, and a 32nd for each uncle. Who made an uncle, and how deep it is,
    a block does not say.
    """
    reward = np.array(
        [0 if height == 0 else chain.reward(height) for height in blocks.heights.tolist()], object
    )
    rows = np.flatnonzero((reward > 0) & ~told & blocks.fields.said("miner"))
    own = [
        int(reward[row]) + int(blocks.uncles[row]) * (int(reward[row]) // _UNCLE_SHARE)
        for row in rows.tolist()
    ]
    units = amounts.stack([amounts.constant(each, 1) for each in own]) if own else amounts.constant(0, 0)
    given = native(
        TransferKind.REWARD, blocks.own_ids(rows), FIRST, nobody(len(rows)), _producers(blocks)[rows], units
    )
    stakes, of = blocks.withdrawals, blocks.withdrawal_block
    returned = native(
        TransferKind.WITHDRAWAL, blocks.own_ids(of), np.arange(len(of)), nobody(len(of)),
        all_of(stakes.fixed("address", 20)),
        amounts.product(stakes.integers("amount"), amounts.constant(_GWEI, len(of))),
    )  # fmt: skip
    return stack([given, returned]).but_nothing(), (reward > 0) & ~told & (blocks.uncles > 0)


def _producers(blocks: Blocks) -> Ends:
    return Ends(blocks.fields.fixed("miner", 20, must=False), blocks.fields.said("miner"))


def _first(one: Amounts, other: Amounts) -> Amounts:
    """The one, the other where it is absent."""
    absent = one.states == ABSENT
    return Amounts(
        np.where(absent[:, None], other.limbs, one.limbs),
        np.where(absent, other.states, one.states).astype(np.uint8),
    )


def _or_nothing(column: Amounts) -> Amounts:
    """0 where absent: the chain has no such part of a fee there."""
    _nothing_where(column, column.states == ABSENT)
    return column


def _nothing_where(column: Amounts, rows: NDArray[np.bool_]) -> None:
    column.limbs[rows] = 0
    column.states[rows] = KNOWN


def _unknown_where(column: Amounts, rows: NDArray[np.bool_]) -> None:
    column.limbs[rows] = 0
    column.states[rows] = ABSENT
