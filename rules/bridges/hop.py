"""hop: transfers between layer 2 chains by their id, from layer 1 by recipient, amount and deadline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer.flow.bridges.rules import Event, Join

if TYPE_CHECKING:
    import polars as pl

_SENT = bytes.fromhex("e35dddd4ea75d7e9b3fe93af4f4e40e778c3da4074c9d93e7c6536f1e803c1eb")
_BONDED = bytes.fromhex("0c3d250c7831051e78aa6a56679e590374c7c424415ffe4aa474491def2fe705")
_TO_L2 = bytes.fromhex("0a0607688c86ec1775abcdbab7b33a3a35a6c9cde677c9be880150c231cc6b0b")
_FROM_L1 = bytes.fromhex("320958176930804eb66c2343c7343fc0367dc16249590c0f195783bee199d094")


@dataclass(frozen=True)
class Hop:
    """A crossing is its transfer id; from layer 1 it is (recipient, amount, deadline)."""

    id: str = "hop"
    title: str = "Hop"
    version: int = 1
    join: Join = "fields"
    references: tuple[str, ...] = (
        "hop-protocol/contracts, bridges/L2_Bridge.sol, L1_Bridge.sol, Bridge.sol: TransferSent, WithdrawalBonded, "
        "TransferSentToL2, TransferFromL1Completed; the repository's head shows another TransferSent",
    )
    limitations: tuple[str, ...] = (
        "Two transfers from layer 1 with equal recipient, amount and deadline cannot be told apart.",
        "A transfer settled without a bonder (Withdrew) is not read.",
    )
    events: tuple[Event, ...] = (
        Event(
            "TransferSent(bytes32,uint256,address,uint256,bytes32,uint256,uint256,uint256,uint256)",
            _SENT,
            "out",
        ),
        Event("WithdrawalBonded(bytes32,uint256)", _BONDED, "in"),
        Event("TransferSentToL2(uint256,address,uint256,uint256,uint256,address,uint256)", _TO_L2, "out"),
        Event("TransferFromL1Completed(address,uint256,uint256,uint256,address,uint256)", _FROM_L1, "in"),
    )

    def sides(self, events: pl.DataFrame, home: str) -> pl.DataFrame:  # noqa: ARG002
        """Indexed: id, chain, recipient; id; chain, recipient, relayer; recipient, relayer."""
        from rules.bridges import abi

        def of_l1(recipient: pl.Expr) -> pl.Expr:
            amount, deadline = abi.hexed(abi.word(0)), abi.hexed(abi.word(2))
            return abi.keyed("l1", abi.hexed(recipient), amount, deadline)

        amount = abi.units(abi.word(0))
        return abi.together(
            abi.sides(
                events, _SENT, "out", abi.hexed(abi.topic(1)), far=abi.number_text(abi.topic(2)),
                recipient=abi.address(abi.topic(3)), amount=amount,
            ),
            abi.sides(events, _BONDED, "in", abi.hexed(abi.topic(1)), amount=amount),
            abi.sides(
                events, _TO_L2, "out", of_l1(abi.topic(2)), far=abi.number_text(abi.topic(1)),
                recipient=abi.address(abi.topic(2)), amount=amount,
            ),
            abi.sides(
                events, _FROM_L1, "in", of_l1(abi.topic(1)), recipient=abi.address(abi.topic(1)), amount=amount
            ),
        )  # fmt: skip
