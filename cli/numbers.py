"""Options that take a decimal number, and the one that says how often to look for new blocks."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import click

from tracer.errors import UsageError


def number(_ctx: click.Context, option: click.Parameter, value: float | None) -> float | None:
    """Refuse what is no number, though it is a float (`nan`)."""
    if value is not None and math.isnan(value):
        raise UsageError(f"{option.opts[0]} nan is no number.")
    return value


def interval_option(help_text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`--interval`: seconds between two looks for new blocks."""
    return click.option(
        "--interval",
        type=click.FloatRange(0.05, 86_400),
        callback=number,
        default=5.0,
        show_default=True,
        metavar="SECONDS",
        help=help_text,
    )
