"""Which kinds of channels there are, and the channels of a workspace: its `channels.toml`.

[channels.soc]
kind = "webhook"
url = "https://soc.example/hooks/tracer"
secret_env = "TRACER_SOC_SECRET"

[checkin]
url_env = "TRACER_CHECKIN_URL"
"""

from __future__ import annotations

import importlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.delivery.options import FILE, Address, Options, address
from tracer.errors import DataError, SourceUnavailable
from tracer.watching.sink import Channel

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


@dataclass(frozen=True)
class Kind:
    """A kind of channel. `house`: it never leaves; `parallel`: envelopes in flight at once."""

    module: str
    parallel: int
    house: bool = False
    third_party: bool = False


KINDS: dict[str, Kind] = {
    "webhook": Kind("webhook", parallel=4),
    "email": Kind("email", parallel=2),
    "jsonl": Kind("jsonl", parallel=1, house=True),
    "stdout": Kind("stdout", parallel=1, house=True),
    "syslog": Kind("syslog", parallel=2),
    "chat": Kind("chat", parallel=1, third_party=True),
}
"""A new kind is a module here with `configured(options)`, and one line."""


@dataclass(frozen=True)
class Monitor:
    """Who is told after each good run that it was one; at most once in `every` seconds."""

    url: Address
    every: float


@dataclass(frozen=True)
class Configured:
    """What a workspace's `channels.toml` says; nothing of it was opened."""

    channels: Mapping[str, Channel]
    monitor: Monitor | None = None

    def defaults(self) -> list[str]:
        """Channels of a watch that names none."""
        return [name for name, channel in self.channels.items() if channel.default]


def load(root: Path) -> Configured | None:
    """The channels of a workspace folder; None where it has no `channels.toml`.

    `DataError` names the channel and what is wrong with it, and repeats no value that may be a secret.
    """
    path = root / FILE
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SourceUnavailable(f"cannot read {path}: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        where = re.search(r"\(at [^)]*\)$", str(error))
        raise DataError(f"{path} is no TOML {where[0] if where else ''}".rstrip() + ".") from None
    tables = said.pop("channels", {})
    monitor = _monitor(said.pop("checkin", None), root)
    if said:
        raise DataError(f"{FILE}: {sorted(said)[0]!r} means nothing here.", hint="Write [channels.NAME].")
    if not isinstance(tables, dict):
        raise DataError(f"{FILE}: channels is no table.", hint="Write [channels.NAME].")
    channels = {name: _channel(name, table, root) for name, table in tables.items()}
    for name, channel in channels.items():
        if channel.fallback and (channel.fallback not in channels or channel.fallback == name):
            raise DataError(
                f"{FILE}: channel {name!r}: its fallback {channel.fallback!r} is no other channel."
            )
    return Configured(channels, monitor)


def _channel(name: str, table: Any, root: Path) -> Channel:
    if not _NAME.fullmatch(name):
        raise DataError(f"{FILE}: {name!r} is no name of a channel.", hint="Use a-z, 0-9, - and _.")
    if not isinstance(table, dict):
        raise DataError(f"{FILE}: channel {name!r} is no table.", hint=f"Write [channels.{name}].")
    options = Options(name, table, root)
    word = options.choice("kind", tuple(KINDS))
    kind = KINDS[word]
    local = word == "syslog" and str(table.get("address", "unix:")).startswith("unix:")
    house = kind.house or local
    internal = house or options.flag("internal", False)
    third_party = kind.third_party or (not house and options.flag("third_party", False))
    if internal and third_party:
        raise options.wrong("it cannot be internal and a third party's")
    module = importlib.import_module(f"adapters.delivery.{kind.module}")
    made = Channel(
        name=name,
        kind=word,
        open=module.configured(options),
        internal=internal,
        third_party=third_party,
        allow_content=third_party and options.flag("allow_content", False),
        parallel=options.number("parallel", kind.parallel, 1, 32),
        digest=options.seconds("digest", 0.0),
        cooldown=options.seconds("cooldown", 0.0),
        fallback=options.text("fallback", ""),
        daily_test=options.flag("daily_test", True),
        default=options.flag("default", True),
    )
    options.done()
    return made


def _monitor(table: Any, root: Path) -> Monitor | None:
    if table is None:
        return None
    if not isinstance(table, dict):
        raise DataError(f"{FILE}: checkin is no table.", hint="Write [checkin].")
    options = Options("checkin", table, root)
    made = Monitor(
        address(options, allow_http=options.flag("allow_http", False)), options.seconds("every", 60.0)
    )
    options.done()
    return made
