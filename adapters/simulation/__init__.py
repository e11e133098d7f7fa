"""A simulated Bitcoin regtest economy: real serialised blocks, and the truth about who owns what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adapters.simulation.source import build_world, parse_source

if TYPE_CHECKING:
    from adapters.simulation.truth import GroundTruth
    from adapters.simulation.world import World

__all__ = ["GroundTruth", "World", "build_world", "parse_source"]


def __getattr__(name: str) -> Any:
    """Import the heavy modules (polars, pyarrow) only where somebody asks for their classes."""
    if name == "World":
        from adapters.simulation.world import World

        return World
    if name == "GroundTruth":
        from adapters.simulation.truth import GroundTruth

        return GroundTruth
    raise AttributeError(name)
