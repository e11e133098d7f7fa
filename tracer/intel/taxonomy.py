"""The words claims may use: categories with what a trace does there, and confidences with their score.

Read from `taxonomy.yml`, the one place where a category is added.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import yaml


class Behaviour(StrEnum):
    """What a trace does when it reaches an address of a category (definitions in `taxonomy.yml`)."""

    ENDPOINT = "endpoint"
    POOL = "pool"
    MIXER = "mixer"
    BRIDGE = "bridge"
    FOLLOW = "follow"


@dataclass(frozen=True)
class Concept:
    """One category. `origin` says whose id it is: tagpack, actorpack, interpol or tracer."""

    id: str
    title: str
    definition: str
    behaviour: Behaviour
    origin: str


@dataclass(frozen=True)
class Confidence:
    """One TagPack confidence id and its score, 0 to 100."""

    id: str
    score: int
    definition: str


@cache
def load() -> Mapping[str, Concept]:
    """Every category by id, in the order of the file."""
    return MappingProxyType(
        {
            concept: Concept(concept, title, definition, Behaviour(behaviour), origin)
            for origin, concepts in _document()["concepts"].items()
            for concept, (behaviour, title, definition) in concepts.items()
        }
    )


@cache
def confidences() -> Mapping[str, Confidence]:
    """Every confidence by id, best first."""
    return MappingProxyType(
        {name: Confidence(name, score, text) for name, (score, text) in _document()["confidences"].items()}
    )


@cache
def _document() -> Mapping[str, Any]:
    text = files("tracer.intel").joinpath("taxonomy.yml").read_text(encoding="utf-8")
    document: Mapping[str, Any] = yaml.load(text, Loader=yaml.CSafeLoader)
    return document
