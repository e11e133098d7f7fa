"""A real EVM node for tests. Without anvil the test is left out, visibly; in CI that is a failure."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from adapters.evm import anvil as local
from adapters.evm.anvil import Node


@contextmanager
def anvil(chain_id: int = 31337, port: int | None = None, **flags: str | int | bool) -> Iterator[Node]:
    """`adapters.evm.anvil.anvil`, or a skip."""
    if local.program() is None:
        if os.environ.get("CI"):
            pytest.fail("anvil must be there in CI: `make setup` installs it with npm")
        pytest.skip("no anvil: run `make setup`, or name it in TRACER_ANVIL")
    with local.anvil(chain_id, port, **flags) as node:
        yield node


@pytest.fixture
def evm_node() -> Iterator[Node]:
    """A node that mines on demand (`evm_mine`), for one test."""
    with anvil(no_mining=True) as node:
        yield node
