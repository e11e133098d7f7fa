"""The entries of Zcash: a reward that started slowly and was split by Blossom, Equihash, shielded pools.

Parameters are those of zcashd (chainparams.cpp) and of the upgrades' ZIPs; see `zcash.scan` for the layout.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from adapters.addresses import zcash
from adapters.bitcoin.entry import COIN, BitcoinChain, Layout
from adapters.bitcoin.work.equihash import EquihashHeader

_FIRST = 1_250_000_000
"""Base units of a full reward before Blossom: 12.5 coins."""


def _reward(
    height: int, *, slow_start: int, interval: int, blossom: int, disbursement: tuple[int, int] = (-1, 0)
) -> int:
    """Most new base units of a block: founders' reward, funding streams and lockbox are part of it.

    slow_start    over so many blocks the reward grew from nothing; halvings count from the middle of them
    interval      blocks between halvings before Blossom; twice as many after it, for blocks of half the reward
    disbursement  height and base units of the one block that also pays out the lockbox (NU6.1, ZIP 271)
    """
    extra = disbursement[1] if height == disbursement[0] else 0
    if height < slow_start:
        return extra + _FIRST // slow_start * (height if height < slow_start // 2 else height + 1)
    since = height - slow_start // 2
    if height < blossom:
        return extra + (_FIRST >> min(since // interval, 63))
    return extra + (_FIRST // 2 >> min((since + blossom - slow_start // 2) // (2 * interval), 63))


def _regtest_reward(height: int) -> int:
    """The most of any choice of upgrade heights, which whoever starts the node makes."""
    return max(_FIRST >> min(height // 144, 63), _FIRST // 2 >> min(height // 288, 63))


_MAIN = BitcoinChain(
    name="zcash",
    genesis="00040fe8ec8471911baa1db1266ea15dd06b4a8a5c453883c000b031973dce08",
    magic=bytes.fromhex("24e92764"),
    format=zcash.MAIN,
    pow_limit=(1 << 243) - 1,
    rewards=partial(
        _reward, slow_start=20_000, interval=840_000, blossom=653_600, disbursement=(3_146_400, 78_750 * COIN)
    ),
    bip34_height=1,
    segwit_height=None,
    max_block_size=2_000_000,
    asset="ZEC",
    price_asset="ZEC",
    proof=EquihashHeader(200, 9),
    layout=Layout.ZCASH,
    notes=(
        "what happens inside shielded pools is not seen: their proofs and signatures, and that a pool never pays out "
        "more than went in, are not checked",
        "a header's commitments to note trees, chain history and authorising data are not checked: from version 5 on a "
        "txid does not cover unlocking scripts",
        "founders' rewards, funding streams and the lockbox are held to the whole reward, not to their shares",
        "no running Zcash node was read: the formats were tested on official test vectors and recorded blocks",
    ),
)

ENTRIES = (
    _MAIN,
    replace(
        _MAIN,
        name="zcash-testnet",
        genesis="05a60a92d99d85997cce3b87616c089f6124d7342af37106edc76126334a2c38",
        magic=bytes.fromhex("fa1af9bf"),
        format=zcash.TESTNET,
        price_asset=None,
        pow_limit=(1 << 251) - 1,
        rewards=partial(
            _reward,
            slow_start=20_000,
            interval=840_000,
            blossom=584_000,
            disbursement=(3_536_500, 78_750 * COIN),
        ),
    ),
    replace(
        _MAIN,
        name="zcash-regtest",
        genesis="029f11d80ef9765602235e1bc9727e3eb6ba20839319f761fee920d63401e327",
        magic=bytes.fromhex("aae83f5f"),
        format=zcash.REGTEST,
        price_asset=None,
        pow_limit=int("0f" * 32, 16),
        rewards=_regtest_reward,
        proof=EquihashHeader(48, 5),
    ),
)
