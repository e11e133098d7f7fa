"""Policies by name, for every verb that takes `--policy`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from tracer.screening.policy import Policy


def policy_named(name: str) -> Policy:
    """A policy that comes with the program, or one of a file; `BadPolicy` names every mistake by file and line."""
    from rules import policies
    from tracer.screening.policy import parse

    return parse(policies.load(name), name if policies.is_path(name) else f"{name}.yml")


def policy_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--policy`: whose rules judge."""
    return click.option(
        "--policy",
        "policy_name",
        metavar="NAME|FILE",
        default="default",
        show_default=True,
        help="Policy to judge by: one that comes with the program (`tracer policy list`) or a file of yours.",
    )(function)
