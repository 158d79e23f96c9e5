"""The ``.env`` file: what a line may look like, and that a wrong one never shows what stands in it."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from baton.domain.errors import InvalidInput, StorageError
from baton.store.dotenv import credential, parse_env, read_env

SECRET = "hunter2-hunter2"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("KEY=value", {"KEY": "value"}),
        ("export KEY=value", {"KEY": "value"}),
        ("export\tKEY=value", {"KEY": "value"}),
        ("  KEY = value  ", {"KEY": "value"}),
        ("exported=value", {"exported": "value"}),
        ("_k2=", {"_k2": ""}),
        ("KEY=a=b==", {"KEY": "a=b=="}),
        ("KEY=two words", {"KEY": "two words"}),
        ("KEY=it's", {"KEY": "it's"}),
        ("KEY=$HOME/${X}", {"KEY": "$HOME/${X}"}),
        ("KEY=a\\nb", {"KEY": "a\\nb"}),
        ("KEY=a\u2028b\x0bc", {"KEY": "a\u2028b\x0bc"}),
    ],
)
def test_a_bare_value_is_taken_as_it_stands(line: str, expected: dict[str, str]) -> None:
    assert parse_env(line) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("KEY=value # words", "value"),
        ("KEY=value\t# words", "value"),
        ("KEY=value#no", "value#no"),
        ("KEY=#no", "#no"),
        ("KEY= # words", ""),
        ("KEY='value' # words", "value"),
        ('KEY="value"# words', "value"),
        ("KEY='a # b'", "a # b"),
        ('KEY="a # b"', "a # b"),
    ],
)
def test_a_comment_begins_at_a_hash_after_a_blank_and_outside_quotes(line: str, expected: str) -> None:
    assert parse_env(line) == {"KEY": expected}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (r"'a\n\"$b'", r"a\n\"$b"),
        ("''", ""),
        ('""', ""),
        (r'"a\nb\tc\rd"', "a\nb\tc\rd"),
        (r'"say \"hi\" for \$5"', 'say "hi" for $5'),
        (r'"C:\\new"', r"C:\new"),
        (r'"a\qb"', r"a\qb"),
        ('"it\'s"', "it's"),
        ("'say \"hi\"'", 'say "hi"'),
        ("' padded '", " padded "),
    ],
)
def test_only_double_quotes_know_escapes(written: str, expected: str) -> None:
    assert parse_env(f"KEY={written}") == {"KEY": expected}


def test_blank_lines_and_comments_hold_nothing() -> None:
    assert parse_env("\n   \n# KEY=value\n\t# KEY=value\n") == {}


def test_windows_line_ends_and_a_byte_order_mark_are_tolerated() -> None:
    assert parse_env("\ufeffA=1\r\nB='2'\r\n\r\nC=\"3\"\r\n") == {"A": "1", "B": "2", "C": "3"}


def test_the_last_line_of_a_name_wins() -> None:
    assert parse_env("KEY=old\nOTHER=x\nKEY=new\n") == {"KEY": "new", "OTHER": "x"}


@pytest.mark.parametrize(
    "line",
    [
        SECRET,
        f"={SECRET}",
        f"my-key={SECRET}",
        f"2KEY={SECRET}",
        f"export {SECRET}",
        f"KEY='{SECRET}",
        f'KEY="{SECRET}',
        f'KEY="{SECRET}\\"',
        f"KEY='a' {SECRET}",
        f'KEY="a"{SECRET}',
        f"KEY={SECRET}\0",
    ],
)
def test_a_malformed_line_is_named_by_number_and_never_shown(line: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_env(f"A=1\n\n{line}\nB=2\n", "home/.env")

    assert caught.value.message == "home/.env, line 3: this is not KEY=VALUE with a whole value"
    assert caught.value.cure == "write it as KEY=VALUE, and quote a value that holds quotes or ' #'"
    assert caught.value.details == {}
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_bytes("A=1\r\nNAME=Zoë\n".encode())

    assert read_env(str(path)) == {"A": "1", "NAME": "Zoë"}


def test_a_missing_file_holds_nothing(tmp_path: Path) -> None:
    assert read_env(str(tmp_path / ".env")) == {}


def test_a_malformed_file_is_named_in_the_error(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("A=1\nnonsense\n")

    with pytest.raises(InvalidInput, match="line 2") as caught:
        read_env(str(path))

    assert caught.value.message.startswith(f"{path}, line 2: ")


def test_a_file_that_is_not_utf_8_is_refused_without_its_bytes_in_any_exception(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_bytes(b"KEY=" + SECRET.encode() + b"\xff\n")

    with pytest.raises(InvalidInput) as caught:
        read_env(str(path))

    assert caught.value.message == f"{path} is not UTF-8 text"
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_what_cannot_be_read_is_an_error_and_not_an_empty_file(tmp_path: Path) -> None:
    with pytest.raises(StorageError) as caught:
        read_env(str(tmp_path))

    assert caught.value.message == f"{tmp_path}: Is a directory"


@pytest.mark.parametrize(
    ("environ", "env_file", "expected"),
    [
        ({"KEY": "a"}, {"KEY": "b"}, "a"),
        ({}, {"KEY": "b"}, "b"),
        ({"KEY": ""}, {"KEY": "b"}, "b"),
        ({}, {"KEY": ""}, None),
        ({"OTHER": "a"}, {}, None),
    ],
)
def test_a_credential_comes_from_the_environment_first(
    environ: dict[str, str], env_file: dict[str, str], expected: str | None
) -> None:
    assert credential("KEY", environ, env_file) == expected
