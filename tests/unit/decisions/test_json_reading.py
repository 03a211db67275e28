"""JSON is read as strictly as a record of money decisions needs."""

import json
import math
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scorekeeper.decisions.strict_json import (
    MOST_ELEMENTS,
    DecisionError,
    IncompleteJsonError,
    canonical_json,
    load_json,
    split_array,
)

numbers = st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False)
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


def documents(words: st.SearchStrategy[str]) -> st.SearchStrategy[object]:
    return st.recursive(
        st.none() | st.booleans() | numbers | words,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
        max_leaves=20,
    )


values = documents(words)
plain_values = documents(st.text(st.characters(max_codepoint=127)))
layouts = st.sampled_from([{}, {"indent": 2}, {"separators": (" , ", " : ")}, {"ensure_ascii": False}])


@given(values, layouts)
def test_what_the_standard_library_writes_is_read_as_it_was(value: object, layout: dict[str, object]) -> None:
    assert load_json(json.dumps(value, **layout).encode()) == value  # type: ignore[arg-type]


@given(values | plain_values)
@example([1e16, 1e-5, -1.5e-5, 0.0001, 1e15, 1e22, 5e-324, -0.0, 10**20, "1e5", "\x7f"])
def test_canonical_json_is_what_the_standard_library_writes(value: object) -> None:
    assert canonical_json(value) == json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


@given(st.lists(values, max_size=5), layouts)
def test_an_array_is_split_into_its_elements(elements: list[object], layout: dict[str, object]) -> None:
    parts = split_array(json.dumps(elements, **layout).encode())  # type: ignore[arg-type]
    assert parts is not None
    assert [load_json(part) for part in parts] == elements


@given(st.binary(max_size=60))
def test_no_bytes_raise_anything_but_a_decision_error(content: bytes) -> None:
    for read in (load_json, split_array):
        try:
            read(content)
        except DecisionError:
            continue


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ('{"a": NaN}', "a"),
        ('{"a": {"b": -Infinity}}', "a.b"),
        ('{"a": [1, 1e999]}', "a[2]"),
        ('{"a": ' + "9" * 5_000 + "}", "a"),
        ('{"a": "x\\u0000y"}', "a"),
        ('{"a": "\\ud800"}', "a"),
        ('{"a": 1, "a": 2}', "a"),
        ('{"a" : 1, "a" : 2}', "a"),
        ('{"x": {"a": 1, "b": 2, "a": 3}}', "x.a"),
        ('{"x": [0, {"a": {"b": 1, "b": 2}}]}', "x[2].a.b"),
        ('{"a": "\\":", "b": 1, "b": 2}', "b"),
    ],
)
def test_a_fault_is_named_with_its_field(text: str, field: str) -> None:
    with pytest.raises(DecisionError) as refused:
        load_json(text.encode())
    assert refused.value.field == field


@pytest.mark.parametrize("text", [b'{"a": 1', b"", b'{"a"', b"nul", b'"\xff"'])
def test_what_does_not_parse_may_still_be_growing(text: bytes) -> None:
    with pytest.raises(IncompleteJsonError):
        load_json(text)


def test_depth_is_capped_and_a_bom_is_no_matter() -> None:
    for depth in (200, 100_000):
        with pytest.raises(DecisionError, match="deep"):
            load_json(b"[" * depth + b"]" * depth)
    assert load_json(b"\xef\xbb\xbf[1]") == [1]
    with pytest.raises(DecisionError, match="UTF-16"):
        load_json('{"a": 1}'.encode("utf-16"))


def test_one_bad_element_leaves_the_others_readable() -> None:
    parts = split_array(b'[{"a": 1}, {"a": NaN} , {"a": "\\ud800"},{"b": 2, "b": 3}, 4 ]')
    assert parts is not None
    assert len(parts) == 5
    assert [load_json(parts[0]), load_json(parts[4])] == [{"a": 1}, 4]
    for bad in parts[1:4]:
        with pytest.raises(DecisionError):
            load_json(bad)
    with pytest.raises(IncompleteJsonError):
        split_array(b'[{"a": 1}, {"a"')
    with pytest.raises(IncompleteJsonError):
        split_array(b"[NaN] x")


def test_an_element_that_is_too_deep_leaves_the_others_readable() -> None:
    for depth in (2_000, 200_000):
        deep = b'{"[": "\\"]", "a": ' + b"[" * depth + b"]" * depth + b"}"
        assert split_array(b' [{"a": [1, 2]}, ' + deep + b" , 3]\n") == [b'{"a": [1, 2]}', deep, b"3"]
        for torn in (b"[1, " + deep, b"[1, " + deep[:-1] + b"]", b"[" + deep + b"] 1"):
            with pytest.raises(IncompleteJsonError):
                split_array(torn)


@pytest.mark.parametrize("element", [b"1", b"[1,1,1,1,1]", b'{"a":[{},{},{},{},{}]}'])
def test_of_an_array_that_is_too_long_no_more_than_that_is_listed(element: bytes) -> None:
    parts = split_array(b"[" + (element + b",") * (MOST_ELEMENTS + 10) + b"1]")
    assert parts is not None
    assert len(parts) > MOST_ELEMENTS


def test_a_long_key_costs_no_more_for_having_many_below_it() -> None:
    many = b",".join(b'"%d":0' % number for number in range(3_000))
    began = time.process_time()
    with pytest.raises(DecisionError) as refused:
        load_json(b'{"' + b"k" * (4 << 20) + b'":{' + many + b'},"z":NaN}')
    assert refused.value.field == "z"
    assert time.process_time() - began < 5


def test_an_integer_keeps_its_digits() -> None:
    assert load_json(b"12345678901234567890123") == 12345678901234567890123
    assert math.copysign(1, load_json(b"-0.0")) == -1  # type: ignore[arg-type]
