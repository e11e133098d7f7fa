"""wormhole: the token bridge; a message is (emitting chain, emitter, sequence) on both sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer.flow.bridges.rules import Event, Join

if TYPE_CHECKING:
    import polars as pl

_PUBLISHED = bytes.fromhex("6eb224fb001ed210e379b335e35efe88672a8ce935d981a6896b27ffdf52a3b2")
_REDEEMED = bytes.fromhex("caf280c8cfeba144da67230d9b009c8f868a75bac9a528fa0474be1ba317c169")
_KIND, _TO, _TO_CHAIN = (0, 1), (67, 32), (99, 2)
"""Places in a transfer's payload, after amount, token and token's chain."""
_TRANSFERS = (b"\x01", b"\x03")
"""Payloads that move tokens: plain, and with a message of the sender's."""


@dataclass(frozen=True)
class Wormhole:
    """Only messages of the token bridge are transfers; a payload of another shape is none."""

    id: str = "wormhole"
    title: str = "Wormhole token bridge"
    version: int = 1
    join: Join = "identifier"
    references: tuple[str, ...] = (
        "wormhole-foundation/wormhole, ethereum/contracts/Implementation.sol: LogMessagePublished; "
        "bridge/interfaces/ITokenBridge.sol: TransferRedeemed; whitepapers/0003_token_bridge.md: payloads 1 and 3",
    )
    limitations: tuple[str, ...] = (
        "Amounts in messages are cut to eight decimals: those of the transfers count.",
        "NTT, Connect and other programs over the same core contract are not read.",
    )
    events: tuple[Event, ...] = (
        Event("LogMessagePublished(address,uint64,uint32,bytes,uint8)", _PUBLISHED, "out"),
        Event("TransferRedeemed(uint16,bytes32,uint64)", _REDEEMED, "in"),
    )

    def sides(self, events: pl.DataFrame, home: str) -> pl.DataFrame:
        """Indexed: sender; all three."""
        import polars as pl

        from rules.bridges import abi

        payload = abi.tail(2)
        moves = abi.piece(payload, *_KIND).is_in(list(_TRANSFERS))
        sent = abi.keyed(home, abi.hexed(abi.topic(1)), abi.number_text(abi.word(0)))
        redeemed = abi.keyed(
            abi.number_text(abi.topic(1)), abi.hexed(abi.topic(2)), abi.number_text(abi.topic(3))
        )
        return abi.together(
            abi.sides(
                events, _PUBLISHED, "out", pl.when(moves).then(sent),
                far=abi.packed_number(abi.piece(payload, *_TO_CHAIN)),
                recipient=abi.address(abi.piece(payload, *_TO)), trusts=abi.address(abi.topic(1)),
            ),
            abi.sides(events, _REDEEMED, "in", redeemed, far=abi.number_text(abi.topic(1))),
        )  # fmt: skip
