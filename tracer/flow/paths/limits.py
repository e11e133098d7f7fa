"""The limits of a question about paths in words, for the sentence that says that none was found within them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracer.amounts import decimal_text


def nothing(parameters: Mapping[str, Any], unit: str) -> str:
    """Said where there was nothing to start from: then no path was denied."""
    windowed = parameters["seed_after"] is not None or parameters["seed_before"] is not None
    what = "left the entity" if unit == "entity" else "arrived"
    return f"nothing {what}{' in the window' if windowed else ''}: nothing was looked for"


def within(parameters: Mapping[str, Any], decimals: int) -> str:
    """Every limit that was in force, as `of at most 10 hops ... (--hops), of ...`, to stand behind `no path`.

    `parameters`: as the document repeats them; `decimals`: of the asset.
    """
    said = [
        f"of at most {parameters['hops']} hops",
        f"among at most {parameters['max_txs']:,} transactions (--max-txs)",
    ]
    if int(parameters["min_value"]):
        said.append(f"of at least {decimal_text(int(parameters['min_value']), decimals)} (--min-value)")
    said += [
        f"{what} {parameters[name]} (--{name.replace('_', '-')})"
        for name, what in (
            ("after", "of movements from"),
            ("before", "of movements before"),
            ("seed_after", "from what arrived or left from"),
            ("seed_before", "from what arrived or left before"),
        )
        if parameters[name] is not None
    ]
    if parameters["high_degree"]:
        said.append(
            f"through no untagged address of more than {parameters['high_degree']:,} transactions (--high-degree)"
        )
    if parameters["stop"]:
        said.append(f"through no {' or '.join(parameters['stop'])} (--stop)")
    return ", ".join(said)
