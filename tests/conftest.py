"""What all tests share: the random seed, real data, full or scaled drill counts."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.nodes.anvil import evm_node
from tests.nodes.simulated import account_world

__all__ = ["account_world", "evm_node"]

SEED = int(os.environ.get("TRACER_TEST_SEED") or random.SystemRandom().randrange(1 << 32))
os.environ["TRACER_TEST_SEED"] = str(SEED)  # the same for every worker
os.environ.setdefault(
    "NUMBA_CACHE_DIR", str(Path(__file__).parents[1] / ".numba-cache")
)  # shared by all runs
FULL = os.environ.get("TRACER_FULL") == "1"


def scaled(count: int, *, full: int) -> int:
    """How often a drill is repeated: `full` times in `make acceptance`, `count` times in `make test`."""
    return full if FULL else count


def pytest_report_header() -> str:
    """Printed so that a failed drill can be repeated."""
    return f"drill seed: TRACER_TEST_SEED={SEED} ({'full' if FULL else 'scaled'} drills)"


@pytest.fixture
def dice() -> random.Random:
    """Randomness of a drill; repeat a run with TRACER_TEST_SEED."""
    return random.Random(SEED)


@pytest.fixture
def full() -> bool:
    """True in `make acceptance`."""
    return FULL


@pytest.fixture(scope="session")
def realdata() -> Path:
    """The folder of real blocks, labels and prices; absent is a skip here and a failure in CI."""
    folder = os.environ.get("TRACER_REALDATA")
    if folder and Path(folder).is_dir():
        return Path(folder).resolve()
    if os.environ.get("CI"):
        pytest.fail("TRACER_REALDATA must name the real data in CI")
    pytest.skip("TRACER_REALDATA does not name the real data")


@pytest.fixture(autouse=True)
def _own_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test touches the user's workspace or configuration."""
    for name in [
        n
        for n in os.environ
        if n.startswith("TRACER_")
        and n
        not in ("TRACER_REALDATA", "TRACER_TEST_SEED", "TRACER_FULL", "TRACER_ANVIL", "TRACER_LITECOIND")
    ]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TRACER_WORKSPACE", str(tmp_path / "workspace"))
