"""Values of any exact type are read to the last digit; others are refused."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.evm.amounts import KNOWN, WIDE
from adapters.files.columns import Place, fixed, octets, units, whole
from adapters.files.lists import paths
from tests.conftest import scaled
from tracer.errors import BadExport

UINT256 = st.one_of(
    st.integers(0, 2**256 - 1), st.integers(10**38 - 3, 10**38 + 3), st.integers(0, 2**66), st.integers(0, 9)
)


def place(rows: int) -> Place:
    return Place("some.csv", "value", np.arange(rows, dtype=np.int64))


def read(column: pa.Array) -> list[int]:
    """Amounts as Python sees them, through the limbs or, above 38 digits, as kept."""
    found = units(pa.chunked_array([column]), place(len(column)))
    numbers = []
    for row, state in enumerate(found.amounts.states.tolist()):
        low, high = found.amounts.limbs[row].tolist()
        number = found.wide[row] if state == WIDE else high << 64 | low
        assert (state == WIDE) == (number >= 10**38)
        assert state in (KNOWN, WIDE)
        numbers.append(number)
    return numbers


@settings(deadline=None, max_examples=scaled(40, full=400))
@given(st.lists(UINT256, min_size=1, max_size=20), st.integers(0, 3))
def test_a_uint256_is_the_same_in_every_spelling(numbers: list[int], zeros: int) -> None:
    assert read(pa.array(["0" * zeros + str(n) for n in numbers])) == numbers
    assert read(pa.array([n.to_bytes(32, "big") for n in numbers])) == numbers
    assert read(pa.array([n.to_bytes(32, "big") for n in numbers], pa.binary(32))) == numbers
    assert read(pa.array(["0x" + n.to_bytes(32, "big").hex() for n in numbers])) == numbers
    small = [n % 2**63 for n in numbers]
    assert read(pa.array(small, pa.int64())) == small
    assert read(pa.array(small, pa.uint64())) == small
    fitting = [n % 10**38 for n in numbers]
    assert read(pa.array(fitting, pa.decimal128(38, 0))) == fitting
    assert read(pa.array([n % 10**29 for n in numbers], pa.decimal128(38, 9))) == [
        n % 10**29 for n in numbers
    ]


@pytest.mark.parametrize("text", ["1e18", "1.0", "-1", "+1", " 1", "1_0", "", "0x", "nan", "٣", str(2**256)])
def test_what_is_no_amount_is_refused_or_absent(text: str) -> None:
    column = pa.chunked_array([pa.array(["7", text])])
    if text:
        with pytest.raises(BadExport, match=r"some\.csv: column value holds .* in block 1"):
            units(column, place(2))
    else:
        assert units(column, place(2)).amounts.states.tolist() == [KNOWN, 0]


@pytest.mark.parametrize("kind", [pa.float32(), pa.float64()])
def test_floats_are_refused_even_where_they_are_whole(kind: pa.DataType) -> None:
    with pytest.raises(BadExport, match="floating-point"):
        units(pa.chunked_array([pa.array([1.0], kind)]), place(1))


def test_fractions_of_decimals_are_refused() -> None:
    with pytest.raises(BadExport, match="fractions of base units"):
        units(pa.chunked_array([pa.array(["1.5"]).cast(pa.decimal128(38, 9))]), place(1))


@settings(deadline=None, max_examples=scaled(40, full=400))
@given(
    st.lists(st.binary(min_size=20, max_size=20), max_size=9), st.lists(st.binary(max_size=70), max_size=9)
)
def test_hex_and_bytes_are_the_same(addresses: list[bytes], data: list[bytes]) -> None:
    for spelt in (
        addresses,
        ["0x" + a.hex() for a in addresses],
        ["0x" + a.hex().upper() for a in addresses],
    ):
        kind = pa.binary() if spelt is addresses else pa.string()
        found = fixed(pa.chunked_array([pa.array(spelt, kind)]), 20, place(len(spelt)))
        assert [row.tobytes() for row in found.raw] == addresses
    for column in (pa.array(data, pa.binary()), pa.array(["0x" + d.hex() for d in data], pa.string())):
        told = octets(pa.chunked_array([column]), place(len(data)))
        ends = told.starts.tolist()
        assert [told.data[a:b].tobytes() for a, b in pairwise(ends)] == data


@settings(deadline=None, max_examples=scaled(40, full=400))
@given(st.lists(st.lists(st.integers(0, 2**32 - 1), max_size=5), max_size=9), st.sampled_from(",_"))
def test_places_in_a_tree_of_calls(told: list[list[int]], mark: str) -> None:
    spellings = [
        pa.array([mark.join(map(str, path)) for path in told], pa.string()),
        pa.array(told, pa.list_(pa.int64())),
    ]
    for column in spellings:
        steps, starts = paths(pa.chunked_array([column]), place(len(told)))
        ends = starts.tolist()
        assert [steps[a:b].tolist() for a, b in pairwise(ends)] == told


def test_whole_numbers_have_a_limit() -> None:
    numbers, there = whole(pa.chunked_array([pa.array([str(2**62 - 1), None, "0"])]), place(3))
    assert (numbers.tolist(), there.tolist()) == ([2**62 - 1, 0, 0], [True, False, True])
    for bad in (str(2**62), str(2**64 + 1), "-1", "1.0"):
        with pytest.raises(BadExport, match="no whole number"):
            whole(pa.chunked_array([pa.array([bad])]), place(1))
