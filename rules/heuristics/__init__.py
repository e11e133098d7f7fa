"""Clustering heuristics in the order they are applied. A new one is one new file and one line here."""

from __future__ import annotations

from rules.heuristics.co_spend import CoSpend
from tracer.clustering.rules import Heuristic

HEURISTICS: tuple[Heuristic, ...] = (CoSpend(),)
