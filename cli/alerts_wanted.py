"""Options that choose alerts, shared by the verbs of `tracer alerts`."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from tracer.watching.reviews import Wanted

STATUSES = ("open", "in_work", "closed", "false_positive")
_SPAN = re.compile(r"(\d+)([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def wanted_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Filters of alerts; `chosen` makes a `Wanted` of them."""
    for decorate in (
        click.option("--until", metavar="TIME", help="Raised before then."),
        click.option("--since", metavar="TIME", help="Raised then or later: a UTC date or time, or 30m, 24h, 7d ago."),
        click.option("--txid", metavar="TXID", help="Of this transaction."),
        click.option("--validity", type=click.Choice(["valid", "retracted"]), help="Still so, or taken back."),
        click.option("--assignee", metavar="NAME", help="Assigned to; `` is nobody."),
        click.option("--of-case", metavar="ID", help="Of watches of this case."),
        click.option("--watch", "watch_id", metavar="ID", help="Of this watch."),
        click.option("--chain", metavar="NAME", help="On this chain."),
        click.option("--severity", type=click.Choice(["low", "medium", "high", "severe"]), help="Of this severity."),
        click.option("--type", "alert_type", metavar="TYPE", help="Of this type: transfer, exposure, ..."),
        click.option("--status", type=click.Choice(STATUSES), help="As worked on."),
    ):  # fmt: skip
        function = decorate(function)
    return function


def chosen(filters: dict[str, Any]) -> Wanted:
    """The alerts that the options of `wanted_options` ask for."""
    from tracer.watching.reviews import Wanted

    times = {name: moment(filters.pop(name)) for name in ("since", "until")}
    return Wanted(case_id=filters.pop("of_case"), **filters, **times)


def moment(text: str | None) -> str | None:
    """A date, a time, or a span before now, as alerts have times; `UsageError` where it is none."""
    if text is None:
        return None
    from tracer.flow.question import seconds
    from tracer.watching.model import utc

    if (span := _SPAN.fullmatch(text)) is not None:
        return utc(time.time() - int(span[1]) * _UNITS[span[2]])
    return utc(seconds(text))
