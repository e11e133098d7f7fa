"""What a question over HTTP is answered by: the body, and the line of the custody log."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from cli.service.asked import ScreeningAsked
from tracer.errors import TracerError
from tracer.evidence.custody import Line
from tracer.intel.claims import clean
from tracer.screening.model import Subject
from tracer.screening.policy import Policy
from tracer.screening.screen import Screened

Document = Mapping[str, Any]


def rendered(
    asked: ScreeningAsked,
    rejected: Sequence[tuple[int, TracerError]],
    compat: str | None,
    view: str,
    documents: Sequence[Document],
) -> bytes:
    """The body: one document, or many with what was rejected and why."""
    if asked.subject is not None:
        return as_bytes(shaped(documents[0], compat, view))
    return as_bytes(
        {
            "schema": "tracer.screenings/1",
            "documents": [shaped(document, compat, view) for document in documents],
            "rejected": [{"index": at, "problem": clean(str(error))} for at, error in rejected],
        }
    )


def shaped(document: Document, compat: str | None, view: str) -> Any:
    """A document as it was asked for: whole, in another product's fields, or as the front office sees it."""
    if compat is not None:
        from adapters.compat.registry import SHAPES

        return SHAPES[compat](document)
    if view == "front-office":
        from cli.screen_text import front

        return front(document)
    return document


def as_bytes(said: Any) -> bytes:
    """JSON, short."""
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()


def line(
    caller: str,
    asked: ScreeningAsked,
    policy: Policy,
    subjects: Sequence[Subject],
    screened: Sequence[Screened],
    documents: Sequence[Document],
    answer: bytes,
) -> Line:
    """The line of the custody log: who asked what over HTTP, on which inputs."""
    inputs = [f"policy {policy.id} {policy.sha256}"]
    for document in documents:
        inputs += [
            document["intel_snapshot"],
            *(f"{tip['chain']}:{tip['block_hash']}" for tip in document["as_of"]),
        ]
    inputs += [f"screening:{document['screening_id']}" for document in documents]
    return Line(
        verb="screen",
        arguments=["--caller", caller, *(subject.text for subject in subjects)],
        case_id=asked.case,
        purpose=asked.purpose,
        inputs=list(dict.fromkeys(inputs)),
        output=hashlib.sha256(answer).hexdigest(),
        outcome="answered",
        claims=frozenset[str]().union(*(one.evidence.claims for one in screened)),
    )
