"""across: deposits into a SpokePool, filled by a relayer from the SpokePool of another chain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer.flow.bridges.rules import Event, Join

if TYPE_CHECKING:
    import polars as pl

_OUT = bytes.fromhex("32ed1a409ef04c7b0227189c3a103dc5ac10e775a15b785dcc510201f7c25ad3")
_IN = bytes.fromhex("44b559f101f8fbcc8a0ea43fa91a05a729a5ea6e14a7c75aa750374690137208")
_OUT_V3 = bytes.fromhex("a123dc29aebf7d0c3322c8eeb5b999e859f39937950ed31056532713d0de396f")
_IN_V3 = bytes.fromhex("571749edf1d5c9599318cdbc4e28a6475d65e87fd3b2ddbe1e9a8d5e7a0f0ff7")


@dataclass(frozen=True)
class Across:
    """A crossing is (origin chain id, deposit id). Both generations lay their fields alike."""

    id: str = "across"
    title: str = "Across"
    version: int = 1
    join: Join = "identifier"
    references: tuple[str, ...] = (
        "across-protocol/contracts, V3SpokePoolInterface.sol: FundsDeposited, FilledRelay, and before them "
        "V3FundsDeposited, FilledV3Relay",
    )
    limitations: tuple[str, ...] = (
        "Deposits before version 3 (2024) are not read.",
        "Who filled it is a relayer, paid back by the bridge later: the filled coins are other coins.",
        "A deposit that was never filled is refunded; the refund is not followed.",
    )
    events: tuple[Event, ...] = (
        Event(
            "FundsDeposited(bytes32,bytes32,uint256,uint256,uint256,uint256,uint32,uint32,uint32,bytes32,bytes32,"
            "bytes32,bytes)", _OUT, "out",
        ),
        Event(
            "FilledRelay(bytes32,bytes32,uint256,uint256,uint256,uint256,uint256,uint32,uint32,bytes32,bytes32,bytes32,"
            "bytes32,bytes32,(bytes32,bytes32,uint256,uint8))", _IN, "in",
        ),
        Event(
            "V3FundsDeposited(address,address,uint256,uint256,uint256,uint32,uint32,uint32,uint32,address,address,"
            "address,bytes)", _OUT_V3, "out",
        ),
        Event(
            "FilledV3Relay(address,address,uint256,uint256,uint256,uint256,uint32,uint32,uint32,address,address,address,"
            "address,bytes,(address,bytes,uint256,uint8))", _IN_V3, "in",
        ),
    )  # fmt: skip

    def sides(self, events: pl.DataFrame, home: str) -> pl.DataFrame:
        """Indexed are chain, deposit id and depositor (out) or relayer (in)."""
        from rules.bridges import abi

        chain, deposit = abi.number_text(abi.topic(1)), abi.number_text(abi.topic(2))
        leaving = [
            abi.sides(
                events, topic, "out", abi.keyed(home, deposit), far=chain, recipient=abi.address(abi.word(7)),
                asset=abi.token(abi.word(0)), amount=abi.units(abi.word(2)),
            )
            for topic in (_OUT, _OUT_V3)
        ]  # fmt: skip
        coming = [
            abi.sides(
                events, topic, "in", abi.keyed(chain, deposit), far=chain, recipient=abi.address(abi.word(9)),
                asset=abi.token(abi.word(1)), amount=abi.units(abi.word(3)),
            )
            for topic in (_IN, _IN_V3)
        ]  # fmt: skip
        return abi.together(*leaving, *coming)
