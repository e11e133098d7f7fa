"""cctp_v1, cctp_v2: USDC burnt on one chain and minted on another by Circle's attestation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer.flow.bridges.rules import Event, Join

if TYPE_CHECKING:
    import polars as pl

_BURN_V1 = bytes.fromhex("2fa9ca894982930190727e75500a97d8dc500233a5065e0f3126c48fbe0343c0")
_RECEIVED_V1 = bytes.fromhex("58200b4c34ae05ee816d710053fff3fb75af4395915d3d2a771b24aa10e3cc5d")
_BURN_V2 = bytes.fromhex("0c8c1cbdc5190613ebd485511d4e2812cfa45eecb79d845893331fedad5130a5")
_RECEIVED_V2 = bytes.fromhex("ff48c13eda96b1cceacc6b9edeedc9e9db9d6226afbc30146b720c19d3addb1c")
_TOKEN, _MINT_TO, _AMOUNT, _SENDER, _FEE = (4, 32), (36, 32), (68, 32), (100, 32), (164, 32)
"""Places in the body of a burn message: after its version, burnt token, recipient, amount, sender; v2 also the fee."""


@dataclass(frozen=True)
class CctpV1:
    """A crossing is (source domain, nonce)."""

    id: str = "cctp_v1"
    title: str = "Circle CCTP v1"
    version: int = 1
    join: Join = "identifier"
    references: tuple[str, ...] = (
        "circlefin/evm-cctp-contracts, TokenMessenger.sol: DepositForBurn; MessageTransmitter.sol: MessageReceived; "
        "messages/BurnMessage.sol",
    )
    limitations: tuple[str, ...] = (
        "Messages of other senders than the token messenger are not burns: they have no amount.",
    )
    events: tuple[Event, ...] = (
        Event(
            "DepositForBurn(uint64,address,uint256,address,bytes32,uint32,bytes32,bytes32)", _BURN_V1, "out"
        ),
        Event("MessageReceived(address,uint32,uint64,bytes32,bytes)", _RECEIVED_V1, "in"),
    )

    def sides(self, events: pl.DataFrame, home: str) -> pl.DataFrame:
        """Indexed: nonce, token, depositor; caller, nonce."""
        from rules.bridges import abi

        source, body = abi.number_text(abi.word(0)), abi.tail(2)
        return abi.together(
            abi.sides(
                events, _BURN_V1, "out", abi.keyed(home, abi.number_text(abi.topic(1))),
                far=abi.number_text(abi.word(2)), recipient=abi.address(abi.word(1)), asset=abi.token(abi.topic(2)),
                amount=abi.units(abi.word(0)),
            ),
            abi.sides(
                events, _RECEIVED_V1, "in", abi.keyed(source, abi.number_text(abi.topic(2))), far=source,
                recipient=abi.address(abi.piece(body, *_MINT_TO)), amount=abi.units(abi.piece(body, *_AMOUNT)),
                trusts_far=abi.address(abi.word(1)),
            ),
        )  # fmt: skip


@dataclass(frozen=True)
class CctpV2:
    """The burn says no nonce: a crossing is (source domain, burnt token, recipient, amount, sender)."""

    id: str = "cctp_v2"
    title: str = "Circle CCTP v2"
    version: int = 1
    join: Join = "fields"
    references: tuple[str, ...] = (
        "circlefin/evm-cctp-contracts, v2/TokenMessengerV2.sol: DepositForBurn; v2/MessageTransmitterV2.sol: "
        "MessageReceived; messages/v2/BurnMessageV2.sol",
    )
    limitations: tuple[str, ...] = (
        "Two burns that agree in all fields cannot be told apart without Circle's attestation.",
    )
    events: tuple[Event, ...] = (
        Event(
            "DepositForBurn(address,uint256,address,bytes32,uint32,bytes32,bytes32,uint256,uint32,bytes)", _BURN_V2,
            "out",
        ),
        Event("MessageReceived(address,uint32,bytes32,bytes32,uint32,bytes)", _RECEIVED_V2, "in"),
    )  # fmt: skip

    def sides(self, events: pl.DataFrame, home: str) -> pl.DataFrame:
        """Indexed: token, depositor, finality; caller, nonce, finality. What is minted is the amount less the fee."""
        from rules.bridges import abi

        source, body = abi.number_text(abi.word(0)), abi.tail(2)
        minted = abi.units(abi.piece(body, *_AMOUNT)) - abi.units(abi.piece(body, *_FEE))
        named = [abi.hexed(abi.piece(body, *place)) for place in (_TOKEN, _MINT_TO, _AMOUNT, _SENDER)]
        burnt = [abi.hexed(part) for part in (abi.topic(1), abi.word(1), abi.word(0), abi.topic(2))]
        return abi.together(
            abi.sides(
                events, _BURN_V2, "out", abi.keyed(home, *burnt), far=abi.number_text(abi.word(2)),
                recipient=abi.address(abi.word(1)), asset=abi.token(abi.topic(1)), amount=abi.units(abi.word(0)),
            ),
            abi.sides(
                events, _RECEIVED_V2, "in", abi.keyed(source, *named), far=source,
                recipient=abi.address(abi.piece(body, *_MINT_TO)), amount=minted,
                trusts_far=abi.address(abi.word(1)),
            ),
        )  # fmt: skip
