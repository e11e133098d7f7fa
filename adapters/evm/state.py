"""Ask an EVM node what accounts hold at the end of a block: coin, and tokens by the standards' own questions.

Token balances are what contracts answer (`balanceOf` of EIP-20, EIP-721 and EIP-1155, `ownerOf` of EIP-721).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adapters.ahead import ordered
from adapters.evm.refusals import Call
from adapters.evm.rpc import Rpc
from adapters.http import THREADS, Refused
from adapters.nesting import loads
from tracer.chain import AssetStandard

GAS = 2_000_000
"""Gas a contract may use to answer (P): real tokens take some 100,000, and a hostile one must not hold us up."""
ZERO = "0x" + "00" * 20
WORD = 32
BALANCE_OF = bytes.fromhex("70a08231")  # balanceOf(address)
BALANCE_OF_ID = bytes.fromhex("00fdd58e")  # balanceOf(address,uint256)
OWNER_OF = bytes.fromhex("6352211e")  # ownerOf(uint256)


@dataclass(frozen=True)
class Holding:
    """What is asked for: how much of an asset an account has.

    contract  None of the native coin
    token_id  32 bytes; of a collectible None asks how many of the collection it has
    """

    address: bytes
    standard: int = AssetStandard.NATIVE
    contract: bytes | None = None
    token_id: bytes | None = None


class State:
    """The state of one node's chain. `Refused` where the node does not have it, else `SourceUnavailable`."""

    def __init__(self, rpc: Rpc) -> None:
        self.rpc = rpc

    def balances(self, holdings: Sequence[Holding], height: int) -> list[int | None]:
        """Base units at the end of a block, in their order; None where a contract gives no number for an answer.

        A contract that was not there yet, or is no more, holds nothing for anybody: 0.
        """
        at = hex(height)
        told = self._ask([_question(holding, at) for holding in holdings])
        silent = sorted(
            {h.contract for h, answer in zip(holdings, told, strict=True) if answer == "0x" and h.contract}
        )
        codes = dict(zip(silent, self.coded(silent, height), strict=True))
        return [
            _amount(holding, answer, there=holding.contract is None or codes.get(holding.contract, True))
            for holding, answer in zip(holdings, told, strict=True)
        ]

    def coded(self, contracts: Sequence[bytes], height: int) -> list[bool]:
        """Whether there is code at these addresses at the end of a block."""
        told = self._ask([("eth_getCode", ("0x" + one.hex(), hex(height))) for one in contracts])
        return [code not in (None, "0x") for code in told]

    def calls(self, questions: Sequence[tuple[bytes, bytes, int]]) -> list[bytes | None]:
        """What contracts answer to (contract, call data, height); None where their code fails."""
        told = self._ask([_call(contract, data, hex(height)) for contract, data, height in questions])
        return [None if answer is None else bytes.fromhex(answer[2:]) for answer in told]

    def hashes(self, heights: Sequence[int]) -> list[bytes | None]:
        """Hashes of the node's blocks; None where it has none."""
        told = self._ask([("eth_getBlockByNumber", (hex(height), False)) for height in heights])
        return [None if block is None else bytes.fromhex(block["hash"][2:]) for block in told]

    def oldest(self, low: int, high: int) -> int | None:
        """The first height from low to high whose state the node has; None where it has none of them.

        A node that has the state of a block has that of all later ones.
        """
        if self._has(low):
            return low
        if not self._has(high):
            return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self._has(middle) else (middle, high)
        return high

    def _has(self, height: int) -> bool:
        try:
            self.rpc.ask("eth_getBalance", ZERO, hex(height))
        except Refused:  # nodes have many words for it
            return False
        return True

    def _ask(self, questions: Sequence[tuple[str, tuple[object, ...]]]) -> list[Any]:
        """The result of each question; None where a contract's code failed."""
        calls = [Call(method, params, at) for at, (method, params) in enumerate(questions)]
        size = self.rpc.batch
        parts = (calls[at : at + size] for at in range(0, len(calls), size))
        found: list[Any] = [None] * len(calls)
        for bodies in ordered(parts, lambda part: self.rpc.raw(part, whole=True), THREADS):
            for body in bodies:
                answers = loads(body)
                for answer in answers if isinstance(answers, list) else [answers]:
                    found[answer["id"]] = answer.get("result")
        return found


def _question(holding: Holding, at: str) -> tuple[str, tuple[object, ...]]:
    if holding.contract is None:
        return "eth_getBalance", ("0x" + holding.address.hex(), at)
    who = holding.address.rjust(WORD, b"\0")
    if holding.token_id is None:
        return _call(holding.contract, BALANCE_OF + who, at)
    if holding.standard == AssetStandard.UNIQUE:
        return _call(holding.contract, OWNER_OF + holding.token_id, at)
    return _call(holding.contract, BALANCE_OF_ID + who + holding.token_id, at)


def _call(contract: bytes, data: bytes, at: str) -> tuple[str, tuple[object, ...]]:
    return "eth_call", ({"to": "0x" + contract.hex(), "data": "0x" + data.hex(), "gas": hex(GAS)}, at)


def _amount(holding: Holding, answer: str | None, *, there: bool) -> int | None:
    of_one = holding.standard == AssetStandard.UNIQUE and holding.token_id is not None
    if not there or (of_one and answer is None):  # nobody owns what does not exist: EIP-721 lets it fail
        return 0
    if holding.contract is None:
        return None if answer is None else int(answer, 16)
    word = bytes.fromhex(answer[2:])[:WORD] if answer else b""
    if len(word) < WORD:
        return None
    return int(word[12:] == holding.address) if of_one else int.from_bytes(word)
