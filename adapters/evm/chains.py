"""The EVM chains: one entry each, declaring names, coin, and what of its rules the adapter knows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from adapters.addresses import evm
from adapters.addresses.refusal import EVM_ACCOUNT
from adapters.hashes import hash_bytes
from tracer.chain import AddressKey, Family
from tracer.errors import UsageError


class Fees(StrEnum):
    """Who gets what a transaction pays."""

    ETHEREUM = "ethereum"  # base fee and blob gas are burnt (EIP-1559, EIP-4844), the rest is the producer's
    OP_STACK = "op-stack"  # nothing is burnt: base fee, layer 1 data and the rest go to three vaults
    UNKNOWN = "unknown"  # not known here: all of it is booked to the producer


class By(StrEnum):
    """What says from where on a rule is in force."""

    HEIGHT = "height"
    TIME = "time"


class Fork(NamedTuple):
    """A rule's beginning: the first height, or the first time of a block (seconds since 1970)."""

    by: By
    first: int


@dataclass(frozen=True)
class EvmChain:
    """One network.

    wrapped      contracts of the wrapped native coin (20 bytes each): their Deposit and Withdrawal events are 1:1
    rewards      (first height, base units) of what a block creates for its producer, ascending; proof of work only
    price_asset  None where the coin is worth nothing; the simulated chains keep ETH, to show what a case looks like
    fees         who gets what transactions pay
    eip6780      since when a contract that destroys itself lasts unless it is new; None is not known here
    """

    name: str
    chain_id: int
    asset: str
    price_asset: str | None
    wrapped: tuple[bytes, ...] = ()
    rewards: tuple[tuple[int, int], ...] = ()
    fees: Fees = Fees.UNKNOWN
    eip6780: Fork | None = None
    decimals: int = 18
    family = Family.ACCOUNT
    account_kind = EVM_ACCOUNT

    @property
    def caip2(self) -> str:
        """`eip155:` and the chain id (EIP-155, CAIP-2)."""
        return f"eip155:{self.chain_id}"

    def parse_address(self, text: str) -> AddressKey:
        """Read an address (EIP-55); `BadAddress` says why not."""
        return evm.read(text.strip())[1]

    def render_address(self, key: AddressKey) -> str:
        """The EIP-55 form."""
        return evm.write(key)

    def hash_text(self, raw: bytes) -> str:
        """Hex after 0x."""
        return "0x" + raw.hex()

    def hash_bytes(self, text: str) -> bytes:
        """32 bytes; `UsageError` where the text is no hash."""
        return hash_bytes(text, "0x")

    def reward(self, height: int) -> int:
        """New coins that a block's producer is given by rule, base units; 0 under proof of stake."""
        return next((units for first, units in reversed(self.rewards) if first <= height), 0)

    def unverified(self) -> tuple[str, ...]:
        """What reading this chain does not check."""
        fees = (
            "who gets the fees of this chain is not known here: all of them are booked to the block's producer",
        )
        return (
            *(fees if self.fees is Fees.UNKNOWN else ()),
            "transactions are not executed again, and signatures, roots of transactions, receipts and state are not "
            "recomputed: the node is believed, `tracer doctor --balances` compares samples with its state",
        )


def _bytes(*texts: str) -> tuple[bytes, ...]:
    return tuple(bytes.fromhex(text) for text in texts)


_CANCUN = Fork(By.TIME, 1_710_338_135)  # 2024-03-13, height 19,426,587 (EIP-7569)
_ECOTONE = Fork(By.TIME, 1_710_374_401)  # 2024-03-14, OP stack: Optimism and Base
_ENTRIES = (
    EvmChain(
        "ethereum", 1, "ETH", "ETH", _bytes("c02aaa39b223fe8d0a0e5c4f27ead9083c756cc2"),
        # EIP-649 (Byzantium), EIP-1234 (Constantinople), EIP-3675 (proof of stake)
        ((0, 5 * 10**18), (4_370_000, 3 * 10**18), (7_280_000, 2 * 10**18), (15_537_394, 0)),
        Fees.ETHEREUM, _CANCUN,
    ),
    EvmChain(
        "optimism", 10, "ETH", "ETH", _bytes("4200000000000000000000000000000000000006"),
        fees=Fees.OP_STACK, eip6780=_ECOTONE,
    ),
    EvmChain(
        "bsc", 56, "BNB", "BNB", _bytes("bb4cdb9cbd36b01bd1cbaebf2de08d9173bc095c"),
        eip6780=Fork(By.TIME, 1_718_863_500),  # 2024-06-20, Haber
    ),
    EvmChain(
        "polygon", 137, "POL", "POL", _bytes("0d500b1d8e8ef31e21c99d1db9a6444d3adf1270"),
        eip6780=Fork(By.HEIGHT, 54_876_000),  # Napoli (PIP-33)
    ),
    EvmChain(
        "base", 8453, "ETH", "ETH", _bytes("4200000000000000000000000000000000000006"),
        fees=Fees.OP_STACK, eip6780=_ECOTONE,
    ),
    EvmChain(
        "arbitrum", 42161, "ETH", "ETH", _bytes("82af49447d8a07e3bd95bd0d56f35241523fbab1"),
        eip6780=Fork(By.TIME, 1_710_424_089),  # 2024-03-14, ArbOS 20
    ),
    EvmChain(
        "avalanche", 43114, "AVAX", "AVAX", _bytes("b31f66aa3c1e785363f0875a1b74e27b85fd66c7"),
        eip6780=Fork(By.TIME, 1_734_368_400),  # 2024-12-16, Etna (ACP-131)
    ),
    EvmChain("evm-61", 61, "ETC", "ETC", fees=Fees.ETHEREUM),
    EvmChain("evm-250", 250, "FTM", "FTM", _bytes("21be370d5312f44cb42ce377bc9b8a0cef1a4c83")),
    EvmChain("evm-42220", 42220, "CELO", "CELO"),
    EvmChain(
        "evm-11155111", 11155111, "ETH", None, fees=Fees.ETHEREUM,
        eip6780=Fork(By.TIME, 1_706_655_072),  # 2024-01-30, Cancun
    ),
)  # fmt: skip

CHAINS: Mapping[str, EvmChain] = {entry.name: entry for entry in _ENTRIES}
"""The entries by short name; `named` makes one for any other chain id."""
_BY_ID = {entry.chain_id: entry for entry in _ENTRIES}
_SPELLING = re.compile(r"(?:evm-|eip155:)([1-9][0-9]{0,18})")
SIMULATED = range(31_337, 31_400)
"""Chain ids of local development nodes: simulated worlds live there, and their coin is priced like ETH."""
SIMULATED_WRAPPED = _bytes("261f52999306c69a440977e1d591d832b691a141")
"""The wrapped coin of the simulated world: the first contract of its builder, whose key never changes."""


def named(text: str) -> EvmChain | None:
    """The entry of a short name, CAIP-2 id or `evm-<chain id>`; None where it is no EVM chain."""
    if text in CHAINS:
        return CHAINS[text]
    found = _SPELLING.fullmatch(text)
    if found is None:
        return None
    chain_id = int(found[1])
    if chain_id in _BY_ID:
        return _BY_ID[chain_id]
    simulated = chain_id in SIMULATED
    return EvmChain(
        f"evm-{chain_id}", chain_id, "ETH", "ETH" if simulated else None, SIMULATED_WRAPPED if simulated else (),
        fees=Fees.ETHEREUM if simulated else Fees.UNKNOWN,
    )  # fmt: skip


def chain_named(text: str) -> EvmChain:
    """The same; `UsageError` where there is none."""
    found = named(text)
    if found is None:
        raise UsageError(f"{text!r} is no EVM chain.", hint=f"Known: {', '.join(CHAINS)}, evm-<chain id>.")
    return found
