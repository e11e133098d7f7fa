"""celer: cBridge pools; the relay on the other chain quotes the id of the transfer it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer.flow.bridges.rules import Event, Join

if TYPE_CHECKING:
    import polars as pl

_SEND = bytes.fromhex("89d8051e597ab4178a863a5190407b98abfeff406aa8db90c59af76612e58f01")
_RELAY = bytes.fromhex("79fa08de5149d912dce8e5e8da7a7c17ccdf23dd5d3bfe196802e6eb86347c7c")


@dataclass(frozen=True)
class Celer:
    """A crossing is its transfer id. Nothing is indexed."""

    id: str = "celer"
    title: str = "Celer cBridge"
    version: int = 1
    join: Join = "identifier"
    references: tuple[str, ...] = (
        "celer-network/sgn-v2-contracts, liquidity-bridge/Bridge.sol: Send, Relay",
    )
    limitations: tuple[str, ...] = (
        "Pegged tokens (vaults and mints) are another contract and are not read.",
    )
    events: tuple[Event, ...] = (
        Event("Send(bytes32,address,address,address,uint256,uint64,uint64,uint32)", _SEND, "out"),
        Event("Relay(bytes32,address,address,address,uint256,uint64,bytes32)", _RELAY, "in"),
    )

    def sides(self, events: pl.DataFrame, home: str) -> pl.DataFrame:  # noqa: ARG002
        """Fields: id, sender, receiver, token, amount, chain, and nonce or the id that is answered."""
        from rules.bridges import abi

        fields = {
            "far": abi.number_text(abi.word(5)), "recipient": abi.address(abi.word(2)),
            "asset": abi.token(abi.word(3)), "amount": abi.units(abi.word(4)),
        }  # fmt: skip
        return abi.together(
            abi.sides(events, _SEND, "out", abi.hexed(abi.word(0)), **fields),
            abi.sides(events, _RELAY, "in", abi.hexed(abi.word(6)), **fields),
        )
