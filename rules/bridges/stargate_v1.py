"""stargate_v1: pools over LayerZero v1; the swap's own event has no id, the packet of the same transaction has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer.flow.bridges.rules import Event, Join

if TYPE_CHECKING:
    import polars as pl

_SWAP = bytes.fromhex("34660fc8af304464529f48a778e03d03e4d34bcd5f9b6f0cfbf3cd238c642f7f")
_REMOTE = bytes.fromhex("fb2b592367452f1c437675bed47f5e1e6c25188c17d7ba01a12eb030bc41ccef")
_PACKET = bytes.fromhex("e9bded5f24a4168e4f3bf44e00298c993b22376aad8c58c7dda9718a54cbea82")
_RECEIVED = bytes.fromhex("2bd2d8a84b748439fd50d79a49502b4eb5faa25b864da6a9ab5c150704be9a4d")
_NONCE, _FROM, _TO_CHAIN, _TO = (0, 8), (10, 20), (30, 2), (32, 20)
"""Places in a packet: nonce, own chain, sender, other chain, receiver."""


@dataclass(frozen=True)
class StargateV1:
    """A crossing is (source chain, sender, receiver, nonce) of the packet that carried it."""

    id: str = "stargate_v1"
    title: str = "Stargate v1 (LayerZero v1)"
    version: int = 1
    join: Join = "identifier"
    references: tuple[str, ...] = (
        "stargate-protocol/stargate, Pool.sol: Swap, SwapRemote",
        "LayerZero-Labs/LayerZero, UltraLightNodeV2.sol: Packet, PacketReceived",
    )
    limitations: tuple[str, ...] = (
        "A transaction with unequal numbers of swaps and packets is not matched.",
        "Amounts in the events are in shared decimals: those of the transfers count.",
        "A swap that failed on arrival and was retried in another transaction is not matched.",
    )
    events: tuple[Event, ...] = (
        Event("Swap(uint16,uint256,address,uint256,uint256,uint256,uint256,uint256)", _SWAP, "out"),
        Event("SwapRemote(address,uint256,uint256,uint256)", _REMOTE, "in"),
        Event("Packet(bytes)", _PACKET, "part"),
        Event("PacketReceived(uint16,bytes,address,uint64,bytes32)", _RECEIVED, "part"),
    )

    def sides(self, events: pl.DataFrame, home: str) -> pl.DataFrame:
        """Indexed is nothing but the source chain and the receiver of a packet that came."""
        from rules.bridges import abi

        packet = abi.tail(0)
        sent = abi.keyed(
            home, abi.hexed(abi.piece(packet, *_FROM)), abi.hexed(abi.piece(packet, *_TO)),
            abi.packed_number(abi.piece(packet, *_NONCE)),
        )  # fmt: skip
        source = abi.number_text(abi.topic(1))
        came = abi.keyed(
            source, abi.hexed(abi.piece(packet, 0, 20)), abi.hexed(abi.address(abi.topic(2))),
            abi.number_text(abi.word(1)),
        )  # fmt: skip
        going = abi.sides(events, _PACKET, "out", sent, far=abi.packed_number(abi.piece(packet, *_TO_CHAIN)))
        coming = abi.sides(events, _RECEIVED, "in", came, far=source)
        swap = abi.sides(events, _SWAP, "out", abi.keyed(home))
        remote = abi.sides(events, _REMOTE, "in", abi.keyed(home), recipient=abi.address(abi.word(0)))
        return abi.together(_carried(swap, going), _carried(remote, coming))


def _carried(swaps: pl.DataFrame, packets: pl.DataFrame) -> pl.DataFrame:
    """Swaps with key and other chain of the packets of their transactions, one by one in their order."""
    import polars as pl

    place, count = pl.int_range(pl.len()).over("tx_id").alias("place"), pl.len().over("tx_id").alias("count")
    by = ["tx_id", "place", "count"]
    told = packets.with_columns(place, count).select(*by, "key", "far")
    found = swaps.drop("key", "far").with_columns(place, count).join(told, on=by, how="inner")
    return found.select(swaps.columns)
