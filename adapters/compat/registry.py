"""Every shape a verdict can be given in: one line each."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.compat import chainalysis, elliptic, misttrack, trm
from adapters.compat.base import Projection

SHAPES: Mapping[str, Projection] = {
    "chainalysis": chainalysis.project,
    "elliptic": elliptic.project,
    "trm": trm.project,
    "misttrack": misttrack.project,
}
