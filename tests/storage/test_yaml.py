from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pytest_memguard.core.entries import ModuleBaseline
from pytest_memguard.storage.baseline_quick_reading import read_quickly
from pytest_memguard.storage.baseline_reading import check_module
from pytest_memguard.storage.baseline_writing import module_text
from pytest_memguard.storage.yaml_reading import UnreadableYamlError, line_of, read_yaml
from pytest_memguard.storage.yaml_writing import write_key, write_quoted, write_text
from tests.storage.generated_values import NASTY, ids, modules


@given(text=ids)
def test_every_written_text_reads_back(text: str) -> None:
    document = f"{write_key(text, '')}\n  note: {write_text(text)}\n  quoted: {write_quoted(text)}\n"
    assert read_yaml(document) == {text: {"note": text, "quoted": text}}


@pytest.mark.parametrize("text", NASTY)
def test_other_yaml_readers_take_a_written_text_for_a_text(text: str) -> None:
    loaded = yaml.safe_load(f"{write_key(text, '')} {write_text(text)}\n")
    assert loaded == {text: text}


@given(baseline=modules)
def test_a_module_reads_back_as_it_was_written(baseline: ModuleBaseline) -> None:
    assert check_module(baseline.module, read_yaml(module_text(baseline))) == baseline


@given(baseline=modules)
def test_a_canonical_text_is_written_the_same_again(baseline: ModuleBaseline) -> None:
    text = module_text(baseline)
    assert module_text(check_module(baseline.module, read_yaml(text))) == text


_CANONICAL = """\
# Accepted memory of tests/test_x.py. Change it with `memguard accept`; review it like code.
format: 1
meter: memray (python allocators traced)
made_with: {memray: 1.20.0, python: 3.11.7}
tests:
  test_a[1]:
    peak: 2_694_911
    retained: 72
    spread: {peak: 3, retained: 1_000}
    note: "see #482"
    sites:
    - {at: "shop/cache.py:put", peak: 2_100_000}
    - {at: "shop/cache.py:get", retained: 7}
  "b: c":
    peak: 1
"""
_PIECES = (
    *("", " ", "  ", "\n", ":", "#", " #", "'", '"', "\\", "-", "? ", "{", "}", "[", ",", "&a ", "*a", "!t "),
    *("|", ">", "0", "_", "9" * 30, "\t", "é", "\u2028", "x" * 1100, "    sites:\n", "  k:\n", "tests:\n"),
    *("    peak: 1\n", "---\n", "...\n", "- ", "%", "~", "    note:\n", "<<: "),
)


@given(
    baseline=modules | st.just(None),
    edits=st.lists(
        st.tuples(st.integers(0, 1_000_000), st.integers(0, 40), st.sampled_from(_PIECES)), max_size=3
    ),
)
def test_the_quick_reader_reads_what_the_parser_reads_or_nothing(
    baseline: ModuleBaseline | None, edits: list[tuple[int, int, str]]
) -> None:
    text = _CANONICAL if baseline is None else module_text(baseline)
    for place, removed, piece in edits:
        start = place % (len(text) + 1)
        text = text[:start] + piece + text[start + removed :]
    quick = read_quickly("m", text)
    assert quick is None or quick == check_module("m", read_yaml(text))


def test_the_quick_reader_knows_what_memguard_writes() -> None:
    assert read_quickly("m", _CANONICAL) == check_module("m", read_yaml(_CANONICAL))


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("a: 1\nb: [1\n", 3, "is not YAML: did not find expected ',' or ']'"),
        ("a: !!python/object:os.system x\n", 1, "uses the tag 'tag:yaml.org,2002:python/object:os.system'"),
        ("a: &x 1\nb: *x\n", 1, "uses an anchor or alias"),
        ("b: *x\n", 1, "uses an anchor or alias"),
        ("a: 1\nb: 2\na: 3\n", 3, "the key 'a' occurs twice"),
        ("a: 1\n---\nb: 2\n", 2, "a second document begins here"),
        ("[1]: 2\n", 1, "a key is a list or a mapping"),
        (
            "a: 1\n<<<<<<< HEAD\nb: 2\n=======\nb: 3\n>>>>>>> x\n",
            2,
            "is a merge-conflict marker (<<<<<<< HEAD)",
        ),
        ("a: 1\nb: \x07\n", 2, "is not YAML"),
        ("a: " + "[" * 40 + "]" * 40, 1, "is nested deeper than 32 levels"),
        ("a: " + "[" * 200_000, 1, "is nested deeper than 32 levels"),
        ("\n".join(" " * depth + "a:" for depth in range(40)), 34, "is nested deeper than 32 levels"),
    ],
)
def test_what_is_not_accepted_is_refused_with_its_line(text: str, line: int, problem: str) -> None:
    with pytest.raises(UnreadableYamlError) as caught:
        read_yaml(text)
    assert caught.value.line == line
    assert problem in caught.value.problem


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1_000", {"a": 1000}),
        ("a: -5", {"a": -5}),
        ("a: true", {"a": "true"}),
        ("a: 1.5", {"a": "1.5"}),
        ("a: 0x10", {"a": "0x10"}),
        ("a: 010", {"a": "010"}),
        ("a: '1'", {"a": "1"}),
        ("a: 1__0", {"a": "1__0"}),
        ("a: " + "9" * 5000, {"a": "9" * 5000}),
        ("a:", {"a": ""}),
        ("", {}),
    ],
)
def test_only_plain_whole_numbers_become_numbers(text: str, value: object) -> None:
    assert read_yaml(text) == value


def test_lines_are_found_by_path() -> None:
    assert line_of(_CANONICAL, ("tests", "test_a[1]", "note")) == 10
    assert line_of(_CANONICAL, ("tests", "test_a[1]", "sites", 1)) == 13
    assert line_of(_CANONICAL, ("tests", "missing", "note")) == 5


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(ValueError, match="surrogate pair"):
        write_text("\udc80")
