"""What a claim had a part in: the answers to ask again when it is withdrawn or turns out wrong."""

from __future__ import annotations

import json
from dataclasses import dataclass

from tracer.evidence import custody
from tracer.evidence.custody import Entry
from tracer.intel import manifest
from tracer.intel.snapshot import Snapshot
from tracer.state import State
from tracer.workspace import Workspace


@dataclass(frozen=True)
class Impact:
    """Answers that a claim may have changed, oldest first.

    used       the answer leaned on the claim: it named it, stopped at it, or began from it
    held       the claim stood in the snapshot, and the log does not say that the answer leaned on it
    snapshots  ids of all snapshots of this workspace in which the claim stands
    """

    used: tuple[Entry, ...]
    held: tuple[Entry, ...]
    snapshots: tuple[str, ...]


def impact(workspace: Workspace, state: State, claim: str) -> Impact:
    """Find the answers behind which a claim (its whole id) stood.

    Answers of questions that were asked without a line in the custody log cannot be found.
    """
    used = custody.using(state, claim)
    snapshots = {
        made.id for made in manifest.every(workspace.intel) if Snapshot(workspace.intel, made).holds(claim)
    }
    known = {entry.seq for entry in used}
    held = [
        entry
        for entry in custody.entries(state)
        if entry.seq not in known and entry.output and snapshots & set(json.loads(entry.inputs))
    ]
    return Impact(tuple(used), tuple(held), tuple(sorted(snapshots)))
