"""Evidence of subjects on a chain of which no block was read: what is claimed of them, and nothing else.

Never clear; but whoever stands on a sanctions list stands on it whether its chain was read or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tracer.chain import Chain
from tracer.intel.snapshot import Snapshot
from tracer.screening.examine import HARM, Settings
from tracer.screening.exposure import owners
from tracer.screening.exposure.parties import Parties
from tracer.screening.model import Evidence, Subject

if TYPE_CHECKING:
    from tracer.intel.ranking import Row

DAY = 86_400


class Unread:
    """What an `Examiner` is where there is no ledger. `evaluated_at` (unix seconds) is as of when KYC levels are."""

    def __init__(self, chain: Chain, snapshot: Snapshot, settings: Settings, evaluated_at: int) -> None:
        own = frozenset(name.casefold() for name in settings.own)
        self._chain, self._snapshot, self._day = chain, snapshot, evaluated_at // DAY
        self._parties = Parties(None, snapshot, own, frozenset(settings.stop) | HARM)

    def examine(self, subjects: Sequence[Subject]) -> list[Evidence]:
        """Evidence of each, in their order; none of it was seen."""
        said = self._said(subjects)
        return [
            self._one(subject, owners.said(said.get(place, ()), ())) for place, subject in enumerate(subjects)
        ]

    def _one(self, subject: Subject, told: owners.Said) -> Evidence:
        chain, parties = self._chain, self._parties
        owned = (
            []
            if owners.ours(told, parties)
            else owners.ownership(told, parties, self._day, chain.decimals, chain.asset)
        )
        claims = {row["claim_id"] for row in told.rows}
        return Evidence(
            subject,
            None,
            seen=False,
            exposures=tuple(owned),
            identifications=told.identifications,
            designations=owners.designations(told, parties),
            protected=told.protected,
            gaps=(f"nothing of {chain.name} was read here: only claims about the address itself are known",),
            claims=frozenset(claims.union(*(row.claims for row in owned))),
        )

    def _said(self, subjects: Sequence[Subject]) -> dict[int, list[Row]]:
        """Place of a subject -> the claims on its address; of a transfer none: whose it is nobody read."""
        import polars as pl

        asked = [
            (place, self._chain.parse_address(subject.address))
            for place, subject in enumerate(subjects)
            if subject.address and subject.kind != "transfer"
        ]
        frame = pl.DataFrame(
            {
                "chain": [self._chain.name] * len(asked),
                "kind": [int(key.kind) for _, key in asked],
                "payload": [key.payload for _, key in asked],
            },
            schema={"chain": pl.String, "kind": pl.UInt8, "payload": pl.Binary},
        )
        found: dict[int, list[Row]] = {}
        for row in self._snapshot.tags_of(frame).iter_rows(named=True):
            found.setdefault(asked[row["asked"]][0], []).append(row)
        return found
