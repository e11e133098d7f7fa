"""A second, plain reader of raw blocks: what the decoder is held to.

Written from the developer reference ("raw transaction format"), BIP 141 and BIP 144.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from adapters.simulation.encode import sha256d

COMMITMENT = bytes.fromhex("6a24aa21a9ed")
NULL = bytes(32)


class Malformed(Exception):
    """These bytes are no block: the message says where it stopped."""


@dataclass(frozen=True)
class Rules:
    """What differs between chains that write transactions as Bitcoin does.

    header    bytes before the count of transactions; witness: BIP 144 holds
    mweb      the last transaction may carry LIP-0002's flag, and an extension block then follows
    by_txid   the transactions behind the coinbase ascend by txid
    """

    max_money: int
    header: int = 80
    witness: bool = True
    mweb: bool = False
    by_txid: bool = False


@dataclass(frozen=True)
class Tx:
    """One transaction as it stands: raw bytes, and the same without witness; whether it is a HogEx."""

    raw: bytes
    stripped: bytes
    ins: Sequence[tuple[bytes, int, bytes, int]]
    outs: Sequence[tuple[int, bytes]]
    witness: Sequence[Sequence[bytes]]
    hogex: bool

    @property
    def txid(self) -> bytes:
        """Wire order."""
        return sha256d(self.stripped)


class Reader:
    """Bytes from the front; `Malformed` where they end too early."""

    def __init__(self, raw: bytes) -> None:
        self.raw, self.at = raw, 0

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        if self.at + size > len(self.raw):
            raise Malformed("cut off")
        self.at += size
        return self.raw[self.at - size : self.at]

    def number(self, size: int) -> int:
        """Little-endian."""
        return int.from_bytes(self.take(size), "little")

    def count(self) -> int:
        """A CompactSize in its shortest form, of what can be in a block."""
        first = self.number(1)
        if first < 0xFD:
            return first
        size = {0xFD: 2, 0xFE: 4, 0xFF: 8}[first]
        value = self.number(size)
        if value < {2: 0xFD, 4: 1 << 16, 8: 1 << 32}[size] or value >= 1 << 31:
            raise Malformed("no CompactSize")
        return value

    def string(self) -> bytes:
        """A length and as many bytes."""
        return self.take(self.count())

    def tx(self, rules: Rules) -> Tx:
        """One transaction."""
        start = self.at
        version = self.take(4)
        flag = 0
        if self.raw[self.at : self.at + 1] == b"\0":
            flag = self.take(2)[1]
            if not (flag == 1 and rules.witness) and not (flag == 8 and rules.mweb):
                raise Malformed("marker or flag")
        body = self.at
        ins = [(self.take(32), self.number(4), self.string(), self.number(4)) for _ in range(self.count())]
        outs = [(self.number(8), self.string()) for _ in range(self.count())]
        if not ins or not outs or sum(value for value, _ in outs) > rules.max_money:
            raise Malformed("no input, no output or too much money")
        between = self.raw[body : self.at]
        witness = [[self.string() for _ in range(self.count())] for _ in ins] if flag == 1 else []
        if flag == 1 and not any(witness):
            raise Malformed("an empty witness")
        if flag == 8 and self.take(1) != b"\0":
            raise Malformed("MWEB data of its own")
        locktime = self.take(4)
        return Tx(self.raw[start : self.at], version + between + locktime, ins, outs, witness, flag == 8)


def transactions(block: bytes, rules: Rules) -> list[Tx]:
    """The transactions of a block, well-formed each for itself, with one coinbase at the front."""
    reader = Reader(block)
    reader.take(rules.header)
    txs = [reader.tx(rules) for _ in range(reader.count())]
    if any(tx.hogex for tx in txs[:-1]) or (len(txs) == 1 and txs[0].hogex):
        raise Malformed("a HogEx that is not the last")
    if txs and txs[-1].hogex and reader.take(1) != b"\0":
        if block[reader.at - 1] != 1 or not block[reader.at :]:
            raise Malformed("no extension block")
        reader.at = len(block)
    if reader.at != len(block) or not txs:
        raise Malformed("bytes follow, or nothing is there")
    for position, tx in enumerate(txs):
        nulls = sum(prev == NULL and vout == 0xFFFFFFFF for prev, vout, _, _ in tx.ins)
        if (nulls > 0) != (position == 0):
            raise Malformed("coinbase")
    if len(txs[0].ins) != 1 or not 2 <= len(txs[0].ins[0][2]) <= 100:
        raise Malformed("coinbase")
    return txs


def root(leaves: Sequence[bytes]) -> tuple[bytes, bool]:
    """The Merkle root, and whether equal neighbours make it stand for other leaves too (CVE-2012-2459)."""
    level, ambiguous = list(leaves), False
    while len(level) > 1:
        ambiguous |= any(level[at] == level[at + 1] for at in range(0, len(level) - 1, 2))
        level += level[-1:] * (len(level) % 2)
        level = [sha256d(level[at] + level[at + 1]) for at in range(0, len(level), 2)]
    return level[0], ambiguous


def sound(block: bytes, rules: Rules) -> list[Tx]:
    """The transactions of a block whose Merkle root and witness commitment hold; `Malformed` where they do not."""
    txs = transactions(block, rules)
    found, ambiguous = root([tx.txid for tx in txs])
    if found != block[36:68] or ambiguous:
        raise Malformed("Merkle root")
    names = [tx.txid[::-1] for tx in txs[1:]]
    if rules.by_txid and any(one >= other for one, other in pairwise(names)):
        raise Malformed("not by txid")
    if not rules.witness:
        return txs
    claims = [script for _, script in txs[0].outs if script.startswith(COMMITMENT) and len(script) >= 38]
    if not claims and not any(tx.witness for tx in txs):
        return txs
    if not claims or [len(item) for stack in txs[0].witness for item in stack] != [32]:
        raise Malformed("no witness commitment, or nothing it commits to")
    leaves = [NULL, *(sha256d(tx.raw) for tx in txs[1:])]
    if sha256d(root(leaves)[0] + txs[0].witness[0][0]) != claims[-1][6:38]:
        raise Malformed("witness commitment")
    return txs
