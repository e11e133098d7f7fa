"""Wasabi 2 (WabiSabi): many inputs, outputs of standard denominations, both sides sorted by value.

Two definitions: the strict one of Dumplings (standard denominations above 80 % of the outputs), and a
structural one for small rounds and coordinators with other denominations. Both accept a few outputs that break the
form: one participant's odd output must not hide a round.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from tracer.clustering.rules import mixes

_REFERENCES = (
    "Dumplings, Wasabi2 detection (ported in mmstanone/blocksci; its 5 * 10^k slip not copied)",
    "GraphSense graphsense-lib, heuristics_service.py (structural form)",
    "WalletWasabi WasabiDoc, standard denominations",
)


@dataclass(frozen=True)
class Parameters:
    """Thresholds; values in sat.

    least, greatest        range of the standard denominations
    inputs                 least inputs of the strict form (50, later 40)
    addresses              least distinct scripts on each side
    standard_percent       more than this share of the outputs has a standard denomination
    repeated               least repeated values, in both forms
    outputs_per_input      strict form: at least one output to so many inputs
    odd                    most outputs of another kind, and most below the least, as a divisor: 10 means a tenth
    structural_inputs      least inputs of the structural form
    same_address           most inputs of one address in the structural form: 10 means a tenth
    inputs_per_client      most inputs that one client registers in a round (WalletWasabi)
    """

    least: int = 5_000
    greatest: int = 134_375_000_000
    inputs: int = 40
    addresses: int = 5
    standard_percent: int = 80
    repeated: int = 3
    outputs_per_input: int = 2
    odd: int = 10
    structural_inputs: int = 20
    same_address: int = 10
    inputs_per_client: int = 10


def denominations(least: int, greatest: int) -> tuple[int, ...]:
    """The standard denominations in a range: 2^k, 3^k, 2*3^k, 10^k, 2*10^k, 5*10^k."""
    series = ((1, 2), (1, 3), (2, 3), (1, 10), (2, 10), (5, 10))
    values = {factor * base**power for factor, base in series for power in range(64)}
    return tuple(sorted(v for v in values if least <= v <= greatest))


def _descending(values: str) -> pl.Expr:
    """Known values never rise along the list."""
    return (pl.col(values).list.drop_nulls().list.diff().list.max() <= 0).fill_null(True)


@dataclass(frozen=True)
class Wasabi2:
    """Detects a WabiSabi round by its denominations and its order."""

    id: str = "wasabi2"
    kind: str = "wasabi2"
    reads: str = "equal"
    title: str = "Wasabi 2 CoinJoin (WabiSabi)"
    version: int = 3
    references: tuple[str, ...] = _REFERENCES
    limitations: tuple[str, ...] = (
        "The participants' number is a bound: one client registers ten inputs at most, most register fewer.",
        "Rounds of fewer than twenty inputs are not seen.",
    )
    parameters: Parameters = Parameters()

    def detect(self, shapes: pl.DataFrame) -> pl.DataFrame:
        """See `MixDetector.detect`. Unknown inputs leave gaps in the order and in the kinds, not a breach."""
        p, c = self.parameters, pl.col
        standard = denominations(p.least, p.greatest)
        possible = shapes.filter(
            (c("n_in") >= min(p.inputs, p.structural_inputs))
            & (c("op_returns") == 0)
            & (c("in_scripts") >= p.addresses)
            & (c("out_scripts") >= p.addresses)
            & (c("in_p2wpkh") + c("in_p2tr") + c("in_unknown") == c("n_in"))
            & ((c("n_out") - c("out_p2wpkh") - c("out_p2tr")) * p.odd <= c("n_out"))
            & (c("out_values").list.eval(pl.element() < p.least).list.sum() * p.odd <= c("n_out"))
            & (c("repeated").list.len() >= p.repeated)
        )
        possible = possible.filter(_descending("in_values") & _descending("out_values")).with_columns(
            c("out_values").list.eval(pl.element().is_in(standard)).list.sum().alias("standard")
        )
        strict = (
            (c("n_in") >= p.inputs)
            & (c("standard") * 100 > c("n_out") * p.standard_percent)
            & (c("n_out") * p.outputs_per_input >= c("n_in"))
        )
        structural = (
            (c("in_same") * p.same_address <= c("n_in"))
            & (2 * c("repeated_outputs") >= c("n_out") - 1)
            & (c("repeated_outputs") < c("n_out"))
        )
        known = c("in_unknown") == 0
        return mixes(
            possible,
            self,
            where=strict | structural,
            participants=(c("n_in") + p.inputs_per_client - 1) // p.inputs_per_client,
            denominations=c("repeated"),
            confidence=pl.when(strict & known).then(90).when(strict | known).then(60).otherwise(40),
        )
