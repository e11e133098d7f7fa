"""Exit codes of verdicts (CONTRACTS): 20 before 10 before 11 before 0."""

from __future__ import annotations

from collections.abc import Iterable

from tracer.errors import UsageError

CODES = {"block": 20, "review": 10, "unknown": 11, "clear": 0}
"""Verdict -> exit code, in the order in which they count."""


def chosen(fail_on: str | None) -> frozenset[str] | None:
    """The verdicts that `--fail-on` names; None where it was left out."""
    if fail_on is None:
        return None
    names = [name.strip().lower() for name in fail_on.split(",") if name.strip()]
    wrong = [name for name in names if not CODES.get(name)]
    if wrong or not names:
        raise UsageError(
            f"--fail-on {fail_on!r} names no verdict that can fail.", hint="Write review,block,unknown."
        )
    return frozenset(names)


def exit_code(verdicts: Iterable[str], failing: frozenset[str] | None) -> int:
    """The code of several verdicts; of those in `failing` alone where it is given."""
    found = set(verdicts) if failing is None else failing.intersection(verdicts)
    return next((code for verdict, code in CODES.items() if verdict in found), 0)
