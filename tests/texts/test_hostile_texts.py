"""What families write about themselves, and what a template must never be able to do (reliability, section 7, H)."""

import time
import tracemalloc
from html import escape
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import UndefinedError
from jinja2.exceptions import SecurityError

from coopflow.composing import context
from coopflow.core.case import Case
from coopflow.core.facts import Facts
from coopflow.core.model import Coop, Family
from coopflow.core.windows import Calendar
from coopflow.core.zones import zone
from coopflow.texts.messages import MessageError, RenderError, check_message, parse_message, render_email, render_text
from coopflow.texts.sandbox import TEXTS


def a_case():
    """What a message is composed of, as far as its context needs it."""
    coop = Coop(
        organisation="Willow Creek",
        calendar=Calendar.default(zone("America/New_York")),
        coordinators={"sarah": {"email": "sarah@example.org", "phone": None}},
        known_events=frozenset(),
    )
    family = Family(family_id="42", family_name="Martinez", attributes={"fee": 12.5}, engagement_score=3.0)
    return Case(
        coop=coop, workflow=None, instance=None, family=family, facts=Facts(family=family), entries={}, tasks=[]
    )


ESCAPES = [
    "{{ ''.__class__ }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''['__class__'] }}",
    "{{ ''|attr('__class__') }}",
    "{{ ''|attr('\\x5f\\x5fclass\\x5f\\x5f') }}",
    "{{ ()|attr('__class__')|attr('__base__')|attr('__subclasses__')() }}",
    "{{ x.__init__.__globals__ }}",
    "{{ x.__init__.__globals__['os'].popen('id').read() }}",
    "{{ self.__init__.__globals__.__builtins__ }}",
    "{{ self }}",
    "{{ self._TemplateReference__context }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ joiner.__init__.__globals__.os }}",
    "{{ namespace.__init__.__globals__.os }}",
    "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "{{ lipsum.__globals__ }}",
    "{{ range(10) }}",
    "{{ dict(a=1) }}",
    "{{ config.items() }}",
    "{{ request.application.__globals__ }}",
    "{{ get_flashed_messages.__globals__ }}",
    "{{ url_for.__globals__ }}",
    "{{ x.format(x) }}",
    "{{ '{0.__class__}'.format(x) }}",
    "{{ '{0.__class__}'.format_map(x) }}",
    "{{ ('{0.__class__}'|string).format }}",
    "{{ ''.format.__self__ }}",
    "{{ '%s'|format(x) }}",
    "{{ '%s' % x }}",
    "{{ x|map('attr', '__class__')|list }}",
    "{{ [x]|map(attribute='__class__')|list }}",
    "{{ [x]|selectattr('__class__')|list }}",
    "{{ [x]|groupby('__class__') }}",
    "{{ [x]|sort(attribute='__class__') }}",
    "{{ [x]|sum(attribute='__class__') }}",
    "{{ x|pprint }}",
    "{{ x|tojson }}",
    "{{ x|xmlattr }}",
    "{{ x|safe }}",
    "{{ x|string|list }}",
    "{{ loop.__class__ }}",
    "{% for a in x %}{{ loop.__init__ }}{% endfor %}",
    "{% for a in x %}{{ loop.cycle('a') }}{% endfor %}",
    "{% for a in x %}{{ loop(a) }}{% endfor %}",
    "{% for a in x %}{{ loop }}{% endfor %}",
    "{% for a in x %}{{ loop._iterator }}{% endfor %}",
    "{% for a in x recursive %}{{ a }}{% endfor %}",
    "{% for a in x.items() %}{{ a }}{% endfor %}",
    "{% for a, b in x %}{{ a }}{% endfor %}",
    "{% for a in [1, 2] %}{{ a }}{% endfor %}",
    "{% for a in x|list %}{{ a }}{% endfor %}",
    "{% for loop in x %}{{ loop }}{% endfor %}",
    "{% for _a in x %}b{% endfor %}",
    "{% set a = x %}{{ a }}",
    "{% set a %}b{% endset %}{{ a }}",
    "{% set ns = namespace(a=1) %}{% set ns.a = 2 %}",
    "{% with a = x %}{{ a }}{% endwith %}",
    "{% macro a() %}b{% endmacro %}{{ a() }}",
    "{% macro a() %}{{ caller.__globals__ }}{% endmacro %}",
    "{% call x() %}b{% endcall %}",
    "{% filter upper %}b{% endfilter %}",
    "{% block a %}b{% endblock %}",
    "{% extends 'a' %}",
    "{% extends x %}",
    "{% include '../../secret' %}",
    "{% include x ignore missing %}",
    "{% import 'a' as a %}",
    "{% from 'a' import b %}",
    "{% autoescape false %}{{ x }}{% endautoescape %}",
    "{% do x.append(1) %}",
    "{% debug %}",
    "{% trans %}a{% endtrans %}",
    "{{ x._private }}",
    "{{ _values }}",
    "{{ _values.room }}",
    "{{ x[0] }}",
    "{{ x['a'] }}",
    "{{ x.0 }}",
    "{{ x[1:2] }}",
    "{{ {'a': 1} }}",
    "{{ 'a'.upper }}",
    "{{ super() }}",
    "{{ x is callable }}",
    "{{ x is divisibleby 3 }}",
    "{{ x is sameas y }}",
    "{{ x|default(value=1) }}",
    "{{ x|default(*y) }}",
    "{{ x|default(**y) }}",
    "{{ x|round(y) }}",
    "{{ x|_known('a') }}",
    "{{ x|_printed('a') }}",
]


@pytest.mark.parametrize("source", ESCAPES)
def test_h01_an_escape_from_the_sandbox_in_a_body_is_refused_when_loaded(source):
    with pytest.raises(MessageError):
        parse_message(source, name="evil.md")
    assert check_message(source, {"x", "y"}, ())


@pytest.mark.parametrize("source", ESCAPES)
def test_h02_an_escape_in_a_subject_too_and_one_that_slipped_in_holds_its_message(source):
    assert check_message(f"---\nsubject: {source}\n---\nHi", {"x", "y"}, ())
    with pytest.raises(RenderError, match=r"^the message template is not valid"):
        render_text(source, {"x": [1], "y": 1})


@pytest.mark.parametrize("value", ESCAPES)
def test_h03_an_escape_as_a_value_is_just_words_in_a_mail(value):
    rendered = render_email("---\nsubject: For {{ x }}\n---\nDear {{ x }},\n", {"x": value})

    assert rendered.subject == f"For {value}"
    assert rendered.text == f"Dear {value},\n"
    assert f">Dear {escape(value)},</p>" in rendered.html


@pytest.mark.parametrize("value", ESCAPES)
def test_h04_an_escape_as_a_value_is_just_words_in_a_text_also_inside_a_list(value):
    assert render_text("Dear {{ x }}", {"x": value}) == f"Dear {value}"
    rows = "{% for row in x %}{{ row.name }};{% endfor %}{{ names|join(' and ') }}"
    assert render_text(rows, {"x": [{"name": value}], "names": [value, value]}) == f"{value};{value} and {value}"


ARITHMETIC = [
    "{{ 'a' * 10**10 }}",
    "{{ 9**9**9 }}",
    "{{ [[]] * 10**8 }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ 1|round(-999999999) }}",
    f"{{{{ {'9' * 5000} }}}}",
]
WIDTHS = [
    "{{ 'x'|center(10**9) }}",
    "{{ 'x'|center(1000000000) }}",
    "{{ '%1000000000d'|format(1) }}",
    "{{ x.ljust(10**9) }}",
    "{{ 'x'|indent(10**9) }}",
    "{{ x|wordwrap(1) }}",
    "{{ x|replace('a', x)|replace('a', x)|replace('a', x) }}",
]
LOOPS = [
    "{% for a in range(10**9) %}{{ a }}{% endfor %}",
    "{% for a in rows %}{% for b in rows %}{% for c in rows %}x{% endfor %}{% endfor %}{% endfor %}",
    "{% for a in rows %}{% for a in rows %}{% for a in rows %}x{% endfor %}{% endfor %}{% endfor %}",
    "{% for a in rows %}{% for b in rows %}{{ x }}{% endfor %}{% endfor %}",
    "{% for a in rows %}{% for b in rows %}{{ a }}{% endfor %}{% endfor %}" * 500,
    "{% for a in rows %}{% for b in rows %}{% endfor %}{% endfor %}" * 50,
]
DEPTHS = [
    "{% if x %}" * 500 + "{% endif %}" * 500,
    "{{ " + "not " * 3000 + "x }}",
    "{{ " + "(" * 3000 + "x" + ")" * 3000 + " }}",
    "{{ " + "-" * 3000 + "1 }}",
    "{{ x" + "|upper" * 3000 + " }}",
    "{{ x" + ".y" * 5000 + " }}",
    "{{ 'a' if x else " * 2000,
]
OUTPUTS = [
    "{{ " + " ~ ".join(["x"] * 5000) + " }}",
    "{% if " + " ~ ".join(["x"] * 5000) + " %}a{% endif %}",
    "{{ " + " + ".join(["x"] * 50) + " }}",
    "{{ x }}" * 4000,
    "{{ x|join(x)|join(x)|join(x)|join(x) }}",
]


@pytest.mark.parametrize("source", ARITHMETIC, ids=range(len(ARITHMETIC)))
def test_h05_a_bomb_of_arithmetic_is_refused(source):
    require_small_and_fast(source)


@pytest.mark.parametrize("source", WIDTHS, ids=range(len(WIDTHS)))
def test_h06_a_bomb_of_widths_and_replacements_is_refused(source):
    require_small_and_fast(source)


@pytest.mark.parametrize("source", LOOPS, ids=range(len(LOOPS)))
def test_h07_a_bomb_of_loops_is_refused_or_cut_short(source):
    require_small_and_fast(source)


@pytest.mark.parametrize("source", DEPTHS, ids=range(len(DEPTHS)))
def test_h08_a_bomb_of_depth_is_refused(source):
    require_small_and_fast(source)


@pytest.mark.parametrize("source", OUTPUTS, ids=range(len(OUTPUTS)))
def test_h09_an_output_that_grows_is_cut_short(source):
    require_small_and_fast(source)


def require_small_and_fast(source):
    """No message comes of it, within 2 seconds and 64 MiB."""
    context = {"x": "a" * 60_000, "rows": list(range(200))}
    letter = f"---\nsubject: Hi\n---\n{source}"
    began = time.perf_counter()
    with pytest.raises(RenderError):
        render_email(letter, context)
    assert time.perf_counter() - began < 2

    tracemalloc.start()
    try:
        with pytest.raises(RenderError):
            render_email(letter, context)
        assert tracemalloc.get_traced_memory()[1] < 64 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "source",
    [
        '{% include "../../secret" %}',
        '{% include ["a", "../b"] ignore missing %}',
        '{% extends "../../secret" %}',
        '{% import "/etc/passwd" as p %}',
        '{% from "a" import b with context %}',
    ],
)
def test_h10_no_template_reads_another_file(source):
    with pytest.raises(MessageError, match=r"(include|extends|import) cannot be used in a text"):
        parse_message(source, name="evil.md")
    assert TEXTS.loader is None


def test_h11_a_value_is_never_read_as_a_template_however_often_it_is_put_in():
    values = {"x": "{{ y }}", "y": "{% for a in x %}{{ a }}{% endfor %}", "z": "{{ '{{ x }}' }}", "rows": ["{{ x }}"]}
    text = "{{ x }} {{ y }} {{ z }} {{ x ~ y }} {{ x|upper }} {% for row in rows %}{{ row }}{% endfor %}"
    meant = f"{values['x']} {values['y']} {values['z']} {values['x']}{values['y']} {{{{ Y }}}} {{{{ x }}}}"
    assert render_text(text, values) == meant
    rendered = render_email(f"---\nsubject: Hi\n---\n{text}\n", values)
    assert rendered.text == f"{meant}\n"
    assert escape(meant) in rendered.html


MARKUP = [
    "*x*",
    "**x**",
    "_x_",
    "`x`",
    "# x",
    "- x",
    "1. x",
    "> x",
    "---",
    "    x",
    "<script>alert(1)</script>",
    "</style>",
    "</title>",
    "<b onmouseover=alert(1)>",
    '"onmouseover="alert(1)',
    "[a](javascript:alert(1))",
    "[a](https://evil.example)",
    "![a](https://evil.example/a.png)",
    "<https://evil.example>",
    "<evil@x.example>",
    "https://evil.example",
    "&lt;b&gt;",
    "&amp;",
    "a\\*b",
    "a  \nb",
    "a\n\n# b",
    "{{ 7 * 7 }}",
    "{% for a in b %}",
    "{# gone #}",
    "\ue0000\ue001",
    "\ue0020\ue001",
    "{title}{body}{0}",
    "{\\0}\\1\\g<0>",
    "$1 %s",
    "=cmd|' /C calc'!A0",
    "🎈 Ünïcödé 家族",
]


@pytest.mark.parametrize("value", MARKUP)
def test_h21_markup_in_a_value_is_just_words(value):
    require_literal(value)


@settings(deadline=None)
@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n"), max_size=30)
    .map(lambda text: f"a{text}b")
    .flatmap(lambda text: st.sampled_from([text, text[1:-1] + "b", *MARKUP]))
)
def test_h21_any_value_is_just_words(value):
    require_literal(value)


PLACES = """\
---
subject: Hi
---
{{ x }}

**{{ x }}** {{ x }}{{ x }} `{{ x }}`

- {{ x }}
- _{{ x }}_

# {{ x }}

[{{ x }}](https://a.example/{{ x }})
"""


class Tags(HTMLParser):
    """Every tag of a document, with its attributes."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        if tag != "br":
            self.found.append((tag, tuple((name, value) for name, value in attrs if name != "href")))


def tags_of(html):
    reader = Tags()
    reader.feed(html)
    return reader.found


def require_literal(value):
    rendered = render_email(PLACES, {"x": value})

    assert rendered.text.count(value) >= 8
    assert rendered.html.count(escape(value).replace("\n", "<br />\n")) >= 8
    assert tags_of(rendered.html) == tags_of(render_email(PLACES, {"x": "Jones"}).html)


def test_a_value_cannot_pretend_to_be_another():
    context = {"a": "\ue0001\ue001", "b": "secret"}

    assert render_text("{{ a }} and {{ b }}", context) == "\ue0001\ue001 and secret"


def test_h12_a_text_sees_its_context_and_nothing_else():
    for name in ("range", "dict", "lipsum", "cycler", "joiner", "namespace", "config", "environment", "context"):
        with pytest.raises(RenderError, match=rf"^{name} is not known$"):
            render_text(f"{{{{ {name} }}}}", {})


class Row:
    """A model object that got into a context by mistake."""

    name = "Jones"

    def save(self):
        raise AssertionError("a text has called a method")


@pytest.mark.parametrize("name", ["environment", "config", "database", "password", "secrets", "os", "self", "_values"])
def test_h12_what_composes_a_message_puts_no_secret_into_its_context(name):
    found = context(a_case(), {})
    assert name not in found
    assert all(isinstance(value, str | int | float | type(None)) for value in found.values())


@pytest.mark.parametrize("expression", ["row.save", "row.name", "row", "text.upper", "rows.append", "mapping.items"])
def test_h12_no_attribute_of_an_object_is_in_reach(expression):
    with pytest.raises(RenderError):
        render_text(f"{{{{ {expression} }}}}", {"row": Row(), "text": "x", "rows": [1], "mapping": {"a": 1}})


@pytest.mark.parametrize(
    "expression", ["x()", "x['a']", "x[0]", "x * 2", "x ** 2", "x % 2", "x / 2", "x // 2", "x - 2"]
)
def test_the_sandbox_refuses_what_the_grammar_has_refused_already(expression):
    with pytest.raises(SecurityError):
        TEXTS.from_string(f"{{{{ {expression} }}}}").render(x="a")


@pytest.mark.parametrize("expression", ["x.__class__", "x.upper", "x.__init__.__globals__"])
def test_the_sandbox_finds_nothing_inside_an_object(expression):
    with pytest.raises(UndefinedError):
        TEXTS.from_string(f"{{{{ {expression} }}}}").render(x="a")


def test_a_key_is_found_even_if_a_method_has_its_name():
    assert render_text("{{ bill.items }}", {"bill": {"items": 3}}) == "3"
