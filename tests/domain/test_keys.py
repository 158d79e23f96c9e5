"""What a key may be called and look like; a refusal never says what it refused."""

from __future__ import annotations

import pytest

from baton.domain.errors import InvalidInput, InvalidWord
from baton.domain.keys import check_key_name, check_key_value


@pytest.mark.parametrize("name", ["ANTHROPIC_API_KEY", "A", "K2", "A" * 128])
def test_a_variables_name_names_a_key(name: str) -> None:
    assert check_key_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "lower", "1A", "_A", "A-B", "A=B", "A" * 129, "A\n", "../A", "BATON_X", "sk-secret-Z9"]
)
def test_another_word_names_none_and_is_not_said_again(name: str) -> None:
    with pytest.raises(InvalidWord) as caught:
        check_key_name(name)
    assert caught.value.message == "that is not a name for a key"


@pytest.mark.parametrize("value", ["12345678", "sk-ant-api03-abc_DEF", "!" * 8192])
def test_what_a_header_can_carry_is_a_key(value: str) -> None:
    assert check_key_value(value) == value


@pytest.mark.parametrize(
    "value", ["", "1234567", "x" * 8193, "sk-secret Z9", "sk-secret\nZ9", "sk-secret\u00e9Z9", "\0" * 9]
)
def test_anything_else_is_refused_and_not_said_again(value: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_key_value(value)
    said = caught.value.message + caught.value.cure
    assert not value or value not in said
    assert "Z9" not in said
