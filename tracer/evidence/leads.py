"""What of a trace is a lead only: what one of several conventions alone finds."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from tracer.evidence.parts import Part

MARKING = "poison"
"""The method that divides nothing: all that any share can have touched."""


@dataclass(frozen=True)
class Leads:
    """What one of several conventions alone finds. Poison marks all that any other reaches: it agrees with nobody.

    methods  the conventions of the trace
    parties  services that one alone finds, by the trace's own comparison; behind a link by what is found there
    """

    methods: frozenset[str]
    parties: frozenset[str]

    @classmethod
    def of(cls, whole: Part, documents: Sequence[Part]) -> Leads:
        """Those of a trace; one of a single convention has none."""
        methods = frozenset(document.text("method") for document in documents)
        if len(methods) < 2:
            return cls(methods, frozenset())
        found: dict[str, set[str]] = {}
        for document in documents:
            for part, _, _ in with_links(document):
                for row in part.parts("endpoints"):
                    found.setdefault(party_of(row), set()).add(document.text("method"))
        rows: dict[str, set[str | None]] = {}  # one for each asset and chain
        for row in whole.parts("comparison"):
            rows.setdefault(row.text("endpoint"), set()).add(row.maybe_text("only_in"))
        compared = {party: by.pop() if len(by) == 1 else None for party, by in rows.items()}
        lone = {party for party, by in found.items() if cls(methods, frozenset()).alone(by)}
        return cls(methods, frozenset((lone - set(compared)) | {p for p, only in compared.items() if only}))

    @property
    def only(self) -> str:
        """The convention of a trace that has one only, "" where several can be compared."""
        dividing = sorted(self.methods - {MARKING}) or sorted(self.methods)
        return dividing[0] if len(dividing) == 1 else ""

    def alone(self, found: Collection[str]) -> str:
        """The one convention of several that finds something, as a trace compares them (`only_in`); "" for none."""
        dividing = sorted(set(found) - {MARKING})
        if not dividing:
            return MARKING if len(self.methods) > 1 else ""
        return dividing[0] if not self.only and len(dividing) == 1 else ""


def with_links(document: Part) -> Iterator[tuple[Part, str | None, str | None]]:
    """The trace, and what was found behind each off-chain link, with the claim that states the link.

    The third is the chain of a link, where the trace is of several.
    """
    yield document, None, None
    for row in document.parts("offchain"):
        behind = row.maybe_part("continuation")
        if behind is not None:
            yield behind, row.claim("claim"), row.maybe_text("chain")


def party_of(row: Part) -> str:
    """The service of an endpoint: its `vasp_id`, else its name."""
    return row.maybe_text("vasp_id") or row.text("entity")
