"""The fuzz drills with kernels that check every index: `python -m tests.adapters.fuzz_checked COUNT SEED [all]`.

Kernels check nothing by themselves, so that is how a read or write outside an array is seen. Those that only hash are
left as they are, and the one that names Zcash's newest transactions too unless told `all`: compiling them with checks
takes minutes.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba.core import config

_AS_THEY_ARE = {"hashing", "ripemd", "zcash.blake2b"} | ({"zcash.txids"} if "all" not in sys.argv else set())
_PLAIN, _CACHE = numba.njit, vars(config)["CACHE_DIR"]
_CHECKED: set[str] = set()


def _checking(*given: Any, **options: Any) -> Callable[[Any], Any]:
    """`numba.njit` with bounds checks, which a cache of its own keeps."""
    module = sys._getframe(1).f_globals["__name__"].removeprefix("adapters.bitcoin.")
    if module in _AS_THEY_ARE or not options:
        decorated: Callable[[Any], Any] = _PLAIN(*given, **options)
        return decorated
    _CHECKED.add(module)

    def decorate(function: Any) -> Any:
        vars(config)["CACHE_DIR"] = str(Path(os.environ["NUMBA_CACHE_DIR"]) / "checked")
        try:
            return _PLAIN(*given, **options | {"boundscheck": True})(function)
        finally:
            vars(config)["CACHE_DIR"] = _CACHE

    return decorate


if __name__ == "__main__":
    vars(numba)["njit"] = _checking
    from tests.adapters import fuzzing

    dice, blocks, undo = random.Random(int(sys.argv[2])), 0, 0
    for writing in fuzzing.WRITINGS:
        blocks += fuzzing.drill(writing, int(sys.argv[1]), dice).total()
    undo += fuzzing.drill_undo(int(sys.argv[1]), dice).total()
    sys.stdout.write(json.dumps({"checked": sorted(_CHECKED), "blocks": blocks, "undo": undo}))
