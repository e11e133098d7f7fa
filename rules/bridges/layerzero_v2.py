"""layerzero_v2: omnichain tokens and Stargate version 2; both sides carry LayerZero's id of the message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer.flow.bridges.rules import Event, Join

if TYPE_CHECKING:
    import polars as pl

_SENT = bytes.fromhex("85496b760a4b7f8d66384b9df21b381f5d1b1e79f229a47aaf4c232edc2fe59a")
_RECEIVED = bytes.fromhex("efed6d3500546b29533b128a29e3a94d70788727f0507505ac12eaf2e578fd9c")


@dataclass(frozen=True)
class LayerZeroV2:
    """A crossing is its guid, the hash of (nonce, source, sender, destination, receiver)."""

    id: str = "layerzero_v2"
    title: str = "LayerZero v2 (OFT, Stargate v2)"
    version: int = 1
    join: Join = "identifier"
    references: tuple[str, ...] = (
        "LayerZero-Labs/LayerZero-v2, oapp/contracts/oft/interfaces/IOFT.sol: OFTSent, OFTReceived",
    )
    limitations: tuple[str, ...] = (
        "A Stargate v2 transfer that waits for its bus shares one message with others; its guid is then zero and it "
        "is not matched.",
        "Any contract may call itself an omnichain token: only pinned ones are read.",
    )
    events: tuple[Event, ...] = (
        Event("OFTSent(bytes32,uint32,address,uint256,uint256)", _SENT, "out"),
        Event("OFTReceived(bytes32,uint32,address,uint256)", _RECEIVED, "in"),
    )

    def sides(self, events: pl.DataFrame, home: str) -> pl.DataFrame:  # noqa: ARG002
        """Indexed are guid and the account on this side; the recipient on the other is not said."""
        import polars as pl

        from rules.bridges import abi

        guid = pl.when(abi.topic(1) != bytes(32)).then(abi.hexed(abi.topic(1)))
        other = abi.number_text(abi.word(0))
        return abi.together(
            abi.sides(events, _SENT, "out", guid, far=other, amount=abi.units(abi.word(1))),
            abi.sides(
                events, _RECEIVED, "in", guid, far=other, recipient=abi.address(abi.topic(2)),
                amount=abi.units(abi.word(1)),
            ),
        )  # fmt: skip
