"""What a watch can be told, as options: of `watch add`, and of `watch backtest` before one is added."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from cli import compose
from tracer.errors import UsageError

if TYPE_CHECKING:
    from adapters.chains import AnyChain
    from cli.app import App
    from tracer.watching.model import Settings

MOST_SECONDS = 253_402_300_799
"""The last second that a date can be written of."""
_AGES = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def watch_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """What is looked for, and what narrows it."""
    for decorate in reversed(
        (
            click.option("--chain", "chain_name", metavar="CHAIN", help="Chain of what is watched [bitcoin]."),
            click.option(
                "--on", "types", default="transfer", show_default=True, metavar="TYPE,...",
                help="transfer, exposure, reached_service, dormant_wake, tag_change, cluster_merge, sanction_added.",
            ),
            click.option("--min-amount", metavar="AMOUNT", help="Less than this is no event; of the coin, or --asset."),
            click.option("--asset", metavar="ASSET", default="", help="A token's contract, on an account chain."),
            click.option(
                "--direction", type=click.Choice(["both", "inbound", "outbound"]), default="both", show_default=True,
                help="Which way money must move.",
            ),
            click.option(
                "--counterparty", metavar="kyc:LEVEL|category:ID", default="",
                help="Only with such a counterparty: kyc:none, kyc:weak, category:mixing_service, ...",
            ),
            click.option(
                "--trail", type=click.IntRange(0, 32), default=0, metavar="HOPS",
                help="Move along with coins that leave, for so many transactions, until a service gets them.",
            ),
            click.option(
                "--dormant", type=click.IntRange(1, 10_000), default=180, show_default=True, metavar="DAYS",
                help="Days without a spend after which one is a wake.",
            ),
            click.option(
                "--policy", "policy", default="default", show_default=True, metavar="NAME|FILE",
                help="Policy that judges exposure.",
            ),
        )
    ):  # fmt: skip
        function = decorate(function)
    return function


def settings_of(app: App, chain: AnyChain, asked: dict[str, Any]) -> tuple[tuple[str, ...], Settings]:
    """Alert types and settings from these options; takes them out of `asked`. Raises `UsageError`."""
    from cli.policy_common import policy_named
    from tracer.chain import Family
    from tracer.flow.question import MOST_OF_ACCOUNTS, MOST_UNITS, Exits, base_units
    from tracer.watching.model import ON, Settings

    types = tuple(sorted({word.strip() for word in asked.pop("types").split(",") if word.strip()}))
    if unknown := [word for word in types if word not in ON] or ([] if types else ["nothing"]):
        raise UsageError(f"--on {unknown[0]!r} is no alert type.", hint=f"There are {', '.join(ON)}.")
    asset, amount, counterparty = asked.pop("asset"), asked.pop("min_amount"), asked.pop("counterparty")
    accounts = chain.family is Family.ACCOUNT
    compose.words(asset, counterparty)
    if asset and not accounts:
        raise UsageError(f"--asset is for account chains; {chain.name} has one asset, {chain.asset}.")
    if counterparty:
        try:
            Exits.parse([counterparty])
        except UsageError as error:
            raise UsageError(error.problem.replace("--exits", "--counterparty"), hint=error.hint) from error
    trail = asked.pop("trail")
    if trail and accounts:
        raise UsageError(
            f"--trail follows outputs; {chain.name} has none.", hint="Watch where its money goes by address."
        )
    if trail and "reached_service" not in types:
        raise UsageError("--trail is of no use without --on reached_service.")
    policy = asked.pop("policy")
    if "exposure" in types:
        policy_named(policy)
    units = None
    if amount is not None:
        decimals = _decimals(app, chain, asset)
        try:
            units = base_units(amount, decimals, MOST_OF_ACCOUNTS if accounts else MOST_UNITS)
        except UsageError as error:
            raise UsageError(error.problem.replace("--min-value", "--min-amount"), hint=error.hint) from error
        if units < 0:
            raise UsageError("--min-amount is below zero.")
    return types, Settings(
        units, _contract(chain, asset), asked.pop("direction"), counterparty, trail, asked.pop("dormant"), policy,
        int(asked.pop("cooldown", None) or 0),
    )  # fmt: skip


def age(text: str, option: str) -> float:
    """Seconds of `30m`, `2h`, `1d`, `45s`; `UsageError` where it is none."""
    found = re.fullmatch(r"(\d{1,7})([smhd])", text.strip())
    if found is None:
        raise UsageError(f"{option} {text!r} is no length of time.", hint="Write 45s, 30m, 2h or 7d.")
    return float(int(found[1]) * _AGES[found[2]])


def expiry(text: str) -> str:
    """When a watch ends, from a date or a length of time from now; "" never. Raises `UsageError`."""
    from tracer.flow.question import seconds
    from tracer.watching.model import utc

    if not text:
        return ""
    now = time.time()
    lasting = re.fullmatch(r"\d{1,7}[smhd]", text.strip())
    until = now + age(text, "--expires") if lasting else seconds(text)
    if until <= now:
        raise UsageError(f"--expires {text!r} is over.", hint="Give a time to come: 2027-01-31, or 90d.")
    if until > MOST_SECONDS:
        raise UsageError(
            f"--expires {text!r} is after the year 9999.", hint="Without --expires it never ends."
        )
    return utc(until)


def _contract(chain: AnyChain, asset: str) -> str:
    return "" if asset.lower() in ("", "native", chain.asset.lower()) else asset


def _decimals(app: App, chain: AnyChain, asset: str) -> int:
    if not _contract(chain, asset):
        return chain.decimals
    from tracer.flow.accounts.assets import decimals_of

    with compose.open_ledger(app, chain.name) as ledger:
        return decimals_of(ledger, asset)
