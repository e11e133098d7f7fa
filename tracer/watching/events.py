"""Events of transactions: what a watch's settings make of its moves.

`transfer`, `exposure`, the first hop of `reached_service`; `dormant_wake` asks the past (`tracer.watching.dormant`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from tracer.chain import Chain
from tracer.flow.accounts.assets import NATIVE
from tracer.intel.claims import marked, most_closed
from tracer.intel.snapshot import Snapshot
from tracer.watching.model import Block, Raised, Watch, tx_event
from tracer.watching.moves import Leg, Move, Worths
from tracer.watching.party import Party, request_to

SEVERITY = {"transfer": "low", "dormant_wake": "medium", "reached_service": "high"}
_NO_ASSETS: Mapping[str, Collection[int]] = {}


@dataclass(frozen=True)
class Said:
    """What turns moves into alerts of one chain.

    late_before  unix seconds: what stands in blocks older than that is told late
    """

    chain: Chain
    snapshot: Snapshot
    worths: Worths
    late_before: float

    def raised(self, move: Move, alert_type: str, severity: str, **more: Any) -> Raised:
        """An alert on a move."""
        watch, tx = move.watch, move.tx
        party = more.pop("party", None) or (move.others[0][0] if move.others else None)
        details = {**more.pop("details", {}), **({"legs_left_out": move.left_out} if move.left_out else {})}
        marks = [watch.tlp, *(other.tlp for other, _ in move.others)]
        return Raised(
            watch,
            alert_type,
            tx_event(self.chain.name, tx.txid),
            severity,
            self.chain.name,
            self.chain.caip2,
            tx.txid,
            move.direction,
            more.pop("amount", None) or move.worth(self.worths, move.units),
            move.shown(self.worths),
            party.said() if party else None,
            more.pop("exposure", None),
            details,
            tx.chain_state,
            tx.block,
            tx.block is not None and tx.time < self.late_before,
            most_closed([marked(mark, watch.case_id) for mark in marks]) or "",
            any(other.protected for other, _ in move.others),
        )


def meeting(moves: Iterable[Move], assets: Mapping[str, Collection[int]] = _NO_ASSETS) -> list[Move]:
    """The moves that meet what their watches ask for. `assets`: the ids of those that watches name."""
    return [move for move in moves if _meets(move, assets)]


def firsts(moves: Iterable[Move]) -> list[Move]:
    """Of each watch and transaction one move: of several assets the chain's coin, else the one that is seen first."""
    return [min(group, key=lambda move: move.asset_id) for group in by_event(moves)]


def by_event(moves: Iterable[Move]) -> list[list[Move]]:
    """Moves, as they come from a scan, in groups of one watch and transaction."""
    groups = groupby(moves, key=lambda move: (move.tx.tx_id, move.watch.watch_id))
    return [sorted(group, key=lambda move: move.asset_id) for _, group in groups]


def counterparties(move: Move) -> list[tuple[Party, Leg]]:
    """Those on the other side that a watch asks for; all where it asks for nobody."""
    asked = move.watch.settings.counterparty
    return [other for other in move.others if not asked or other[0].meets(asked)]


def transfers(said: Said, moves: Iterable[Move]) -> list[Raised]:
    """Money came or went."""
    return [
        said.raised(move, "transfer", SEVERITY["transfer"], party=_first(counterparties(move)))
        for move in moves
        if "transfer" in move.watch.alert_types and _has_counterparty(move)
    ]


def direct_services(said: Said, moves: Iterable[Move]) -> list[Raised]:
    """Money went straight to a service, in whatever asset: where a request to freeze it goes."""
    asked = (m for m in moves if "reached_service" in m.watch.alert_types and m.direction == "outbound")
    found = []
    for group in by_event(asked):
        reached = [
            (move, party, leg)
            for move in group
            for party, leg in counterparties(move)
            if party.fate is not None
        ]
        if reached:
            move = reached[0][0]
            units = sum(leg.units or 0 for of, _, leg in reached if of is move)
            details = {
                "hops": 1,
                "from_txid": move.tx.txid,
                "services": [service(said, of, party, leg.units, leg.number) for of, party, leg in reached],
            }
            found.append(
                said.raised(
                    move,
                    "reached_service",
                    SEVERITY["reached_service"],
                    party=reached[0][1],
                    details=details,
                    amount=move.worth(said.worths, units if move.units is None else min(units, move.units)),
                )
            )
    return found


def service(said: Said, move: Move, party: Party, units: int | None, number: int) -> dict[str, Any]:
    """A service that got something, and where a request to freeze it goes."""
    return {
        **party.said(),
        "ends_as": party.fate.reason if party.fate is not None else None,
        "number": number,
        "amount_onchain": move.worth(said.worths, units),
        "request_to": request_to(said.snapshot, party.vasp_id),
    }


def outgrown(said: Said, watch: Watch, mark: str, details: Mapping[str, Any], block: Block) -> Raised:
    """The one alert that says a watch no longer looks at all it was set on; `mark` tells the reasons apart."""
    key = f"{said.chain.name}|{watch.subject}{mark and '|'}{mark}"
    return Raised(
        watch, "watch_overgrown", key, "medium", said.chain.name, said.chain.caip2, details=details,
        chain_state="confirmed", block=block, late=block.time < said.late_before, tlp=watch.tlp,
    )  # fmt: skip


def _meets(move: Move, assets: Mapping[str, Collection[int]]) -> bool:
    """Whether amount, asset and direction are what a watch asks for. What nobody can tell is not left out."""
    settings = move.watch.settings
    if settings.asset and move.asset_id not in assets.get(settings.asset, ()):
        return False
    if settings.min_units is not None:
        if not settings.asset and move.asset_id != NATIVE:
            return False
        if move.units is not None and move.units < settings.min_units:
            return False
    return settings.direction in ("both", move.direction)


def _has_counterparty(move: Move) -> bool:
    return not move.watch.settings.counterparty or bool(counterparties(move))


def _first(others: Sequence[tuple[Party, Leg]]) -> Party | None:
    return others[0][0] if others else None
