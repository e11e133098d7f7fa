"""What a claim had a part in: the answers to ask again when it is withdrawn or turns out wrong."""

from __future__ import annotations

import json
from dataclasses import dataclass

from tracer.evidence import custody
from tracer.evidence.custody import Entry
from tracer.intel import manifest
from tracer.intel.claims import ClaimKind
from tracer.intel.manifest import ListEntry, Manifest
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


def find_ever(workspace: Workspace, start: str) -> tuple[ClaimKind, str] | None:
    """Kind and whole id of the one claim that begins so in any snapshot ever made here.

    A claim that a list no longer holds has gone from the current snapshot, and is the one people ask about.
    """
    if found := Snapshot.open(workspace).find(start):
        return found
    entries = {entry for made in manifest.every(workspace.intel) for entry in made.lists}
    return Snapshot(workspace.intel, manifest.Manifest(tuple(sorted(entries)))).find(start)


def impact(workspace: Workspace, state: State, claim: str) -> Impact:
    """Find the answers behind which a claim (its whole id) stood.

    Answers of questions that were asked without a line in the custody log cannot be found.
    """
    used = custody.using(state, claim)
    holding: dict[ListEntry, bool] = {}  # lists are shared by many snapshots and read once

    def held_by(made: Manifest) -> bool:
        for entry in made.lists:
            if entry not in holding:
                alone = Snapshot(workspace.intel, Manifest((entry,)))
                holding[entry] = alone.find(claim) is not None
        if not any(holding[entry] for entry in made.lists):
            return False
        return claim not in Snapshot(workspace.intel, made).withdrawn

    snapshots = {made.id for made in manifest.every(workspace.intel) if held_by(made)}
    known = {entry.seq for entry in used}
    held = [
        entry
        for entry in custody.entries(state)
        if entry.seq not in known and entry.output and snapshots & set(json.loads(entry.inputs))
    ]
    return Impact(tuple(used), tuple(held), tuple(sorted(snapshots)))
