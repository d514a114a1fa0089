import pytest
from hypothesis import given
from hypothesis import strategies as st

from coopflow.render.lines import columns_of, filled, folded, painted
from coopflow.render.text import visible

TEXTS = st.text(st.characters(exclude_categories=()), max_size=40) | st.text("ab 山\u0301", max_size=40)


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("call the family", 20, ["call the family"]),
        ("call the family", 8, ["call the", "family"]),
        ("call the family", 7, ["call", "the", "family"]),
        ("an address@example.org too", 10, ["an", "address@ex", "ample.org", "too"]),
        ("a example@example.org b", 11, ["a", "example@exa", "mple.org b"]),
        ("山田 太郎", 5, ["山田", "太郎"]),
        ("山田太郎", 5, ["山田", "太郎"]),
        ("  two blanks in front", 12, ["  two blanks", "in front"]),
        ("blanks behind   ", 13, ["blanks behind"]),
        ("", 5, [""]),
        ("      ", 3, [""]),
    ],
)
def test_text_is_folded_between_words_where_it_can_be(text: str, width: int, lines: list[str]) -> None:
    assert folded(text, width) == lines


@given(TEXTS, st.integers(2, 50))
def test_folding_loses_nothing_but_blanks_and_keeps_to_the_width(text: str, width: int) -> None:
    shown = visible(text)
    lines = folded(shown, width)

    assert lines
    assert all(columns_of(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(shown.split())


@pytest.mark.parametrize(
    ("justify", "cell"),
    [("left", "山b   "), ("right", "   山b"), ("center", " 山b  ")],
    ids=["left", "right", "center"],
)
def test_a_cell_is_filled_up_to_its_column(justify: str, cell: str) -> None:
    before, behind = filled("山b", 6, justify)

    assert f"{before}山b{behind}" == cell


def test_nothing_is_filled_up_that_is_too_wide() -> None:
    assert filled("too wide", 3, "right") == ("", "")


@pytest.mark.parametrize(
    ("text", "style", "shown"),
    [("failed", "red", "\x1b[31mfailed\x1b[0m"), ("failed", None, "failed"), ("", "bold", "")],
)
def test_a_style_stands_around_its_text_only(text: str, style: str | None, shown: str) -> None:
    assert painted(text, style) == shown
