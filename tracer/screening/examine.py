"""Subjects -> evidence: whose they are, where their money came from, where it went. No opinion.

Subjects are examined in sets (ADR-0011): one closure in each direction over the lots of a chunk, with the trace's own
stops; then for each set the part that its own lots reach, and the trace's own kernels over it. A subject alone is a set
of one, and gets the same answer.
"""

from __future__ import annotations

from collections.abc import Sequence

from tracer.chain import Family
from tracer.clustering.rules import RuleSet
from tracer.detection.findings import Detector
from tracer.detection.findings import none as no_findings
from tracer.intel.snapshot import Snapshot
from tracer.ledger.store import Ledger
from tracer.screening.exposure.accounts import Accounts
from tracer.screening.exposure.evidence import Writer
from tracer.screening.exposure.room import Room
from tracer.screening.exposure.settings import HARM, Settings
from tracer.screening.model import Evidence, Subject

CHUNK = 8_192
"""Subjects that are looked at together (P)."""


class Examiner:
    """Examines subjects on one open ledger with one snapshot of claims.

    Warm: claims are resolved once and kept while the tip stays; who builds clusters anew opens the ledger anew, and so
    must who reads them. It keeps TEMP tables on the ledger's connection, which
    a trace on the same connection would replace: one connection, one examiner.
    """

    def __init__(
        self,
        ledger: Ledger,
        snapshot: Snapshot,
        settings: Settings,
        *,
        rules: RuleSet,
        detector: Detector = no_findings,
    ) -> None:
        self._ledger, self._snapshot, self._settings = ledger, snapshot, settings
        self._rules, self._detector = rules, detector
        self._room_of: tuple[object, Room | Accounts] | None = None

    def examine(self, subjects: Sequence[Subject]) -> list[Evidence]:
        """Evidence of each subject, in their order. They are of the ledger's chain, canonical (`subjects.parse`)."""
        found: list[Evidence] = []
        for first in range(0, len(subjects), CHUNK):
            found += self._chunk(subjects[first : first + CHUNK])
        return found

    def _chunk(self, subjects: Sequence[Subject]) -> list[Evidence]:
        room = self._room()
        if isinstance(room, Room):
            return Writer(room, room.look(subjects), subjects, self._detector).all()
        return room.examine(subjects, self._detector)

    def _room(self) -> Room | Accounts:
        """What was worked out of this tip; anew where there is another by now."""
        at = self._ledger.tip()
        if self._room_of is None or self._room_of[0] != at:
            self._room_of = at, self._made()
        return self._room_of[1]

    def _made(self) -> Room | Accounts:
        given = self._ledger, self._snapshot, self._settings, self._rules
        return Accounts(*given) if self._ledger.chain.family is Family.ACCOUNT else Room(*given)


__all__ = ["HARM", "Examiner", "Settings"]
