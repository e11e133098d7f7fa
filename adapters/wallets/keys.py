"""Extended public keys (BIP 32), their version bytes (SLIP-132), and what they derive.

The arithmetic is libsecp256k1's (coincurve). bitcoinlib's `HDKey` derives the same (tests hold it against this), but
takes 2 ms for a key where this takes 0.04, opens a database and a log file on import, and knows neither Dogecoin's
version bytes nor that regtest has those of testnet.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from adapters.addresses.base58 import base58check, base58check_decode
from tracer.errors import BadAddress, UsageError

HARDENED = 1 << 31
"""Children from this number on need the private key."""
_SIZE = 78


@dataclass(frozen=True)
class Version:
    """What four version bytes say.

    prefix    the first letters of keys written with them
    test      of a test network
    chain     the chain meant where nobody names one
    only      no other chain uses these bytes
    kinds     script kinds of a bare key (`adapters.wallets.wallet.KINDS`); none: one of several keys of a multisig
    """

    prefix: str
    test: bool
    chain: str
    only: bool
    kinds: tuple[str, ...]


ANY = ("pkh", "sh(wpkh)", "wpkh", "tr")
_TESTNET = "bitcoin-testnet"

PUBLIC: Mapping[bytes, Version] = {
    bytes.fromhex(version): found
    for version, found in {
        "0488b21e": Version("xpub", False, "bitcoin", False, ANY),
        "049d7cb2": Version("ypub", False, "bitcoin", False, ("sh(wpkh)",)),
        "04b24746": Version("zpub", False, "bitcoin", False, ("wpkh",)),
        "0295b43f": Version("Ypub", False, "bitcoin", False, ()),
        "02aa7ed3": Version("Zpub", False, "bitcoin", False, ()),
        "043587cf": Version("tpub", True, _TESTNET, False, ANY),
        "044a5262": Version("upub", True, _TESTNET, False, ("sh(wpkh)",)),
        "045f1cf6": Version("vpub", True, _TESTNET, False, ("wpkh",)),
        "024289ef": Version("Upub", True, _TESTNET, False, ()),
        "02575483": Version("Vpub", True, _TESTNET, False, ()),
        "019da462": Version("Ltub", False, "litecoin", True, ANY),
        "01b26ef6": Version("Mtub", False, "litecoin", True, ("sh(wpkh)",)),
        "0436f6e1": Version("ttub", True, "litecoin-testnet", True, ANY),
        "02facafd": Version("dgub", False, "dogecoin", True, ("pkh",)),
    }.items()
}
"""SLIP-132, and Dogecoin Core's (chainparams.cpp)."""

PRIVATE = frozenset(
    bytes.fromhex(version)
    for version in (
        "0488ade4", "049d7878", "04b2430c", "0295b005", "02aa7a99", "04358394", "044a4e28", "045f18bc", "024285b5",
        "02575048", "019d9cfe", "01b26792", "0436ef7d", "02fac398",
    )
)  # fmt: skip
"""Version bytes of the private keys beside them."""


class BadKey(UsageError):
    """A text that is no public key; the message never repeats it."""


@dataclass(frozen=True)
class ExtendedKey:
    """A public key that derives others. `number` is which child of its parent it is, `key` 33 bytes."""

    version: Version
    depth: int
    parent: bytes
    number: int
    code: bytes
    key: bytes

    def child(self, number: int) -> ExtendedKey:
        """Public child derivation (BIP 32, CKDpub); `number` below `HARDENED`."""
        import coincurve

        digest = hmac.new(self.code, self.key + number.to_bytes(4, "big"), hashlib.sha512).digest()
        key = coincurve.PublicKey(self.key).add(digest[:32]).format()
        return ExtendedKey(self.version, self.depth + 1, fingerprint(self.key), number, digest[32:], key)

    def text(self) -> str:
        """As BIP 32 writes it, whatever version it came with: other programs read xpub and tpub."""
        version = bytes.fromhex("043587cf" if self.version.test else "0488b21e")
        depth, number = bytes([self.depth]), self.number.to_bytes(4, "big")
        return base58check(version + depth + self.parent + number + self.code + self.key)


def parse(text: str) -> ExtendedKey:
    """Read an extended public key; `BadKey` says why it is none."""
    try:
        data = base58check_decode(text)
    except BadAddress as error:
        # the reason alone: the error quotes the text
        reason = (
            "its checksum is wrong" if "checksum is wrong" in error.problem else "it is no Base58Check text"
        )
        raise BadKey(f"{reason}.", hint="Copy it again: a letter is wrong, lost or too many.") from None
    if len(data) != _SIZE:
        raise BadKey(f"an extended key has {_SIZE} bytes, and this {len(data)}.")
    if data[:4] in PRIVATE:
        from adapters.wallets.secrets import EXTENDED, refusal

        raise refusal(EXTENDED)
    version = PUBLIC.get(data[:4])
    if version is None:
        raise BadKey("its version bytes are of no kind of extended key that is known.")
    depth, parent, number = data[4], data[5:9], int.from_bytes(data[9:13], "big")
    if depth == 0 and (any(parent) or number):
        raise BadKey("it says to be a master key and a child at once.")
    key = point(data[45:])
    return ExtendedKey(version, depth, parent, number, data[13:45], key)


def point(key: bytes) -> bytes:
    """A serialised public key (33 or 65 bytes) as it was given; `BadKey` where it is no point of the curve."""
    import coincurve

    if (len(key), key[0]) not in ((33, 2), (33, 3), (65, 4)):
        raise BadKey("it is no public key: 33 bytes that begin with 02 or 03, or 65 that begin with 04.")
    try:
        coincurve.PublicKey(key)
    except ValueError:
        raise BadKey("its public key is no point of the curve.") from None
    return key


def fingerprint(key: bytes) -> bytes:
    """The first four bytes of a key's HASH160, by which its children name it."""
    from adapters.wallets.scripts import hash160

    return hash160(key)[:4]
