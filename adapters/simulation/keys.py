"""Keys, the scripts they lock and the data that unlocks them.

A key is numbered; its secret follows from the world's seed and the number alone. Two signers share one code
path: `DummySigner` fills in bytes of the right size (worlds of millions of transactions), `RealSigner`
makes keys and signatures that Bitcoin Core accepts.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Protocol

from adapters.simulation.encode import (
    ANCHOR,
    BARE_MULTISIG,
    OP_RETURN,
    P2PK,
    P2PKH,
    P2SH_MULTISIG,
    P2SH_P2WPKH,
    P2TR,
    P2WPKH,
    P2WSH_MULTISIG,
    hash160,
    multisig_script,
    push,
    sha256,
    varint,
)

if TYPE_CHECKING:
    from adapters.simulation.recorder import Recorder
    from adapters.simulation.signing import SigHash


class Sink(Protocol):
    """Where new coins of a key go: the coin list of whoever controls it."""

    def append(self, coin: Coin, /) -> None:
        """Take the coin."""


class Key:
    """One locking script: what it is, who controls it and where its coins are collected."""

    __slots__ = ("home", "index", "kind", "lock", "number", "owner", "pub", "script", "signers")

    def __init__(self, kind: int, number: int, pub: bytes, owner: int, home: Sink | None) -> None:
        self.kind = kind
        self.number = number
        self.pub = pub
        self.owner = owner
        self.home = home
        self.lock = b""  # scriptPubKey behind its length
        self.script = b""  # redeem or witness script of a multisig
        self.index = -1  # row in the truth's address table
        self.signers: tuple[int, ...] = ()  # key numbers that sign the next spend of a multisig


class Coin:
    """An unspent output."""

    __slots__ = ("key", "prevout", "value")

    def __init__(self, prevout: bytes, value: int, key: Key) -> None:
        self.prevout = prevout  # 32 bytes txid (internal order), 4 bytes vout
        self.value = value  # satoshi
        self.key = key

    @property
    def outpoint(self) -> str:
        """`txid:vout` as people write it."""
        return f"{self.prevout[31::-1].hex()}:{int.from_bytes(self.prevout[32:], 'little')}"


class Signer(Protocol):
    """Public keys and signatures by key number."""

    real: bool

    def pubkey(self, number: int) -> bytes:
        """33 bytes, compressed."""

    def output_key(self, number: int) -> bytes:
        """32 bytes, the tweaked taproot key of BIP341 without scripts."""

    def ecdsa(self, number: int, coin: Coin, digest: bytes) -> bytes:
        """DER signature and the byte SIGHASH_ALL."""

    def schnorr(self, number: int, coin: Coin, digest: bytes) -> bytes:
        """64 bytes, SIGHASH_DEFAULT."""


class DummySigner:
    """Bytes that look like keys and signatures and are neither: no curve arithmetic at all."""

    real = False

    def __init__(self, tag: bytes) -> None:
        self._tag = tag

    def pubkey(self, number: int) -> bytes:
        """A hash behind an even-y prefix."""
        return b"\x02" + hashlib.sha256(self._tag + number.to_bytes(8, "little")).digest()

    def output_key(self, number: int) -> bytes:
        """A hash."""
        return hashlib.sha256(self._tag + b"tr" + number.to_bytes(8, "little")).digest()

    def ecdsa(self, number: int, coin: Coin, _digest: bytes) -> bytes:
        """72 bytes in DER shape: high r, low s."""
        noise = hashlib.sha512(coin.prevout + number.to_bytes(8, "little")).digest()
        return (
            b"\x30\x45\x02\x21\x00" + bytes((noise[0] | 0x80,)) + noise[1:32]
            + b"\x02\x20" + bytes((noise[32] & 0x3F | 1,)) + noise[33:] + b"\x01"
        )  # fmt: skip

    def schnorr(self, number: int, coin: Coin, _digest: bytes) -> bytes:
        """64 bytes."""
        return hashlib.sha512(coin.prevout + number.to_bytes(8, "little")).digest()


class Keyring:
    """Hands out numbered keys and reports each new address to the ground truth."""

    def __init__(self, signer: Signer, truth: Recorder) -> None:
        self.signer = signer
        self._truth = truth
        self._next = 0

    def number(self) -> int:
        """The number of a fresh key."""
        self._next += 1
        return self._next

    def new(self, kind: int, owner: int, role: int, home: Sink | None, customer: int = -1) -> Key:
        """A fresh single-key address."""
        number = self._next = self._next + 1
        if kind == P2TR:
            key = Key(kind, number, b"", owner, home)
            payload = self.signer.output_key(number)
            key.lock = b"\x22\x51\x20" + payload
        else:
            pub = self.signer.pubkey(number)
            key = Key(kind, number, pub, owner, home)
            payload = hash160(pub)
            if kind == P2WPKH:
                key.lock = b"\x16\x00\x14" + payload
            elif kind == P2PKH:
                key.lock = b"\x19\x76\xa9\x14" + payload + b"\x88\xac"
            elif kind == P2SH_P2WPKH:
                key.script = b"\x00\x14" + payload
                payload = hash160(key.script)
                key.lock = b"\x17\xa9\x14" + payload + b"\x87"
            else:
                key.lock = b"\x23\x21" + pub + b"\xac"
        key.index = self._truth.address(kind, payload, owner, role, customer)
        return key

    def multisig(
        self,
        kind: int,
        needed: int,
        numbers: list[int],
        owner: int,
        role: int,
        home: Sink | None,
        customer: int = -1,
    ) -> Key:
        """An m-of-n script over known key numbers, hidden behind a hash or bare."""
        script = multisig_script(needed, [self.signer.pubkey(n) for n in numbers])
        key = Key(kind, numbers[0], b"", owner, home)
        key.script = script
        key.signers = tuple(numbers[:needed])
        if kind == P2SH_MULTISIG:
            payload = hash160(script)
            key.lock = b"\x17\xa9\x14" + payload + b"\x87"
        elif kind == P2WSH_MULTISIG:
            payload = sha256(script)
            key.lock = b"\x22\x00\x20" + payload
        else:
            payload = b""
            key.lock = varint(len(script)) + script
        key.index = self._truth.address(kind, payload, owner, role, customer)
        return key

    @staticmethod
    def data(payload: bytes) -> Key:
        """An OP_RETURN output: nobody's, never spent."""
        key = Key(OP_RETURN, 0, b"", -1, None)
        script = b"\x6a" + push(payload)
        key.lock = varint(len(script)) + script
        return key

    def anchor(self) -> Key:
        """A pay-to-anchor output (`OP_1 4e73`): anyone may spend it, here nobody does."""
        key = Key(ANCHOR, 0, b"", -1, None)
        key.lock = b"\x04\x51\x02\x4e\x73"
        return key


def unlock(signer: Signer, coin: Coin, index: int, hasher: SigHash | None) -> tuple[bytes, bytes]:
    """What spends `coin` as input `index`: scriptSig, and witness with its item count (empty for none)."""
    key = coin.key
    kind = key.kind
    if kind == P2TR:
        digest = hasher.taproot(index) if hasher else b""
        return b"", b"\x01\x40" + signer.schnorr(key.number, coin, digest)
    if kind in (P2WPKH, P2SH_P2WPKH):
        digest = hasher.segwit(index) if hasher else b""
        sig = signer.ecdsa(key.number, coin, digest)
        witness = b"\x02" + bytes((len(sig),)) + sig + b"\x21" + key.pub
        return (push(key.script) if key.script else b""), witness
    if kind == P2WSH_MULTISIG:
        digest = hasher.segwit(index) if hasher else b""
        items = [b"", *(signer.ecdsa(n, coin, digest) for n in key.signers), key.script]
        return b"", bytes((len(items),)) + b"".join(varint(len(item)) + item for item in items)
    digest = hasher.legacy(index) if hasher else b""
    if kind == P2PKH:
        sig = signer.ecdsa(key.number, coin, digest)
        return bytes((len(sig),)) + sig + b"\x21" + key.pub, b""
    if kind == P2PK:
        return push(signer.ecdsa(key.number, coin, digest)), b""
    if kind in (P2SH_MULTISIG, BARE_MULTISIG):
        sigs = b"".join(push(signer.ecdsa(n, coin, digest)) for n in key.signers)
        return b"\x00" + sigs + (push(key.script) if kind == P2SH_MULTISIG else b""), b""
    return b"", b""  # an anchor: anyone can spend
