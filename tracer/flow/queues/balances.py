"""Balances of account queues over time: who pays out more than it holds, and the ledger with time turned round."""

from __future__ import annotations

import numpy as np
from numba import njit

from tracer.flow.movements import I64
from tracer.flow.queues.columns import Transfers
from tracer.flow.queues.shared import NEGATIVE, UNOPENED, blind, gain, lose


def overdrawn(transfers: Transfers) -> I64:
    """int64[q]: the first transfer by which a queue pays out more than it holds; -1 where it never does.

    Of queues that are followed and have a known balance: where a kernel would refuse (`StoreDamaged`). A caller that
    knows why an account can seem so (internal transfers not read, a rebasing token) says that its balance is
    not known instead.
    """
    _, _, place = _closing(*transfers.kernel()[:-1])
    found: I64 = place
    return found


def reverse(transfers: Transfers) -> Transfers:
    """The same ledger with time turned round, to follow money back to where it came from.

    Transfers in reverse order with their ends swapped; a queue opens with what it closed with, and is unknown
    where that is not known. FIFO and LIFO match every unit that left a queue with one that entered it, so that
    each, turned round, is its own inverse: what transfer `s` sends into transfer `x` forward is what `x` has from
    `s` backward. Across a conversion it is so but for rounding: out of many units fewer are made, and the way
    back cannot know which. `StoreDamaged` for a balance below zero.
    """
    closing, mode, place = _closing(*transfers.kernel()[:-1])
    if (place >= 0).any():
        transfers.refuse(NEGATIVE, int(place[place >= 0].min()))
    last = len(transfers) - 1
    return Transfers(
        transfers.target[::-1].copy(),
        transfers.source[::-1].copy(),
        transfers.amount[::-1].copy(),
        transfers.asset,
        closing,
        transfers.known & (mode != UNOPENED),
        transfers.fate,
        not transfers.backward,
        lambda place: transfers.name(last - place),
        None if transfers.unknown is None else transfers.unknown[::-1].copy(),
    )


@njit(cache=True, nogil=True)
def _closing(source, target, amount, opening, modes, unknown):  # type: ignore[no-untyped-def]
    balance, mode = opening.copy(), modes.copy()
    overdrawn_at = np.full(len(opening), -1, np.int64)
    for t in range(len(source)):
        s, d = source[t], target[t]
        if unknown[t]:
            blind(mode, s)
            blind(mode, d)
            continue
        hi, lo = amount[t, 1], amount[t, 0]
        if not lose(balance, s, mode, hi, lo):
            overdrawn_at[s] = t
            blind(mode, s)
        if not gain(balance, d, mode, hi, lo):
            blind(mode, d)
    return balance, mode, overdrawn_at
