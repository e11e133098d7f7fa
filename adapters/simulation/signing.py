"""Real keys, signature hashes and signatures, for worlds that Bitcoin Core itself must accept.

Sources: the original SIGHASH_ALL, BIP143 (version 0 witness), BIP340 and BIP341 (taproot key path).
"""

from __future__ import annotations

import hashlib
import struct
from functools import cached_property
from typing import Any

from adapters.simulation.encode import (
    BARE_MULTISIG,
    P2SH_MULTISIG,
    P2SH_P2WPKH,
    P2WPKH,
    P2WSH_MULTISIG,
    sha256,
    sha256d,
    varint,
)
from adapters.simulation.keys import Coin

_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141  # of secp256k1


def tagged_hash(tag: str, data: bytes) -> bytes:
    """BIP340 tagged hash."""
    head = sha256(tag.encode())
    return sha256(head + head + data)


class SigHash:
    """What each input of one transaction signs; parts shared by inputs are hashed once."""

    def __init__(
        self, *, version: bytes, coins: list[Coin], sequence: bytes, outs: bytes, n_outs: int, locktime: bytes
    ) -> None:
        self._version = version
        self._coins = coins
        self._sequence = sequence
        self._outs = outs
        self._n_outs = n_outs
        self._locktime = locktime

    @cached_property
    def _prevouts(self) -> bytes:
        return b"".join(coin.prevout for coin in self._coins)

    @cached_property
    def _sequences(self) -> bytes:
        return self._sequence * len(self._coins)

    def legacy(self, index: int) -> bytes:
        """The transaction with the spent script in place of the signature."""
        key = self._coins[index].key
        script = (
            varint(len(key.script)) + key.script if key.kind in (P2SH_MULTISIG, BARE_MULTISIG) else key.lock
        )
        ins = b"".join(
            coin.prevout + (script if i == index else b"\x00") + self._sequence
            for i, coin in enumerate(self._coins)
        )
        return sha256d(
            self._version + varint(len(self._coins)) + ins + varint(self._n_outs) + self._outs
            + self._locktime + b"\x01\x00\x00\x00"
        )  # fmt: skip

    def segwit(self, index: int) -> bytes:
        """BIP143."""
        coin = self._coins[index]
        key = coin.key
        if key.kind == P2WSH_MULTISIG:
            code = varint(len(key.script)) + key.script
        else:
            program = key.lock[3:] if key.kind == P2WPKH else key.script[2:]
            assert key.kind in (P2WPKH, P2SH_P2WPKH)
            code = b"\x19\x76\xa9\x14" + program + b"\x88\xac"
        return sha256d(
            self._version + sha256d(self._prevouts) + sha256d(self._sequences) + coin.prevout + code
            + struct.pack("<q", coin.value) + self._sequence + sha256d(self._outs) + self._locktime
            + b"\x01\x00\x00\x00"
        )  # fmt: skip

    def taproot(self, index: int) -> bytes:
        """BIP341, key path, SIGHASH_DEFAULT, no annex."""
        amounts = b"".join(struct.pack("<q", coin.value) for coin in self._coins)
        locks = b"".join(coin.key.lock for coin in self._coins)
        message = (
            b"\x00\x00" + self._version + self._locktime + sha256(self._prevouts) + sha256(amounts)
            + sha256(locks) + sha256(self._sequences) + sha256(self._outs) + b"\x00"
            + struct.pack("<I", index)
        )  # fmt: skip
        return tagged_hash("TapSighash", message)


class RealSigner:
    """secp256k1 keys and signatures, deterministic (RFC 6979; BIP340 without randomness)."""

    real = True

    def __init__(self, tag: bytes) -> None:
        import coincurve

        self._tag = tag
        self._make: Any = coincurve.PrivateKey

    def _secret(self, number: int) -> int:
        digest = hashlib.sha256(self._tag + number.to_bytes(8, "little")).digest()
        return int.from_bytes(digest, "big") % (_ORDER - 1) + 1

    def _key(self, secret: int) -> Any:
        return self._make(secret.to_bytes(32, "big"))

    def _tweaked(self, number: int) -> Any:
        secret = self._secret(number)
        point = bytes(self._key(secret).public_key.format(compressed=True))
        if point[0] == 3:
            secret = _ORDER - secret
        tweak = int.from_bytes(tagged_hash("TapTweak", point[1:]), "big")
        return self._key((secret + tweak) % _ORDER)

    def pubkey(self, number: int) -> bytes:
        """33 bytes, compressed."""
        return bytes(self._key(self._secret(number)).public_key.format(compressed=True))

    def output_key(self, number: int) -> bytes:
        """The x coordinate of the tweaked key."""
        return bytes(self._tweaked(number).public_key.format(compressed=True))[1:]

    def ecdsa(self, number: int, _coin: Coin, digest: bytes) -> bytes:
        """DER and SIGHASH_ALL."""
        return bytes(self._key(self._secret(number)).sign(digest, hasher=None)) + b"\x01"

    def schnorr(self, number: int, _coin: Coin, digest: bytes) -> bytes:
        """BIP340."""
        return bytes(self._tweaked(number).sign_schnorr(digest, None))
