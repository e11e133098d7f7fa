"""Sound blocks in every writing of the family, from which mutants are made."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from adapters.bitcoin.chains import BitcoinChain, Layout
from adapters.bitcoin.zcash.scan import GROUPS, OVERWINTERED
from adapters.simulation import build_world
from adapters.simulation.encode import varint
from tests.rawblocks import RawChain, RawTx, coinbase, p2pkh, p2wpkh, shop_chain
from tests.rawfamily import FamilyChain

_KEY = b"\x02" + b"k" * 32
_SCRIPTS = [
    p2pkh("a"), p2wpkh("b"), b"\x21" + _KEY + b"\xac", b"\xa9\x14" + b"h" * 20 + b"\x87", b"\0\x20" + b"h" * 32,
    b"\x51\x20" + b"h" * 32, bytes.fromhex("51024e73"), b"\x60\x02ab", b"\x6a\x04data", b"",
    b"\x51\x21" + _KEY + b"\x21" + _KEY + b"\x52\xae",
]  # fmt: skip
_TOKENS = [
    b"\xef" + b"c" * 32 + told + p2pkh("token")
    for told in (
        b"\x10\x01",
        b"\x20",
        b"\x10\xfd\xff\xff",
        b"\x72\x03abc\x05",
        b"\x60\x01x",
        b"\x80",
        b"\x71\x00",
    )
]


def _coin(form: int, script: bytes, height: int = 100, packed: int = 50) -> bytes:
    """A spent output as undo data has it: height and coinbase flag, an old node's version, amount and script packed."""
    return bytes([2 * height % 128, *([0] if height else []), packed, form]) + script


UNDO = [
    b"\2" + b"\2" + _coin(0, b"h" * 20) + _coin(1, b"h" * 20) + b"\1" + _coin(2, b"x" * 32),
    b"\1\1" + _coin(4, bytes.fromhex("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")),
    b"\1\4" + _coin(3, b"x" * 32) + _coin(6, b"") + _coin(26, b"s" * 20, height=0) + _coin(5, b"\xff" * 32),
    b"\1\xfd\x2c\1" + _coin(7, b"s") * 300,
]
"""Undo data of blocks whose transactions spend 2 and 1, 1, 4 and 300 outputs."""


def _spread(scripts: Sequence[bytes]) -> RawTx:
    return RawTx([(b"\x07" * 32, 0)], [(script, 1_000 + at) for at, script in enumerate(scripts)])


def _several(size: int) -> list[RawTx]:
    return [RawTx([(bytes([n + 1]) * 32, n)], [(p2pkh(f"n {n}"), n)]) for n in range(size)]


def samples(chain: BitcoinChain) -> list[bytes]:
    """Blocks as a chain writes them; their Merkle roots may be wrong."""
    if chain.layout is Layout.ZCASH:
        return _zcash(chain)
    return [*(_bitcoin() if chain.segwit_height is not None else []), *_of(chain)]


def _bitcoin() -> list[bytes]:
    """Every kind of output, with and without witness, from 1 to a dozen transactions."""
    chain = RawChain()
    coin, spread = chain.add(), _spread(_SCRIPTS)
    stacks = [[b"s" * 71, _KEY], [], [b""], []]
    chain.add(spread)
    chain.add(RawTx([(spread.txid, at) for at in range(4)], [(p2pkh("c"), 9)], witness=stacks))
    chain.add(RawTx([(coin.txid, 0)], [(p2pkh("c"), 9)]))
    for size in (2, 3, 12):
        chain.add(*_several(size))
    market = build_world("market", seed=1, txs=1_500)
    whole = [block for block in market.blocks() if len(block) > 300]
    market.close()
    return [*chain.blocks, *shop_chain().blocks[3:6], *whole[-3:]]


def _of(entry: BitcoinChain) -> list[bytes]:
    """What a chain has of its own: headers with a proof inside, a HogEx, tokens, children before parents."""
    chain = FamilyChain(entry)
    parents = _several(5)
    children = [RawTx([(tx.txid, 0)], [(p2pkh("child"), 3)]) for tx in parents]
    chain.add()
    chain.add(_spread(_SCRIPTS + _TOKENS), *parents, *children)
    if entry.proof.fixed is None:
        merged = FamilyChain(entry, merged=True)
        merged.add()
        merged.add(*_several(3))
        chain.blocks += merged.blocks[1:]
    if entry.layout is Layout.MWEB:
        chain.blocks += [_hogex(b"\0"), _hogex(b"\1" + b"extension" * 9)]
    return chain.blocks


def _hogex(behind: bytes) -> bytes:
    """A block with a HogEx, which is marked by the flag 8, and what may follow it."""
    first, body = coinbase(1, [(p2pkh("a"), 5)]), RawTx([(b"\1" * 32, 0)], [(p2pkh("peg"), 5)]).stripped
    return bytes(80) + b"\2" + first.full + body[:4] + b"\0\x08" + body[4:-4] + b"\0" + body[-4:] + behind


def _zcash(chain: BitcoinChain) -> list[bytes]:
    """Every version, with and without what moves into shielded pools and out of them."""
    assert chain.proof.fixed is not None
    first = struct.pack("<I", 1) + coinbase(1, [(p2pkh("miner"), 5)]).stripped[4:]
    plain = RawTx([(b"\1" * 32, 0)], [(p2pkh("a"), 5), (p2pkh("b"), 6)]).stripped[4:-4]
    lock, balance, nothing = struct.pack("<II", 0, 9), struct.pack("<q", -7), struct.pack("<q", 0)
    split = struct.pack("<qq", 3, 0)
    txs = {
        "version 1": struct.pack("<I", 1) + plain + bytes(4),
        "version 2 with a JoinSplit": struct.pack("<I", 2) + plain + bytes(4) + b"\1" + split + b"j" * 1786 + b"k" * 96,
        "version 3": _over(3) + plain + lock + b"\0",
        "version 4": _over(4) + plain + lock + nothing + b"\0\0\0",
        "version 4 with an output": _over(4) + plain + lock + balance + b"\0\1" + b"o" * 948 + b"\0" + b"b" * 64,
        "version 4 with a spend and a JoinSplit": _over(4) + plain + lock + struct.pack("<q", 4) + b"\1" + b"s" * 384
        + b"\0\1" + split + b"j" * 1682 + b"k" * 96 + b"b" * 64,
        "version 5": _over(5) + b"branlockexpi" + plain + b"\0\0\0",
        "version 5 with Sapling": _over(5) + b"branlockexpi" + plain + b"\1" + b"s" * 96 + b"\1" + b"o" * 756 + balance
        + b"a" * 32 + b"p" * (192 + 64 + 192 + 64) + b"\0",
        "version 5 with Orchard": _over(5) + b"branlockexpi" + plain + b"\0\0\2" + b"a" * 1640 + b"\3" + balance
        + b"r" * 32 + b"\5proof" + b"g" * 128 + b"b" * 64,
        "version 6": _over(6) + b"branlockexpi" + plain + b"\0\0\0\0",
    }  # fmt: skip
    header = bytes(chain.proof.fixed)
    alone = [header + b"\2" + first + tx for tx in txs.values()]
    return [header + b"\1" + first, *alone, header + varint(1 + len(txs)) + first + b"".join(txs.values())]


def _over(version: int) -> bytes:
    return struct.pack("<II", OVERWINTERED | version, GROUPS[version])
