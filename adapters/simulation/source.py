"""`simulation:NAME?seed=1&txs=20000`: the text of a simulated source, and the world it names."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tracer.errors import UsageError

if TYPE_CHECKING:
    from adapters.simulation.world import World

WORLDS = {"market": (1_500, 20_000, 10_000_000), "accounts": (1_500, 2_000, 50_000)}
"""Least, usual and most transactions of each world."""
_HINTS = {
    "market": "Write simulation:market?seed=1&txs=20000 (and signed=true for real signatures).",
    "accounts": "Write simulation:accounts?seed=1&txs=2000; its signatures are always real.",
}


def _number(key: str, text: str, hint: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise UsageError(f"simulation: {key}={text!r} is not a whole number.", hint=hint)
    return int(text)


def _known(name: str) -> None:
    if name not in WORLDS:
        raise UsageError(
            f"simulation: no world is called {name!r}; there is {', '.join(WORLDS)}.", hint=_HINTS["market"]
        )


def check_size(name: str, txs: int) -> None:
    """Raise UsageError where a world cannot be of that size."""
    least, _, most = WORLDS[name]
    if not least <= txs <= most:
        raise UsageError(f"simulation: txs={txs} is outside {least} to {most}.", hint=_HINTS[name])


def parse_source(text: str) -> dict[str, Any]:
    """What follows `simulation:` as `name`, `seed`, `txs`, `signed`.

    `market` is built by `build_world`, `accounts` by `adapters.simulation.accounts.build` (from seed and txs).
    """
    name, _, query = text.partition("?")
    _known(name)
    hint = _HINTS[name]
    result: dict[str, Any] = {"name": name, "seed": 1, "txs": WORLDS[name][1], "signed": False}
    seen: set[str] = set()
    for pair in query.split("&") if query else ():
        key, equals, value = pair.partition("=")
        if key not in ("seed", "txs", "signed"):
            raise UsageError(
                f"simulation: unknown parameter {key!r}; there are seed, txs and signed.", hint=hint
            )
        if key in seen or not equals:
            raise UsageError(f"simulation: {key} needs one value.", hint=hint)
        seen.add(key)
        if key != "signed":
            result[key] = _number(key, value, hint)
        elif value in ("true", "false"):
            result[key] = value == "true"
        else:
            raise UsageError(f"simulation: signed={value!r} is neither true nor false.", hint=hint)
    if name == "accounts" and "signed" in seen:
        raise UsageError("simulation: accounts has no parameter signed.", hint=hint)
    check_size(name, result["txs"])
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

    _known(name)
    if name != "market":
        raise UsageError(
            f"simulation: {name} is a world of accounts, without Bitcoin blocks.",
            hint="Sync evm-31337 or evm-31338 from it.",
        )
    check_size(name, txs)
    return build(name, seed, txs, signed, progress)
