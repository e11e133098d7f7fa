"""`exposure`: the policy's verdict on a transfer, as an event. What nobody could judge is told as `unknown`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tracer.chain import Chain, Family
from tracer.screening.judge import VERDICTS
from tracer.screening.model import RISKS, Subject
from tracer.watching.events import Said, by_event
from tracer.watching.match import MOST_LEGS
from tracer.watching.model import Raised
from tracer.watching.moves import Leg, Move

Screen = Callable[[str, Sequence[Subject]], list[Mapping[str, Any]]]
"""Documents (`tracer.screening/1`) of subjects, by the policy of that name."""


def exposures(said: Said, moves: Iterable[Move], screen: Screen | None) -> list[Raised]:
    """Money came from, or went to, what a policy asks about: by the worst verdict on an output of the transfer.

    `unknown` is told as well, without a severity: what nobody could judge is not clear. Nor is a transfer of which not
    all outputs were judged.
    """
    asked = [move for move in moves if "exposure" in move.watch.alert_types and move.direction != "internal"]
    if screen is None or not asked:
        return []
    found = []
    for policy in sorted({move.watch.settings.policy for move in asked}):
        groups = by_event(move for move in asked if move.watch.settings.policy == policy)
        subjects = [
            [(move, subject) for move in group for subject in _subjects(said.chain, move)] for group in groups
        ]
        documents = iter(screen(policy, [subject for some in subjects for _, subject in some]))
        for group, some in zip(groups, subjects, strict=True):
            judged = [(move, document) for (move, _), document in zip(some, documents, strict=False)]
            event = _judged(said, policy, judged, group)
            if event is not None:
                found.append(event)
    return found


def _judged(
    said: Said, policy: str, judged: Sequence[tuple[Move, Mapping[str, Any]]], group: Sequence[Move]
) -> Raised | None:
    """What is said of one transfer by the verdicts on its outputs; None where every one is clear."""
    whole = all(_paid_whole(move) for move in group) and bool(judged)
    move, worst = max(
        judged,
        key=lambda pair: (VERDICTS.index(pair[1]["verdict"]), _risk(pair[1])),
        default=(group[0], None),
    )
    clear = worst is None or worst["verdict"] == "clear"
    if clear and whole:
        return None
    exposure = {} if worst is None else _exposure(policy, worst, [document for _, document in judged])
    if clear:
        exposure |= {"verdict": "unknown", "risk": None}
    details = {} if whole else {"not_all_outputs_judged": True}
    return said.raised(move, "exposure", exposure.get("risk") or "", exposure=exposure, details=details)


def _exposure(
    policy: str, worst: Mapping[str, Any], documents: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    return {
        "policy": worst.get("policy") or {"id": policy},
        "verdict": worst["verdict"],
        "risk": worst["risk"],
        "handling": worst["handling"],
        "risk_reasons": worst["risk_reasons"],
        "exposures": worst["exposures"],
        "triggers": worst["triggers"],
        "screenings": [document["screening_id"] for document in documents],
    }


def _risk(document: Mapping[str, Any]) -> int:
    return RISKS.index(document["risk"]) if document["risk"] else -1


def _subjects(chain: Chain, move: Move) -> list[Subject]:
    """The outputs of a move that somebody pays: what came to the watch, or what left it."""
    paid = [leg for leg in _outputs(move) if leg.address is not None]
    paid.sort(key=lambda leg: (-(leg.units or 0), leg.number))
    utxo = chain.family is Family.UTXO
    return [
        Subject(
            "transfer",
            chain.name,
            f"{move.tx.txid}:{leg.number}",
            address=leg.name,
            txid=move.tx.txid,
            vout=leg.number if utxo else None,
            transfer_index=None if utxo else leg.number,
            direction="inbound" if move.direction == "inbound" else "outbound",
        )
        for leg in paid
    ]


def _outputs(move: Move) -> list[Leg]:
    inward = move.direction == "inbound"
    return [leg for leg in move.legs if not leg.spent and leg.own == inward and leg.asset_id == move.asset_id]


def _paid_whole(move: Move) -> bool:
    """Whether all outputs that somebody pays in a move are among the legs that are shown: own ones come first there."""
    shown = _outputs(move) if move.direction == "inbound" else [leg for leg in move.legs if not leg.spent]
    return not move.left_out or len(shown) < MOST_LEGS
