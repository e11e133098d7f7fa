"""Policies that kept screenings were judged by, so that a past question can be asked again."""

from __future__ import annotations

from tracer.db import named_sql
from tracer.screening.kept.packing import deflate, inflate
from tracer.screening.policy import Policy, parse
from tracer.state import State

_SQL = named_sql("tracer.screening.kept", "policies.sql")


def keep(state: State, policy: Policy) -> None:
    """Keep a policy, once."""
    key = {"sha256": policy.sha256}
    if not state.rows(_SQL["one"], key):
        state.run(_SQL["put"], {**key, "body": deflate(policy.canonical)})


def kept(state: State, sha256: str) -> Policy | None:
    """A policy by its `sha256:...`, or None where nobody kept it."""
    found = state.rows(_SQL["one"], {"sha256": sha256})
    return parse(inflate(found[0][0]), f"the kept policy {sha256[:23]}") if found else None
