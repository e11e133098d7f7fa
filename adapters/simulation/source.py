"""`simulation:NAME?seed=1&txs=20000`: the text of a simulated source, and the world it names."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tracer.errors import UsageError

if TYPE_CHECKING:
    from adapters.simulation.world import World

WORLDS = ("market",)
MIN_TXS, MAX_TXS = 1_500, 10_000_000
DEFAULTS = {"seed": 1, "txs": 20_000}
_HINT = "Write simulation:market?seed=1&txs=20000 (and signed=true for real signatures)."


def _number(key: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise UsageError(f"simulation: {key}={text!r} is not a whole number.", hint=_HINT)
    return int(text)


def _check(name: str, txs: int) -> None:
    if name not in WORLDS:
        raise UsageError(
            f"simulation: no world is called {name!r}; there is {', '.join(WORLDS)}.", hint=_HINT
        )
    if not MIN_TXS <= txs <= MAX_TXS:
        raise UsageError(f"simulation: txs={txs} is outside {MIN_TXS} to {MAX_TXS}.", hint=_HINT)


def parse_source(text: str) -> dict[str, Any]:
    """What follows `simulation:` as arguments of `build_world`."""
    name, _, query = text.partition("?")
    result: dict[str, Any] = {"name": name, **DEFAULTS, "signed": False}
    seen: set[str] = set()
    for pair in query.split("&") if query else ():
        key, equals, value = pair.partition("=")
        if key not in ("seed", "txs", "signed"):
            raise UsageError(
                f"simulation: unknown parameter {key!r}; there are seed, txs and signed.", hint=_HINT
            )
        if key in seen or not equals:
            raise UsageError(f"simulation: {key} needs one value.", hint=_HINT)
        seen.add(key)
        if key != "signed":
            result[key] = _number(key, value)
        elif value in ("true", "false"):
            result[key] = value == "true"
        else:
            raise UsageError(f"simulation: signed={value!r} is neither true nor false.", hint=_HINT)
    _check(name, result["txs"])
    return result


def build_world(
    name: str,
    *,
    seed: int,
    txs: int,
    signed: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> World:
    """A deterministic world of about `txs` transactions (coinbases not counted).

    The same name, seed, txs and signed give the same bytes on every machine. `signed=False` fills in bytes of
    the right size for keys and signatures; `signed=True` makes real ones (coincurve), slower. `progress` is
    called with transactions done and asked for. Raises UsageError for an unknown name or an impossible size.
    """
    from adapters.simulation.world import build

    _check(name, txs)
    return build(name, seed, txs, signed, progress)
