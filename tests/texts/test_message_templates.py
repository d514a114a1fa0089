from datetime import date
from decimal import Decimal

import pytest

from coopflow.core.facts import INTERNAL_FIELDS
from coopflow.errors import CoopflowError, ExitCode
from coopflow.texts.messages import (
    MessageError,
    MessageTemplate,
    RenderError,
    check_message,
    names_used,
    parse_message,
    render_email,
    render_text,
)

ALLOWED = {"family_id", "family_name", "email", "coordinator", "attributes", "children", "nickname", "fee", "portal"}
FAMILY = {
    "family_id": "42",
    "family_name": "Jones",
    "email": "jones@example.org",
    "coordinator": {"name": "Sarah", "phone": None},
    "children": [{"name": "Ann", "tags": ["art", "math"]}, {"name": "Bo", "tags": []}],
    "fee": 106.7,
    "portal": "https://coop.example/pay?family=42&way=card",
}
LETTER = """\
---
subject: Thinking of you, {{ family_name }}
kind: transactional
---
Dear {{ family_name }} family,

how **are** you?

Warmly,
{{ coordinator.name }}
"""


def mail(body, subject="Hello"):
    return f"---\nsubject: {subject}\n---\n{body}"


def body_of(html):
    return html.partition('sans-serif">\n')[2].partition("</div>")[0].replace(' style="margin:0 0 16px"', "")


def test_a_template_has_front_matter_and_a_body():
    assert parse_message(LETTER, name="outreach.md") == MessageTemplate(
        name="outreach.md",
        subject="Thinking of you, {{ family_name }}",
        kind="transactional",
        body="Dear {{ family_name }} family,\n\nhow **are** you?\n\nWarmly,\n{{ coordinator.name }}\n",
        subject_line=2,
        body_line=5,
    )


def test_without_front_matter_it_is_fit_for_a_text_message():
    message = parse_message("Hi {{ family_name }}", name="sms")

    assert (message.subject, message.kind, message.body, message.body_line) == (
        None,
        "outreach",
        "Hi {{ family_name }}",
        1,
    )


@pytest.mark.parametrize("quoted", ['"Hi: {{ family_name }}"', "'Hi: {{ family_name }}'", "Hi: {{ family_name }}"])
def test_front_matter_may_be_quoted_have_comments_and_come_from_any_editor(quoted):
    source = f"\ufeff---\r\n# a comment\r\n\r\nsubject:   {quoted}  \r\n--- \r\nHello\r\n"

    assert parse_message(source, name="x").subject == "Hi: {{ family_name }}"
    assert parse_message(source, name="x").body == "Hello\n"
    assert parse_message(source, name="x").body_line == 6


def test_quotes_inside_a_subject_stay():
    assert parse_message(mail("x", "'A' and 'B'"), name="x").subject == "'A' and 'B'"


@pytest.mark.parametrize(
    ("source", "line", "words"),
    [
        ("---\nsubject: x\n", 1, "the front matter is not closed; a line with --- is missing"),
        ("---\nsubjekt: x\n---\nHi", 2, "unknown key 'subjekt' in the front matter (did you mean 'subject'?)"),
        ("---\nfrom: x\n---\nHi", 2, "unknown key 'from' in the front matter; there are subject and kind"),
        ("---\n\nsubject: x\nsubject: y\n---\nHi", 4, "'subject' is here a second time, after line 3"),
        ("---\nsubject\n---\nHi", 2, "the front matter has lines like `subject: words`; found 'subject'"),
        ("---\nsubject:\n---\nHi", 2, "'subject' is empty"),
        ("---\nsubject: ''\n---\nHi", 2, "'subject' is empty"),
        ("---\nkind: spam\n---\nHi", 2, "kind is outreach or transactional; found 'spam'"),
        ("---\nsubject: x\n---\n \n", 5, "the message has no text"),
        ("", 1, "the message has no text"),
        ("x" * 32769, 1, "a message template has at most 32,768 characters"),
        (mail("Hi\n\n{{ family_name"), 6, "a {{ is not closed; write }} after the name"),
        (
            mail("Hi\n{% if x %}"),
            5,
            "a {% if %} or {% for %} is not closed; write {% endif %} or {% endfor %} where it ends",
        ),
        (mail("Hi", "{{ x"), 2, "a {{ is not closed; write }} after the name"),
        (mail("Hi\n{{ x.y() }}"), 5, "a call, name(…), cannot be used in a text"),
        (mail("Hi\nA\ue000"), 5, "the character U+E000 cannot be used in a text"),
        (mail("Hi\n\x00"), 5, "the character U+0000 cannot be used in a text"),
        ("{{ " + "(" * 500 + "x" + ")" * 500 + " }}", 1, "this is nested too deeply"),
        ("Hi\n" + "{% if x %}" * 35 + "Hi" + "{% endif %}" * 35, 2, "this is nested too deeply"),
        ("{{ " + "9" * 5000 + " }}", 1, "a number is too long to be read"),
        ("Hi\n{% for x in children if loop.first %}x{% endfor %}", 2, "'loop' is not known yet in the 'if' of a loop"),
    ],
)
def test_what_is_wrong_with_a_template_is_told_with_its_line(source, line, words):
    with pytest.raises(MessageError) as refused:
        parse_message(source, name="outreach.md")

    assert refused.value.line == line
    assert refused.value.sentence.startswith(words)
    assert str(refused.value).startswith(f"outreach.md:{line}: {words}")
    assert [(line, refused.value.sentence)] == check_message(source, ALLOWED | {"x"}, ())


def test_the_errors_say_how_a_command_ends():
    assert issubclass(MessageError, ValueError)
    assert issubclass(MessageError, CoopflowError)
    assert issubclass(RenderError, CoopflowError)
    assert MessageError.exit_code is ExitCode.INVALID


def test_every_name_that_a_template_needs_is_found():
    source = mail(
        "{{ family_name | upper }} {% if nickname is defined and attributes.years > 3 %}{{ fee }}{% endif %}"
        "{% for child in children %}{{ loop.index }} {{ child.name }}"
        "{% for tag in child.tags if tag != email %}{{ tag }}{% else %}{{ child.age }}{% endfor %}{% endfor %}",
        "{{ coordinator.name }}",
    )

    assert names_used(source) == {
        "family_name",
        "nickname",
        "attributes.years",
        "fee",
        "children",
        "children.name",
        "children.tags",
        "children.age",
        "email",
        "coordinator.name",
    }
    assert check_message(source, ALLOWED, INTERNAL_FIELDS) == []


def test_all_problems_of_a_template_are_told_at_once():
    source = mail(
        "Dear {{ famly_name }},\n"
        "{{ withdrawal_risk }} {{ prediction.confidence_score }}\n"
        "{% set x = 1 %}{{ 'a' * 9 }}\n"
        "{% for child in children %}{{ child.notes }}{{ child.name }}{% endfor %}\n"
        "{{ fee | monney }} {{ fee | center(9) }}",
        "{{ nobody }} {{ email }}",
    )

    assert check_message(source, ALLOWED, INTERNAL_FIELDS) == [
        (2, "there is no 'nobody' for this message"),
        (4, "there is no 'famly_name' for this message (did you mean 'family_name'?)"),
        (5, "'prediction.confidence_score' is only for the co-op to see ('prediction' is internal)"),
        (5, "'withdrawal_risk' is only for the co-op to see"),
        (6, "* cannot be used in a text"),
        (6, "set cannot be used in a text"),
        (7, "'children.notes' is only for the co-op to see ('notes' is internal)"),
        (
            8,
            "there is no filter 'center'; there are capitalize, default, first, join, last, length, lower, money, "
            "round, title, trim, upper",
        ),
        (8, "there is no filter 'monney' (did you mean 'money'?)"),
    ]


@pytest.mark.parametrize(
    ("link", "shown"),
    [
        ("http://coop.example/", "http://coop.example/"),
        ("javascript:alert(1)", "javascript:alert(1)"),
        ("/pay", "/pay"),
        ("http://coop.example/{{ family_id }}", "http://coop.example/…"),
    ],
)
def test_a_link_that_is_neither_https_nor_mail_is_found_when_loaded(link, shown):
    problems = check_message(mail(f"Hello\n\n{{% if fee %}}\n[pay]({link})\n{{% endif %}}"), ALLOWED, ())

    assert [sentence for _, sentence in problems] == [f"the link '{shown}' is neither https:// nor mailto:"]
    assert problems[0][0] in (4, 7)  # the line where it can be found again, else where the body begins


@pytest.mark.parametrize("link", ["https://coop.example/{{ family_id }}", "mailto:{{ email }}", "{{ portal }}"])
def test_other_links_are_fine(link):
    assert check_message(mail(f"[a]({link})"), ALLOWED, ()) == []


def test_a_mail_has_a_subject_a_text_and_an_html_part():
    rendered = render_email(LETTER, FAMILY)

    assert rendered.subject == "Thinking of you, Jones"
    assert rendered.text == "Dear Jones family,\n\nhow **are** you?\n\nWarmly,\nSarah\n"
    assert body_of(rendered.html) == (
        "<p>Dear Jones family,</p>\n<p>how <strong>are</strong> you?</p>\n<p>Warmly,<br />\nSarah</p>\n"
    )
    assert rendered.html.startswith("<!DOCTYPE html>\n")
    assert "<title>Thinking of you, Jones</title>" in rendered.html


def test_the_footer_stands_below_both_parts():
    rendered = render_email(LETTER, FAMILY, footer="Oak Co-op, 1 Main St\n[No more mail](https://coop.example/stop)")

    assert rendered.text.endswith("Sarah\n\n-- \nOak Co-op, 1 Main St\n[No more mail](https://coop.example/stop)\n")
    assert (
        '1 Main St<br />\n<a href="https://coop.example/stop" style="color:#1a5fb4">No more mail</a>' in rendered.html
    )


def test_h21_values_in_links_are_encoded_and_a_whole_link_is_kept():
    html = render_email(
        mail(
            "[a](https://x.example/?q={{ q }}&n=1) <mailto:{{ email }}> [b]({{ portal }}) "
            "[c](https://ü.example 'title')"
        ),
        {**FAMILY, "q": 'a&b="c d"/é'},
    ).html

    assert 'href="https://x.example/?q=a%26b%3D%22c%20d%22%2F%C3%A9&amp;n=1"' in html
    assert 'href="mailto:jones@example.org"' in html
    assert ">mailto:jones@example.org<" in html
    assert 'href="https://coop.example/pay?family=42&amp;way=card"' in html
    assert 'href="https://xn--tda.example"' in html
    assert 'title="' not in html


@pytest.mark.parametrize(
    "value", ["javascript:alert(1)", "http://x.example", "https://x y", 'https://x"onclick=', "//x"]
)
def test_h21_a_value_that_is_no_safe_link_holds_the_mail(value):
    with pytest.raises(RenderError, match=r"^portal is a link here and is neither https:// nor mailto:$") as refused:
        render_email(mail("[pay]({{ portal }})"), {"portal": value})

    assert refused.value.field == "portal"


def test_markdown_that_confuses_letter_writers_is_just_words():
    html = render_email(
        mail("Warmly\n--\nSarah\n\n    indented &amp; ![x](https://x.example/a.png)\n\n[x]: https://y"), {}
    ).html

    assert body_of(html).startswith("<p>Warmly<br />\n--<br />\nSarah</p>\n<p>indented &amp;amp; !<a href=")
    assert "<img" not in html
    assert "[x]: https://y" in html


def test_tags_on_their_own_line_leave_no_gap():
    source = (
        "Hi\n\n{% if nickname %}\nfoo\n\n{% endif %}\n"
        "{% for child in children %}\n- {{ child.name }}\n{% endfor %}\n\nBye"
    )

    assert render_text(source, FAMILY) == "Hi\n\n- Ann\n- Bo\n\nBye"


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("fee", "106.7"),
        ("fee | money", "106.70"),
        ("fee | round", "107"),
        ("fee | round(1)", "106.7"),
        ("whole", "75"),
        ("count", "3"),
        ("amount", "12.50"),
        ("day", "2026-03-02"),
        ("family_name | upper", "JONES"),
        ("family_name | lower | capitalize", "Jones"),
        ("'anne marie' | title", "Anne Marie"),
        ("'  x ' | trim", "x"),
        ("children | length", "2"),
        ("(children | first).name if false else 'none'", "none"),
        ("tags | join", "art, math"),
        ("tags | join(' and ')", "art and math"),
        ("tags | first", "art"),
        ("tags | last", "math"),
        ("nickname | default('friends')", "friends"),
        ("coordinator.phone | default('the office')", "the office"),
        ("empty | default(family_name)", None),
        ("empty | default('you')", "you"),
        ("nickname or family_name", "Jones"),
        ("empty or family_name", "Jones"),
        ("'a' ~ family_name ~ 1", "aJones1"),
        ("'a' + family_name", "aJones"),
        ("'yes' if nickname else 'no'", "no"),
        ("'yes' if fee > 100 and family_name in ['Jones'] and empty is none else 'no'", "yes"),
        ("'yes' if nickname is defined else 'no'", "no"),
        ("-fee", "-106.7"),
    ],
)
def test_what_can_be_printed(expression, text):
    context = {
        **FAMILY,
        "whole": 75.0,
        "count": 3,
        "amount": Decimal("12.50"),
        "day": date(2026, 3, 2),
        "tags": ["art", "math"],
        "empty": None,
    }
    if text is None or "(children | first).name" in expression:
        with pytest.raises(RenderError):
            render_text(f"{{{{ {expression} }}}}", context)
    else:
        assert render_text(f"{{{{ {expression} }}}}", context) == text


@pytest.mark.parametrize(
    ("expression", "field", "words"),
    [
        ("nickname", "nickname", "nickname is not known for family 42"),
        ("nickname | upper", "nickname", "nickname is not known for family 42"),
        ("'Dear ' ~ nickname", "nickname", "nickname is not known for family 42"),
        ("nickname + 'x'", "nickname", "nickname is not known for family 42"),
        ("coordinator.mobile", "coordinator.mobile", "coordinator.mobile is not known for family 42"),
        ("coordinator.name.first", "coordinator.name.first", "coordinator.name.first is not known for family 42"),
        ("nickname.first", "nickname.first", "nickname.first is not known for family 42"),
        ("coordinator.phone", "coordinator.phone", "coordinator.phone is empty for family 42"),
        ("blank", "blank", "blank is empty for family 42"),
        ("blank or nickname", "blank", "blank is empty for family 42"),
        ("coordinator.phone or nickname", "nickname", "nickname is not known for family 42"),
        ("family_name and blank", "blank", "blank is empty for family 42"),
        ("blank if family_name else 'x'", "blank", "blank is empty for family 42"),
        ("'x' if nickname", "nickname", "nickname is not known for family 42"),
        ("nothing", "nothing", "nothing is empty for family 42"),
        ("nothing | first", "nothing", "nothing is empty for family 42"),
        ("flag", "flag", "flag is true or false, which is no text for family 42"),
        ("children", "children", "children is neither text nor a number for family 42"),
        ("infinite", "infinite", "infinite is neither text nor a number for family 42"),
        ("nan", "nan", "nan is neither text nor a number for family 42"),
        ("bell", "bell", "bell holds a control character for family 42"),
        ("surrogate", "surrogate", "surrogate holds a control character for family 42"),
        ("family_name | money", None, "the text does not fit its values for family 42: could not convert string"),
        ("family_name | first", None, "the text does not fit its values for family 42: 'first' and 'last' need a list"),
        ("family_name | join", None, "the text does not fit its values for family 42: 'join' needs a list of texts"),
        ("children | join", None, "the text does not fit its values for family 42: 'join' needs a list of texts"),
        ("infinite | round", None, "the text does not fit its values for family 42: cannot convert float infinity"),
        ("fee | round(9)", None, "the text does not fit its values for family 42: 'round' leaves 0 to 6 digits"),
        ("fee + family_name", None, "the text does not fit its values for family 42: unsupported operand"),
        ("'x' if nickname > 3 else 'y'", None, "'nickname' is undefined for family 42"),
        ("huge", None, "the text does not fit its values for family 42: Exceeds the limit"),
        ("''", "a value", "a value is empty for family 42"),
    ],
)
def test_a_hole_in_a_text_is_named_with_its_family(expression, field, words):
    context = {
        **FAMILY,
        "blank": " \n",
        "nothing": [],
        "flag": True,
        "infinite": float("inf"),
        "nan": float("nan"),
        "bell": "a\x07",
        "surrogate": "a\ud800",
        "huge": 10**5000,
    }
    with pytest.raises(RenderError) as refused:
        render_text(f"Hi {{{{ {expression} }}}}", context)

    assert str(refused.value).startswith(words)
    assert refused.value.field == field


def test_a_loop_runs_over_a_list_or_over_nothing():
    source = "x{% for a in rows %}{{ a }}{{ '.' if loop.last else ',' }}{% else %}none{% endfor %}"

    assert render_text(source, {"rows": [1, 2]}) == "x1,2."
    assert render_text(source, {"rows": []}) == "xnone"
    assert render_text(source, {"rows": None}) == "xnone"
    assert render_text(source, {}) == "xnone"
    with pytest.raises(RenderError, match=r"^rows is not a list$"):
        render_text(source, {"rows": "text"})
    with pytest.raises(RenderError, match=r"^rows has more than 200 items for family 7$"):
        render_text(source, {"rows": list(range(201)), "family_id": 7})


def test_the_whole_text_must_not_be_empty():
    with pytest.raises(RenderError, match=r"^the message is empty$"):
        render_text("{% if x %}Hi{% endif %}", {})


def test_a_mail_needs_a_subject():
    with pytest.raises(RenderError, match=r"^the message has no subject$"):
        render_email("Hi", {})


def test_a_template_that_should_not_have_been_loaded_only_holds_up_its_message():
    with pytest.raises(RenderError, match=r"^the message template is not valid: line 1: a call"):
        render_text("{{ x() }}", {})


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("a\nBcc: x@y.example", "the subject has a line break or a tab"),
        ("a\r\nb", "the subject has a line break or a tab"),
        ("a\u2028b", "the subject has a line break or a tab"),
        ("a\tb", "the subject has a line break or a tab"),
        ("a\x00b", "x holds a control character"),
        ("a\x85b", "x holds a control character"),
        ("x" * 10_000, "the subject has 10,001 characters; 200 are possible"),
        ("=?utf-8?q?=0aBcc=3a?=", "the subject holds an encoded word"),
    ],
)
def test_a_subject_is_one_short_line(value, words):
    with pytest.raises(RenderError) as refused:
        render_email(mail("Hi", "A{{ x }}"), {"x": value})

    assert str(refused.value).startswith(words)


def test_a_subject_may_not_come_out_empty():
    with pytest.raises(RenderError, match=r"^the subject is empty$"):
        render_email(mail("Hi", "{% if x %}Hello{% endif %}"), {})


def test_a_text_message_has_a_cap():
    assert len(render_text("{{ x }}", {"x": "a" * 1590})) == 1590
    with pytest.raises(RenderError, match=r"^the text becomes too long for family 7$"):
        render_text("{{ x }}", {"x": "a" * 1601, "family_id": 7})
