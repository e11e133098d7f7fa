"""What zcash's transactions put into shielded pools and took out of them, as bitcoin-etl writes it.

It adds an input for what a JoinSplit or a positive value balance takes out of a pool, an output for what goes in, all
of type `shielded`; it does not say of which pool. `tracer export` names the pool in the place of an address.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from adapters.bitcoin.zcash.scan import POOLS
from adapters.files.bitcoin_etl.layout import SHIELDED
from adapters.files.bitcoin_etl.values import Nested

SPROUT, SAPLING = 0, 1


def net(ins: Nested, outs: Nested, version: NDArray[np.int64], own: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(n, p) base units that each transaction adds to each pool, net; below zero: takes out of it.

    Where the pool is not named: transactions before version 4 know Sprout alone. Of version 4 it is Sapling; where one
    takes out and puts in, it moves coins from Sprout to Sapling. `own` (n,) rows are net already, name what they take
    out of, and pay into the pools that are left, which nobody tells apart.
    """
    found = np.zeros((len(version), len(POOLS)), np.int64)
    taken, put = (np.flatnonzero(side.words("type").among(SHIELDED)) for side in (ins, outs))
    of_taken, of_put = ins.of[taken], outs.of[put]
    both = np.isin(np.arange(len(version)), of_taken) & np.isin(np.arange(len(version)), of_put)
    named = _named(ins, taken)
    usual = np.where((version[of_taken] < 4) | both[of_taken], SPROUT, SAPLING)
    np.add.at(found, (of_taken, np.where(named >= 0, named, usual)), -_values(ins, taken))
    pool = np.where(version[of_put] < 4, SPROUT, SAPLING)
    used = found < 0
    for row in np.flatnonzero(own[of_put]).tolist():  # zcash's own exports: few and small
        pool[row] = int(np.flatnonzero(~used[of_put[row]])[0])
        used[of_put[row], pool[row]] = True
    np.add.at(found, (of_put, pool), _values(outs, put))
    return found


def _values(nested: Nested, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    return nested.integers("value", 0, (1 << 62) - 1, absent=0)[rows]


def _named(nested: Nested, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The pool that each row names, -1 where none."""
    if not len(rows):
        return np.zeros(0, np.int64)
    texts, _ = nested.only_address()
    names = [texts[row].as_py() for row in rows.tolist()]
    return np.array([POOLS.index(name) if name in POOLS else -1 for name in names], np.int64)
