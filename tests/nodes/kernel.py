"""Bitcoin Core's own validation code, as a library."""

from __future__ import annotations

import os
from typing import Any

import pytest


def kernel() -> Any:
    """The module `pbk` (py-bitcoinkernel); where it is not installed this is a skip here and a failure in CI."""
    try:
        import pbk
    except ImportError:
        if os.environ.get("CI"):
            pytest.fail("py-bitcoinkernel must be there in CI")
        pytest.skip("py-bitcoinkernel is not installed here")
    return pbk
