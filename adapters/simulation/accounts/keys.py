"""Accounts with keys, and the transactions they sign.

A secret follows from the world's tag and a number alone, a signature from secret and message (RFC 6979): a seed gives
the same addresses and the same transactions everywhere.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from adapters.addresses import evm
from adapters.addresses.keccak import keccak256
from adapters.addresses.refusal import EVM_ACCOUNT
from adapters.simulation.accounts.artefacts import rlp
from tracer.chain import AddressKey

if TYPE_CHECKING:
    from coincurve import PrivateKey

LEGACY, DYNAMIC = 0, 2  # EIP-2718 types


def text(address: bytes) -> str:
    """The EIP-55 form."""
    return evm.write(AddressKey(EVM_ACCOUNT, address))


@dataclass(eq=False, slots=True)
class Account:
    """Somebody with a key: the same address on every chain.

    tip    wei a unit of gas it offers above the base fee; wallets differ
    kind   type of its transactions
    """

    address: bytes
    key: PrivateKey
    owner: str
    tip: int
    kind: int = DYNAMIC
    nonces: dict[int, int] = field(default_factory=dict)

    def next_nonce(self, chain_id: int) -> int:
        """The nonce of its next transaction there."""
        nonce = self.nonces.get(chain_id, 0)
        self.nonces[chain_id] = nonce + 1
        return nonce


class Keyring:
    """Numbered keys under one tag."""

    def __init__(self, tag: str) -> None:
        self._tag = tag
        self._count = 0

    def new(self, owner: str, *, tip: int = 10**9, kind: int = DYNAMIC) -> Account:
        """The next account."""
        self._count += 1
        key = secret(f"{self._tag}/{self._count}")
        return Account(address_of(key), key, owner, tip, kind)


def secret(tag: str) -> PrivateKey:
    """The key that a text stands for. Worlds only: whoever knows the text knows the key."""
    from coincurve import PrivateKey

    return PrivateKey(hashlib.sha256(tag.encode()).digest())


def address_of(key: PrivateKey) -> bytes:
    """Its account: the end of the hash of the public point."""
    return keccak256(key.public_key.format(compressed=False)[1:])[12:]


def signed(
    account: Account, chain_id: int, *, to: bytes, value: int, data: bytes, gas: int, price: int, tip: int
) -> bytes:
    """A transaction ready to send; its keccak256 is its txid. `price` is all it pays for a unit of gas.

    `to` is empty where it creates a contract. Types: EIP-155 (legacy) and EIP-1559.
    """
    nonce = account.next_nonce(chain_id)
    if account.kind == LEGACY:
        fields: list[Any] = [nonce, price, gas, to, value, data]
        r, s, parity = _signature(account.key, rlp([*fields, chain_id, 0, 0]))
        return rlp([*fields, 35 + 2 * chain_id + parity, r, s])
    fields = [chain_id, nonce, tip, price, gas, to, value, data, []]
    r, s, parity = _signature(account.key, b"\x02" + rlp(fields))
    return b"\x02" + rlp([*fields, parity, r, s])


def _signature(key: PrivateKey, message: bytes) -> tuple[int, int, int]:
    made = key.sign_recoverable(keccak256(message), hasher=None)
    return int.from_bytes(made[:32]), int.from_bytes(made[32:64]), made[64]
