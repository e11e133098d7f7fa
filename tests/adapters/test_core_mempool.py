"""Unconfirmed transactions as a node tells them: only what is the transaction it is called is kept."""

from __future__ import annotations

import pytest

from adapters.bitcoin.chains import CHAINS
from adapters.bitcoin.core.mempool import decoded
from tests.rawblocks import RawTx, p2pkh, p2wpkh

CHAIN = CHAINS["bitcoin-regtest"]
COIN = (b"\7" * 32, 3)
PLAIN = RawTx([COIN, (b"\x08" * 32, 0)], [(p2pkh("shop"), 5), (p2pkh("change"), 6)])
WITNESSED = RawTx([(PLAIN.txid, 1)], [(p2wpkh("shop"), 4)], witness=[[b"signature", b"key"]])


def test_bytes_and_spends_are_those_of_the_txid() -> None:
    found = list(decoded([(tx.txid, tx.full) for tx in (PLAIN, WITNESSED)], CHAIN, 1_000))
    assert [(each.txid, each.raw, each.spends) for each in found] == [
        (PLAIN.txid, PLAIN.full, [COIN, (b"\x08" * 32, 0)]),
        (WITNESSED.txid, WITNESSED.full, [(PLAIN.txid, 1)]),
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        (PLAIN.txid, WITNESSED.full),
        (PLAIN.txid, PLAIN.full[:-1]),
        (PLAIN.txid, PLAIN.full + b"\0"),
        (PLAIN.txid, b""),
        (PLAIN.txid, b"\xff" * 200),
    ],
    ids=["another's bytes", "cut off", "too long", "nothing", "nonsense"],
)
def test_what_is_not_what_it_is_called_is_left_out_and_the_rest_is_not(wrong: tuple[bytes, bytes]) -> None:
    good = (WITNESSED.txid, WITNESSED.full)
    found = list(decoded([wrong, good, wrong, wrong, good], CHAIN, 1_000))
    assert [each.txid for each in found] == [WITNESSED.txid, WITNESSED.txid]
