"""Movements turned round: the same kernels over them tell where money came from.

A transaction turned round takes its outputs, in vout order, and then its fee, which is clean, and puts them into
what it spent, in vin order. Transactions run last to first, so that taint leaves an outpoint (to its maker) after it
came there (from its spender). A container of the turned columns is an outpoint; those that no transaction in here
spends are made by a pseudo transaction before all others.

Why it is the inverse: inputs and outputs of a transaction are two lists of the same units. FIFO maps unit number p
of the inputs to unit p of outputs and fee; LIFO maps it to S - 1 - p, of S units in all. Both are bijections, and
over turned columns the same kernel applies p -> p, or S - 1 - p -> p: so the units `A` sends to `X` forward are the
units `X` has from `A` backward, in every chain of transactions that no cut interrupts. Haircut splits by value;
turned round it attributes to every input the same share of what is asked for, which is proportional attribution and no
inverse. Poison marks every input, whole. TIHO forgets which clean units came in, so nothing can undo it: turned
round it fills the largest inputs first, and no inverse is claimed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracer.flow.fates import Fate
from tracer.flow.movements import I64, Movements


@dataclass(frozen=True)
class Reversed:
    """Turned columns of `m` movements with `n` inputs and `k` outputs, and what they were before.

    movements  the turned columns: movement 0 has no inputs and makes what nobody in here spends
    tx         int64[m']  the movement turned round, -1 for movement 0
    turned     int64[m]   the turned movement, -1 where there is none: a transaction without inputs
    container  int64[k]   the turned output that is this output
    output     int64[k']  the output that this turned output is, -1 where its maker is not in here
    input      int64[k']  the input that spends it, -1 where nobody in here does

    `movements.out_fate` is SPENT where the outpoint was made in here by a transaction with inputs, else UNSPENT:
    the caller, who knows what was minted and where to stop, writes its own (`dataclasses.replace`).
    """

    movements: Movements
    tx: I64
    turned: I64
    container: I64
    output: I64
    input: I64


def reverse(movements: Movements) -> Reversed:
    """Turn columns round; stops of the columns given are not read, only who spends what."""
    m = movements
    k, ins, outs = len(m.out_value), np.diff(m.in_start), np.diff(m.out_start)
    txs = np.flatnonzero(ins > 0)[::-1]
    turned = np.full(len(m), -1, np.int64)
    turned[txs] = np.arange(1, len(txs) + 1)

    # outputs of the turned columns: first what nobody spends, then the inputs of each transaction
    inputs = _slices(m.in_start[txs], ins[txs])
    known = m.in_ref[inputs]
    resting = np.ones(k, np.bool_)
    resting[m.in_ref[m.in_ref >= 0]] = False
    unspent = np.flatnonzero(resting)
    output = np.concatenate([unspent, known])
    spender = np.concatenate([np.full(len(unspent), -1, np.int64), inputs])
    container = np.empty(k, np.int64)
    container[output[output >= 0]] = np.flatnonzero(output >= 0)
    out_start = _starts(np.concatenate([[len(unspent)], ins[txs]]))
    rank = np.arange(len(output)) - np.repeat(out_start[:-1], np.diff(out_start))
    has_maker = np.repeat(ins > 0, outs)
    follow = np.where(output >= 0, has_maker[output], np.False_) if k else np.zeros(len(output), np.bool_)

    # inputs of the turned columns: the outputs of each transaction, then its fee
    paid = m.fee[txs] > 0
    width = outs[txs] + paid
    in_start = _starts(np.concatenate([[0], width]))
    in_ref, in_value = np.full(int(in_start[-1]), -1, np.int64), np.empty(int(in_start[-1]), np.int64)
    is_fee = np.zeros(len(in_ref), np.bool_)
    is_fee[in_start[2:][paid] - 1] = True
    made = _slices(m.out_start[txs], outs[txs])
    in_ref[~is_fee], in_value[~is_fee] = container[made], m.out_value[made]
    in_value[is_fee] = m.fee[txs][paid]

    found = Movements(
        in_start=in_start,
        in_ref=in_ref,
        in_value=in_value,
        out_start=out_start,
        out_value=np.concatenate([m.out_value[unspent], m.in_value[inputs]]),
        out_rank=rank.astype(np.int32),
        out_fate=np.where(follow, int(Fate.SPENT), int(Fate.UNSPENT)).astype(np.uint8),
        fee=np.zeros(len(txs) + 1, np.int64),
    )
    return Reversed(found, np.concatenate([[-1], txs]), turned, container, output, spender)


def _starts(lengths: I64) -> I64:
    """Where slices of these lengths begin, and where the last one ends."""
    starts = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=starts[1:])
    return starts


def _slices(first: I64, lengths: I64) -> I64:
    """The indices first[0], first[0] + 1, ... of each slice, one slice after the other."""
    starts = _starts(lengths)
    indices: I64 = np.arange(starts[-1]) + np.repeat(first - starts[:-1], lengths)
    return indices
