"""The chains of the Bitcoin family: one entry each, declaring names, addresses, value rules, work and layout.

Parameters are those of each chain's reference node (chainparams.cpp of Bitcoin Core, Litecoin Core, Dogecoin Core and
Bitcoin Cash Node); tests rebuild each genesis block and compare its hash.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from adapters.addresses import cashaddr, litecoin
from adapters.bitcoin.addresses import AddressFormat
from adapters.bitcoin.entry import COIN, BitcoinChain, Layout, halving
from adapters.bitcoin.work import BY_MERGED_MINING, BY_MERGED_MINING_OF_ANYONE, BY_SCRYPT
from adapters.bitcoin.zcash import entry as zcash
from tracer.errors import UsageError

__all__ = ["CHAINS", "MAGICS", "BitcoinChain", "Layout", "chain_named", "named"]

_EASIEST = 0xFFFF << 208
_EASIEST_SCRYPT = 0x0FFFFF << 216
_EASIEST_REGTEST = 0x7FFFFF << 232
_TESTNET = AddressFormat(b"\x6f", b"\xc4", "tb")

_BITCOIN = BitcoinChain(
    name="bitcoin",
    genesis="000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f",
    magic=bytes.fromhex("f9beb4d9"),
    format=AddressFormat(b"\x00", b"\x05", "bc"),
    pow_limit=_EASIEST,
    rewards=halving(210_000),
    bip34_height=227_931,
    segwit_height=481_824,
    retarget_interval=2016,
    # where bitcoin-cash left
    checkpoints=((478_559, "00000000000000000019f112ec0a9982926f1258cdcc558dd7c3b7e5dc7fa148"),),
)
_BITCOIN_TESTNET = replace(
    _BITCOIN,
    name="bitcoin-testnet",
    genesis="000000000933ea01ad0ee984209779baaec3ced90fa3f408719526f8d77f4943",
    price_asset=None,
    magic=bytes.fromhex("0b110907"),
    format=_TESTNET,
    bip34_height=21_111,
    segwit_height=834_624,
    retarget_interval=None,
    checkpoints=(),
)
_BITCOIN_REGTEST = replace(
    _BITCOIN,
    name="bitcoin-regtest",
    genesis="0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206",
    magic=bytes.fromhex("fabfb5da"),
    format=AddressFormat(b"\x6f", b"\xc4", "bcrt"),
    pow_limit=_EASIEST_REGTEST,
    rewards=halving(150),
    bip34_height=1,
    segwit_height=0,
    retarget_interval=None,
    checkpoints=(),
)

_LITECOIN = BitcoinChain(
    name="litecoin",
    genesis="12a765e31ffd4059bada1e25190f6e98c99d9714d334efa41a195a7e7e04bfe2",
    magic=bytes.fromhex("fbc0b6db"),
    format=litecoin.MAIN,
    pow_limit=_EASIEST_SCRYPT,
    rewards=halving(840_000),
    bip34_height=710_000,
    segwit_height=1_201_536,
    retarget_interval=2016,
    max_block_size=16_000_000,  # 4 MB and an extension block of "just over 11 MB"
    asset="LTC",
    price_asset="LTC",
    max_money=84_000_000 * COIN,
    proof=BY_SCRYPT,
    layout=Layout.MWEB,
    notes=(
        "MWEB extension blocks are not decoded: what happens inside the pool is not seen, and that a HogEx "
        "transaction agrees with its extension block is not checked",
    ),
)


def _dogecoin(height: int, *, interval: int, simple_from: int) -> int:
    """The most a coinbase may create. Before `simple_from` rewards were drawn from the previous block's hash."""
    if height >= 6 * interval:
        return 10_000 * COIN
    most = 500_000 if height >= simple_from else 1_000_000
    return (most * COIN) >> (height // interval)


def _dogecoin_rewards(interval: int, simple_from: int) -> Callable[[int], int]:
    return partial(_dogecoin, interval=interval, simple_from=simple_from)


_DOGECOIN = BitcoinChain(
    name="dogecoin",
    genesis="1a91e3dace36e2be3bf030a65679fe821aa1d6ef92e7c9902eb318182c355691",
    magic=bytes.fromhex("c0c0c0c0"),
    format=AddressFormat(b"\x1e", b"\x16", ""),
    pow_limit=_EASIEST_SCRYPT,
    rewards=_dogecoin_rewards(100_000, 145_000),
    bip34_height=1_034_383,
    segwit_height=None,
    asset="DOGE",
    price_asset="DOGE",
    max_money=10_000_000_000 * COIN,
    proof=BY_MERGED_MINING,
    notes=(
        "before height 145,000 a reward is held to the most it could be, not to the amount drawn for it",
        "that blocks from height 371,337 on are merge-mined or carry the chain's id is not checked by height",
    ),
)

_TOKENS = (
    "CashTokens are not traced: an output counts with its coins, the token beside them is not read",
    "the adjustable block size limit is not checked",
)
_BITCOIN_CASH = replace(
    _BITCOIN,
    name="bitcoin-cash",
    format=cashaddr.MAIN,
    segwit_height=None,
    retarget_interval=None,
    max_block_size=2_000_000_000,
    asset="BCH",
    price_asset="BCH",
    layout=Layout.CASHTOKENS,
    txid_order_height=556_767,
    tokens_height=792_773,
    checkpoints=(
        (478_559, "000000000000000000651ef99cb9fcbe0dadde1d424bd9f15ff20136191a5eec"),  # leaves bitcoin
        (556_767, "0000000000000000004626ff6e3b936941d341c5932ece4357eeccac44e6d56c"),  # bitcoin-sv leaves
        (661_648, "0000000000000000029e471c41818d24b8b74c911071c4ef0b4a0509f9b5a8ce"),  # ecash leaves
    ),
    named_by="000000000000000000651ef99cb9fcbe0dadde1d424bd9f15ff20136191a5eec",
    notes=_TOKENS,
)
_BITCOIN_CASH_TESTNET = replace(
    _BITCOIN_CASH,
    name="bitcoin-cash-testnet",
    genesis=_BITCOIN_TESTNET.genesis,
    magic=_BITCOIN_TESTNET.magic,
    format=cashaddr.TESTNET,
    bip34_height=21_111,
    price_asset=None,
    txid_order_height=1_267_997,
    tokens_height=1_552_788,
    checkpoints=((1_155_876, "00000000000e38fef93ed9582a7df43815d5c2ba9fd37ef70c9a0ea4a285b8f5"),),
    named_by="00000000000e38fef93ed9582a7df43815d5c2ba9fd37ef70c9a0ea4a285b8f5",
)
_BITCOIN_CASH_TESTNET4 = replace(
    _BITCOIN_CASH_TESTNET,
    name="bitcoin-cash-testnet4",
    genesis="000000001dd410c49a788668ce26751718cc797474d3152a5fc073dd44fd9f7b",
    magic=bytes.fromhex("cd22a792"),
    bip34_height=2,
    txid_order_height=4_001,
    tokens_height=148_044,
    # where bitcoin-cash-chipnet left
    checkpoints=((115_252, "00000000ae25e85d9e22cd6c8d72c2f5d4b0222289d801b7f633aeae3f8c6367"),),
    named_by="",
)

_ENTRIES = (
    _BITCOIN,
    _BITCOIN_TESTNET,
    replace(
        _BITCOIN_TESTNET,
        name="bitcoin-testnet4",  # BIP 94
        genesis="00000000da84f2bafbbc53dee25a72ae507ff4914b867c565be350b0da8bf043",
        magic=bytes.fromhex("1c163f28"),
        bip34_height=1,
        segwit_height=1,
    ),
    replace(
        _BITCOIN_TESTNET,
        name="bitcoin-signet",
        genesis="00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6",
        magic=bytes.fromhex("0a03cf40"),
        pow_limit=0x0377AE << 216,
        bip34_height=1,
        segwit_height=1,
    ),
    _BITCOIN_REGTEST,
    _LITECOIN,
    replace(
        _LITECOIN,
        name="litecoin-testnet",
        genesis="4966625a4b2851d9fdee139e56211a0d88575f59ed816ff5e6a63deb4e3e29a0",
        price_asset=None,
        magic=bytes.fromhex("fdd2c8f1"),
        format=litecoin.TESTNET,
        bip34_height=76,
        segwit_height=6_048,
        retarget_interval=None,
    ),
    replace(
        _LITECOIN,
        name="litecoin-regtest",
        genesis="530827f38f93b43ed12af0b3ad25a288dc02ed74d6d7857862df51fc56c416f9",
        price_asset=None,
        magic=bytes.fromhex("fabfb5da"),
        format=litecoin.REGTEST,
        pow_limit=_EASIEST_REGTEST,
        rewards=halving(150),
        bip34_height=500,
        segwit_height=0,
        retarget_interval=None,
    ),
    _DOGECOIN,
    replace(
        _DOGECOIN,
        name="dogecoin-testnet",
        genesis="bb0a78264637406b6360aad926284d544d7049f45189db5664f3c4d07350559e",
        price_asset=None,
        magic=bytes.fromhex("fcc1b7dc"),
        format=AddressFormat(b"\x71", b"\xc4", ""),
        bip34_height=708_658,
        proof=BY_MERGED_MINING_OF_ANYONE,
        notes=_DOGECOIN.notes[:1],
    ),
    replace(
        _DOGECOIN,
        name="dogecoin-regtest",
        genesis="3d2160a3b5dc4a9d62e7e66a295f70313ac808440ef7400d6c0772171ce973a5",
        price_asset=None,
        magic=bytes.fromhex("fabfb5da"),
        format=AddressFormat(b"\x6f", b"\xc4", ""),
        pow_limit=_EASIEST_REGTEST,
        rewards=_dogecoin_rewards(150, 0),
        bip34_height=None,
        notes=(),
    ),
    *zcash.ENTRIES,
    _BITCOIN_CASH,
    _BITCOIN_CASH_TESTNET,
    _BITCOIN_CASH_TESTNET4,
    replace(
        _BITCOIN_CASH_TESTNET4,
        name="bitcoin-cash-chipnet",
        tokens_height=121_957,
        checkpoints=((115_252, "00000000040ba9641ba98a37b2e5ceead38e4e2930ac8f145c8094f94c708727"),),
        named_by="00000000040ba9641ba98a37b2e5ceead38e4e2930ac8f145c8094f94c708727",
    ),
    replace(
        _BITCOIN_REGTEST,
        name="bitcoin-cash-regtest",
        format=cashaddr.REGTEST,
        bip34_height=None,
        segwit_height=None,
        max_block_size=2_000_000_000,
        asset="BCH",
        price_asset=None,
        layout=Layout.CASHTOKENS,
        txid_order_height=1,
        tokens_height=1,
        notes=_TOKENS,
    ),
)

CHAINS: Mapping[str, BitcoinChain] = {entry.name: entry for entry in _ENTRIES}
"""Every chain of the family by its short name."""

MAGICS: Mapping[bytes, str] = {entry.magic: entry.name for entry in reversed(_ENTRIES)}
"""Network magics we can name in an error; of chains that share one, the first."""


def named(text: str) -> BitcoinChain | None:
    """The entry for a short name or CAIP-2 id (of chains that share an id, the first); None where there is none."""
    return next((entry for entry in _ENTRIES if text in (entry.name, entry.caip2)), None)


def chain_named(text: str) -> BitcoinChain:
    """The same; `UsageError` lists the chains of the family."""
    if (found := named(text)) is None:
        raise UsageError(f"unknown chain {text!r}.", hint=f"Known: {', '.join(CHAINS)}.")
    return found
