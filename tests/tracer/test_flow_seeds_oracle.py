"""Seed sets that a service or a pool holds a part of: the engine equals the oracle over random ledgers."""

from __future__ import annotations

from hypothesis import given, settings

from tests.conftest import scaled
from tests.scenarios.asked import Asked, asked
from tests.tracer.test_flow_engine_oracle import equals_the_oracle


@settings(max_examples=scaled(10, full=20), deadline=None)
@given(question=asked(direction="forward", held=True))
def test_sets_with_members_at_services_equal_the_oracle(question: Asked) -> None:
    equals_the_oracle(question)


@settings(max_examples=scaled(10, full=20), deadline=None)
@given(question=asked(direction="backward", held=True))
def test_where_sets_with_members_at_services_came_from_equals_the_oracle(question: Asked) -> None:
    equals_the_oracle(question)
