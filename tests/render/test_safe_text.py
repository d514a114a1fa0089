import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coopflow.render import safe_line, visible

ACTING = "\x00\t\n\r\x1b\x7f\x85\x9b\u061c\u200b\u200e\u2028\u2029\u202e\u2066\u2069\ufeff\ud800\U000e0041\u0301"
ANY_TEXT = st.text(st.characters(exclude_categories=()) | st.sampled_from(ACTING))  # lone surrogates too


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Martinez", "Martinez"),
        ("José Đặng-Łukasz", "José Đặng-Łukasz"),
        ("山田 太郎", "山田 太郎"),
        ("नमस्ते", "नमस्ते"),
        ("שָׁלוֹם", "שָׁלוֹם"),
        ("Zoe\u0308", "Zoe\u0308"),
        ("Bonjour\u202f!", "Bonjour\u202f!"),
        ("two\nlines", r"two\nlines"),
        ("a\tb\r", r"a\tb\r"),
        ("\x1b[2Jgone", r"\x1b[2Jgone"),
        ("\x1b]8;;https://evil\x07click", r"\x1b]8;;https://evil\x07click"),
        ("\x1bP+q\x1b\\", r"\x1bP+q\x1b" + "\\"),
        ("\x7f\x80\x9b31m", r"\x7f\x80\x9b31m"),
        ("\u202edlrow", r"\u202edlrow"),
        ("\u2066a\u2069", r"\u2066a\u2069"),
        ("zero\u200bwidth\ufeff", r"zero\u200bwidth\ufeff"),
        ("\u2028\u2029", r"\u2028\u2029"),
        ("\ud800 \udcff", r"\ud800 \udcff"),
        ("\U000e0041", r"\U000e0041"),
        ("\u3164", r"\u3164"),
        ("[red] [/] [link=x] :smile:", "[red] [/] [link=x] :smile:"),
        ("e" + "\u0301" * 10_000, "e" + "\u0301" * 6 + "(+9994 marks)"),
    ],
)
def test_h23_letters_stay_and_what_acts_or_hides_is_spelled_out(text, shown):
    assert visible(text) == shown


@given(ANY_TEXT)
def test_h23_visible_text_holds_nothing_that_acts_and_does_not_change_again(text):
    shown = visible(text)
    assert not [char for char in shown if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]
    assert visible(shown) == shown
    shown.encode("utf-8")


def test_a_message_is_one_line_without_blank_ends():
    assert safe_line("  cannot read 'a\nERROR forged\x1b[31m'\n") == r"cannot read 'a\nERROR forged\x1b[31m'"


def test_a_message_that_is_far_too_long_is_cut_and_says_so():
    line = safe_line("x" * 10_000)
    assert line == "x" * 4000 + "… (6000 more characters)"
