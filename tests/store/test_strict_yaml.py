"""YAML and JSON as people write them: what is taken as written, what is refused, and in which words."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from baton.domain.errors import InvalidInput
from baton.store import strict_yaml
from baton.store.strict_yaml import MAX_BYTES, EmptyDocument, parse, shown

LOADERS = [yaml.SafeLoader, *([yaml.CSafeLoader] if yaml.__with_libyaml__ else [])]
LOOK = "look at the indentation, colons, quotes and brackets here and just above; text with ': ' in it needs quotes"
OUT_OF_RANGE = "write a finite number of at most 64 bits, or put it in quotes"
NO_ALIAS = "write the value out where it is needed"


@pytest.fixture(params=LOADERS, ids=lambda loader: str(loader.__name__))
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Each of PyYAML's two parsers in turn; a machine may lack the fast one."""
    monkeypatch.setattr(strict_yaml, "_LOADER", request.param)
    return request.param


def data(text: str | bytes, name: str = "f.yaml") -> Any:
    return parse(text, name).data


def refusal(text: str | bytes, name: str = "f.yaml") -> tuple[str, str]:
    with pytest.raises(InvalidInput) as caught:
        parse(text, name)
    return caught.value.message, caught.value.cure


# -- values -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True),
        ("True", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("0", 0),
        ("-12", -12),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("1.50", 1.5),
        ("1e3", 1000.0),
        ("-0.5E-2", -0.005),
    ],
)
def test_words_and_numbers_of_json_have_their_meaning(loader: Any, written: str, value: object) -> None:
    found = data(f"a: {written}\n")["a"]

    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    "written",
    ["no", "yes", "on", "Off", "y", "tRue", "012", "+1", ".5", "5.", "0x1F", "0o17", "0b1", "1_000", "12:30",
     "1:2:3", "2026-11-21", "2026-11-21T08:30:00Z", "1.2.3", "=", "nan", "inf", "15s"],
)  # fmt: skip
def test_everything_else_is_text_as_written(loader: Any, written: str) -> None:
    assert data(f"a: {written}") == {"a": written}


def test_words_that_yaml_1_1_takes_for_booleans_are_keys_as_written(loader: Any) -> None:
    assert data("on: 1\nyes: 2\nNo: 3\n2026-11-21: 4\n") == {"on": 1, "yes": 2, "No": 3, "2026-11-21": 4}


@pytest.mark.parametrize("quoted", ['"1"', "'true'", '"~"', "!!str 1", "! 1", '"<<"', '".inf"'])
def test_what_is_quoted_is_text(loader: Any, quoted: str) -> None:
    assert data(f"a: {quoted}") == {"a": quoted.split()[-1].strip("\"'")}


@pytest.mark.parametrize(
    ("written", "value"), [("!!int '7'", 7), ("!!float 1", 1.0), ("!!bool true", True), ("!!null ''", None)]
)
def test_tags_of_the_core_are_obeyed(loader: Any, written: str, value: object) -> None:
    assert data(f"a: {written}") == {"a": value}


def test_block_text_mappings_and_lists_are_read(loader: Any) -> None:
    text = "a: |\n  one\n  two\nb: >-\n  one\n  two\nc: !!map {d: !!seq [1, x]}\n? e\n: []\n"

    assert data(text) == {"a": "one\ntwo\n", "b": "one two", "c": {"d": [1, "x"]}, "e": []}


def test_a_byte_order_mark_and_windows_line_ends_are_no_matter(loader: Any) -> None:
    assert data(b"\xef\xbb\xbfa: 1\r\nb: x\r\n") == {"a": 1, "b": "x"}


# -- lines --------------------------------------------------------------------------------------------------------


def test_every_value_has_its_line_and_a_mappings_value_that_of_its_key(loader: Any) -> None:
    text = "# words\na: 1\nb:\n  - x\n  -\n    c: >\n      long\n\n\nd:\n  2\n"

    assert parse(text, "f.yaml").lines == {
        (): 2,
        ("a",): 2,
        ("b",): 3,
        ("b", 0): 4,
        ("b", 1): 6,
        ("b", 1, "c"): 6,
        ("d",): 10,
    }


def test_json_has_lines_too() -> None:
    lines = parse('\n{"a": [1,\n  {"b": "x\\ny"}],\n "c": {}}', "f.json").lines

    assert lines == {(): 2, ("a",): 2, ("a", 0): 2, ("a", 1): 3, ("a", 1, "b"): 3, ("c",): 4}


def test_a_path_is_shown_as_people_write_it() -> None:
    assert shown(("main_steps", 1, "agent")) == "main_steps[1].agent"
    assert shown(("metadata", "acme.key", 0)) == 'metadata["acme.key"][0]'
    assert shown(("x" * 61,)) == f'["{"x" * 57}..."]'


# -- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message", "cure"),
    [
        ("a: &x 1", "f.yaml:1: a: anchors and aliases (&x) are not allowed", NO_ALIAS),
        ("a:\n  b: &x [1]", "f.yaml:2: a.b: anchors and aliases (&x) are not allowed", NO_ALIAS),
        ("a:\n- *x", "f.yaml:2: a[0]: anchors and aliases (*x) are not allowed", NO_ALIAS),
        ("*x : 1", "f.yaml:1: anchors and aliases (*x) are not allowed", NO_ALIAS),
        ("a: 1\n<<: {b: 2}", "f.yaml:2: merge keys (<<) are not allowed", "write the keys out where they are needed"),
        ("a: 1\nb: 2\na: 3", "f.yaml:3: a: the key stands twice, first on line 1", "keep one of them"),
        ("s:\n- on: 1\n  on: 2", "f.yaml:3: s[0].on: the key stands twice, first on line 2", "keep one of them"),
        ("1: x", "f.yaml:1: the key 1 is not text", "put it in quotes"),
        ("a:\n  true: x", "f.yaml:2: a: the key true is not text", "put it in quotes"),
        ("~: x", "f.yaml:1: the key null is not text", "put it in quotes"),
        ("? [a]\n: b", "f.yaml:1: a key may not be a mapping or a list", "write a word before the colon"),
        ("{a: 1}: b", "f.yaml:1: a key may not be a mapping or a list", "write a word before the colon"),
        (
            "a: 1\n---\nb: 2",
            "f.yaml:2: a second document begins here",
            "keep one document a file; remove this '---'",
        ),
        (
            "a: !!python/name:os.system x",
            "f.yaml:1: a: the tag '!!python/name:os.system' is not allowed",
            "remove it: the plain value is enough",
        ),
        ("a: !x [1]", "f.yaml:1: a: the tag '!x' is not allowed", "remove it: the plain value is enough"),
        ("a: !!set {b}", "f.yaml:1: a: the tag '!!set' is not allowed", "remove it: the plain value is enough"),
        ("!!seq {}", "f.yaml:1: the tag '!!seq' is not allowed", "remove it: the plain value is enough"),
        (
            "a: !!int x",
            "f.yaml:1: a: the tag '!!int' does not fit 'x'",
            "remove the tag, or correct the value",
        ),
        ("a: .NaN", "f.yaml:1: a: the number .NaN is out of range", OUT_OF_RANGE),
        ("a: [1, -.inf]", "f.yaml:1: a[1]: the number -.inf is out of range", OUT_OF_RANGE),
        ("a: 1e999", "f.yaml:1: a: the number 1e999 is out of range", OUT_OF_RANGE),
        ("a: 9223372036854775808", "f.yaml:1: a: the number 9223372036854775808 is out of range", OUT_OF_RANGE),
        ('a: "x\\0"', "f.yaml:1: a: the text holds a NUL or half a surrogate pair", "remove the escape"),
        ("a:\n\t- b", "f.yaml:2: a: not valid YAML: found character {} that cannot start any token", "tab"),
    ],
)
def test_each_refusal_names_file_line_path_and_cure(loader: Any, text: str, message: str, cure: str) -> None:
    found, found_cure = refusal(text)

    if cure == "tab":  # PyYAML's two parsers word this one differently
        names_it = loader is yaml.SafeLoader
        message, cure = message.replace(" {}", " '\\t'" if names_it else ""), "indent with spaces, not with tabs"
    assert (found, found_cure) == (message, cure)


@pytest.mark.skipif(not yaml.__with_libyaml__, reason="the words are those of the C parser")
def test_a_fault_of_syntax_names_the_line_and_the_place() -> None:
    assert refusal("a:\n  b: [1, 2\n") == ("f.yaml:3: a.b[1]: not valid YAML: did not find expected ',' or ']'", LOOK)
    assert refusal("a: b: c")[0] == "f.yaml:1: not valid YAML: mapping values are not allowed in this context"


@pytest.mark.parametrize("text", ["", " \n", "# words\n\n# more", b"\xef\xbb\xbf"])
def test_a_file_without_a_document_is_empty(loader: Any, text: str | bytes) -> None:
    with pytest.raises(EmptyDocument) as caught:
        parse(text, "f.yaml")

    assert (caught.value.message, caught.value.cure) == (
        "f.yaml: the file is empty",
        "write the document, or remove the file",
    )


@pytest.mark.parametrize(("bad", "name"), [("\x00", "0000"), ("\x07", "0007"), ("\x7f", "007F"), ("\u2028", "2028")])
def test_a_control_character_is_named_with_its_line(bad: str, name: str) -> None:
    assert refusal(f"a: 1\nb: x{bad}y") == (
        f"f.yaml:2: the character U+{name} is not allowed",
        f'remove it, or write it in double quotes as "\\u{name.lower()}"',
    )


def test_bytes_that_are_not_utf_8_are_named_with_their_line() -> None:
    assert refusal(b"a: 1\nb: \xe9t\xe9") == (
        "f.yaml:2: the byte 0xe9 is not UTF-8 text",
        "save the file as UTF-8 text",
    )


def test_a_file_above_the_limit_is_refused_and_one_at_the_limit_is_read() -> None:
    assert data("#" * (MAX_BYTES - 2) + "\na".replace("a", "1")) == 1
    assert refusal("#" * MAX_BYTES + "\n") == (
        "f.yaml: the file is larger than 1048576 bytes",
        "keep only what belongs in it",
    )


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? ", '{"a":', '[{"a":'])
def test_a_document_nested_without_end_is_refused_at_once(loader: Any, opening: str) -> None:
    message, cure = refusal(opening * (MAX_BYTES // len(opening)))

    assert message.startswith("f.yaml:1: ") or opening == "? "
    assert message.endswith(("nested more than 32 deep", "a key may not be a mapping or a list"))
    assert cure in ("write it flatter", "write a word before the colon")


def test_thirty_two_levels_are_allowed(loader: Any) -> None:
    assert data("[" * 32 + "]" * 32) == json.loads("[" * 32 + "]" * 32)
    assert refusal("[" * 33 + "]" * 33)[0] == f"f.yaml:1: {'[0]' * 32}: nested more than 32 deep"


# -- JSON ---------------------------------------------------------------------------------------------------------


def test_json_that_yaml_cannot_read_is_read_as_json() -> None:
    assert data('{\n\t"a":"\\ud83d\\ude00",\n\t"b":[1,2.5,true,null,"x\\/y"]}') == {
        "a": "😀",
        "b": [1, 2.5, True, None, "x/y"],
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1,}', "f.json:1: not valid JSON: expecting property name enclosed in double quotes"),
        ('{"a": 1\n"b": 2}', "f.json:2: not valid JSON: expecting ',' delimiter"),
        ("a: 1", "f.json:1: not valid JSON: expecting value"),
    ],
)
def test_a_file_named_json_must_be_json(text: str, message: str) -> None:
    assert refusal(text, "f.json") == (message, "look at the commas, quotes and brackets here and above")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1,\n "a": 2}', "f.json:2: a: the key stands twice, first on line 1"),
        ('{"a": NaN}', "f.json:1: a: the number NaN is out of range"),
        ('{"a": [1e999]}', "f.json:1: a[0]: the number 1e999 is out of range"),
        ('{"a": "\\ud83d"}', "f.json:1: a: the text holds a NUL or half a surrogate pair"),
        ("[" * 100_000, f"f.json:1: {'[0]' * 32}: nested more than 32 deep"),
    ],
)
def test_what_yaml_may_not_say_json_may_not_either(text: str, message: str) -> None:
    assert refusal(text, "f.json")[0] == message


# -- whatever is written ------------------------------------------------------------------------------------------

NAMES = st.sampled_from(["f.yaml", "f.json"])
YAML_LIKE = st.text(st.sampled_from(list("ab01-:?,[]{}#&*!|>'\"%@`\\ \t\n\r~<=.x\u2028\x85\x00\ud83d😀")), max_size=60)


def only_invalid_input(text: str | bytes, name: str) -> None:
    try:
        found = parse(text, name)
    except InvalidInput as error:
        assert error.message.startswith(f"{name}:")
        assert "\n" not in error.message + error.cure
        assert error.cure
    else:
        assert json.loads(json.dumps(found.data, allow_nan=False)) == found.data
        assert () in found.lines


@given(st.binary(max_size=200), NAMES)
def test_no_bytes_raise_anything_but_invalid_input(source: bytes, name: str) -> None:
    only_invalid_input(source, name)


@pytest.mark.parametrize("parser", LOADERS)
@given(text=YAML_LIKE, name=NAMES)
@example(text='"\\UFFFFFFFF"', name="f.yaml")
@example(text='"\\ud83d"', name="f.yaml")
@example(text="%TAG ! tag:%FF\n--- !x", name="f.yaml")
@example(text="%YAML 9999999999999999999999.1\n--- 1", name="f.yaml")
@example(text="a: " + "9" * 5000, name="f.yaml")
def test_no_text_raises_anything_but_invalid_input(parser: Any, text: str, name: str) -> None:
    kept = strict_yaml._LOADER
    strict_yaml._LOADER = parser
    try:
        only_invalid_input(text, name)
    finally:
        strict_yaml._LOADER = kept


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
PLAIN = st.text(
    st.characters(exclude_characters="\ufeff", exclude_categories=["Cc", "Cs", "Cn", "Zl", "Zp"]), max_size=20
)
SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
)


def documents(text: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    return st.recursive(
        SCALARS | text,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
        max_leaves=20,
    )


@given(documents(TEXT), st.sampled_from([None, 0, 2, "\t"]), NAMES)
def test_json_as_programs_write_it_comes_back_the_same(value: Any, indent: int | str | None, name: str) -> None:
    assert data(json.dumps([value], indent=indent), name) == [value]


@given(documents(PLAIN))
def test_json_with_plain_unicode_comes_back_the_same(value: Any) -> None:
    assert data(json.dumps(value, ensure_ascii=False), "f.json") == value
