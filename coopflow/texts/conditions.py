"""Conditions written as one line of text: Jinja2 reads the line, a strict list of its nodes decides what may be said.

Nothing is ever evaluated by Jinja2: what comes out is a value of `core.rules`.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.parser import Parser
from msgspec import Struct

from coopflow.core.condition_reader import ConditionError, read_condition
from coopflow.core.conditions import literal
from coopflow.core.rules import AllOf, AnyOf, Compare, Condition, Not, Operator, condition_data

__all__ = ["ConditionError", "parse_condition"]

LONGEST = 1_000  # characters
LONGEST_WORD = 30  # characters of it in an error
GRAMMAR = Environment(autoescape=True)  # only its lexer and parser are used
OPERATORS = {
    "eq": Operator.EQUAL,
    "ne": Operator.NOT_EQUAL,
    "gt": Operator.GREATER,
    "gteq": Operator.AT_LEAST,
    "lt": Operator.LESS,
    "lteq": Operator.AT_MOST,
}
MIRRORED = {
    Operator.EQUAL: Operator.EQUAL,
    Operator.NOT_EQUAL: Operator.NOT_EQUAL,
    Operator.GREATER: Operator.LESS,
    Operator.AT_LEAST: Operator.AT_MOST,
    Operator.LESS: Operator.GREATER,
    Operator.AT_MOST: Operator.AT_LEAST,
}
EXAMPLE = "a condition reads like: payment_received and withdrawal_risk > 0.5"
HINTS: Mapping[str, str] = {  # by the word that was not expected, or by its first character
    "=>": "write >=",
    "=<": "write <=",
    "=": "write == to compare",
    "equals": "write == to compare",
    "≥": "write >=",
    "≤": "write <=",
    "≠": "write !=",
    "&": "write 'and'",
    "|": "write 'or'",
    ";": "write 'and' or 'or'",
    ",": "write 'and' or 'or' between comparisons, and a point in a decimal number",
    "!": "write 'not'",
    "AND": "write 'and' in small letters",
    "OR": "write 'or' in small letters",
    "NOT": "write 'not' in small letters",
    "IN": "write 'in' in small letters",
    "IS": "write 'is' in small letters",
    "not_in": "write 'not in'",
    "exists": "write 'is defined' after the field",
    "contains": "write it the other way round: 'word' in family_name",
    "between": "write for example 0.5 <= withdrawal_risk <= 0.8",
    "then": "write the condition alone; the steps say where it leads",
    "?": "write the condition alone; the steps say where it leads",
    "}}": "leave out {{ and }}",
    "$": "write the name alone, without $ and braces",
    "#": "a condition has no remarks",
    ".": "write a number with its 0, as in 0.8",
    "'": "the quotation mark is not closed",
    '"': "the quotation mark is not closed",
    "“": "write straight quotation marks, as in 'text'",
    "”": "write straight quotation marks, as in 'text'",
    "‘": "write straight quotation marks, as in 'text'",
    "’": "write straight quotation marks, as in 'text'",
    ")": "it has no ( before it",
}
AFTER: Mapping[str, str] = {  # by the word before it
    "is": "write == to compare",
    "exists": "write 'is defined' after the field",
    "if": "write the condition alone; the steps say where it leads",
    "<": "write !=",
}
UNFINISHED: Mapping[str, str] = {  # by the last character of a condition that ends too early
    "%": "write 80% as 0.8 if it is a share, else as 80",
}
REFUSED: Mapping[type[nodes.Node], str] = {
    nodes.Call: "a call",
    nodes.Filter: "a filter",
    nodes.CondExpr: "if … else",
    nodes.Dict: "a mapping",
    nodes.Slice: "a slice",
    nodes.Concat: "~",
    nodes.BinExpr: "arithmetic (or a - inside a name)",
    nodes.UnaryExpr: "arithmetic",
}


class _Field(Struct, frozen=True):
    name: str


class _Constant(Struct, frozen=True):
    value: Any


@lru_cache(maxsize=1024)
def parse_condition(text: str) -> Condition:
    """Read a line such as `confidence_score > 80 and not payment_received`; raise ConditionError."""
    if len(text) > LONGEST:
        raise ConditionError(f"a condition in one line has at most {LONGEST:,} characters; this one has {len(text):,}")
    if not text.strip():
        raise ConditionError("the condition is empty")
    try:
        condition = _condition(_expression(" ".join(text.splitlines())))
        return read_condition(condition_data(condition))  # one place says what a comparison may be
    except RecursionError:
        raise ConditionError("the condition is nested too deeply") from None


def _expression(text: str) -> nodes.Expr:
    """Read the whole text as one expression."""
    parser: Parser | None = None
    _require_commas(text)
    try:
        parser = Parser(GRAMMAR, text, state="variable")
        expression = parser.parse_expression()
        if parser.stream.eos:
            return expression
    except (TemplateSyntaxError, ValueError):  # ValueError: a number of more than 4,300 digits, or a lone surrogate
        pass
    raise _syntax_error(text, parser)


def _syntax_error(text: str, parser: Parser | None) -> ConditionError:
    """Say what the parser stopped at, and where."""
    starts = list(_token_starts(text))
    try:
        unread = len(list(parser.stream)) if parser else len(starts)
    except (TemplateSyntaxError, ValueError):
        unread = 1  # it stopped at what cannot be a token
    at = starts[-unread] if 0 < unread <= len(starts) else len(text)
    word = text[at:].split(maxsplit=1)[0] if text[at:].strip() else ""
    if not word:
        open_bracket = "a ( or [ is not closed" if any(text.count(a) > text.count(b) for a, b in ("()", "[]")) else None
        hint = open_bracket or UNFINISHED.get(text.rstrip()[-1:]) or EXAMPLE
        return ConditionError(f"the condition ends too early; {hint}", column=len(text) + 1)
    word, before = word[:LONGEST_WORD], text[:at].split()[-1:]
    hint = HINTS.get(word) or AFTER.get("".join(before)) or HINTS.get(word[0]) or EXAMPLE
    return ConditionError(f"unexpected '{word}'; {hint}", column=at + 1)


def _require_commas(text: str) -> None:
    """Two texts side by side would be read as one, so that no value of a list is what its author means."""
    before, at = "", 0
    try:
        for _, kind, value in GRAMMAR.lexer.tokeniter(text, None, None, "variable"):
            if kind == before == "string":
                raise ConditionError(f"a comma is missing before {value}", column=at + 1)
            before = before if kind == "whitespace" else kind
            at += len(value)
    except TemplateSyntaxError:
        pass  # said where it is read


def _token_starts(text: str) -> Iterator[int]:
    """Where each token begins; the last one may be what is not a token."""
    at = 0
    try:
        for _, kind, value in GRAMMAR.lexer.tokeniter(text, None, None, "variable"):
            if kind != "whitespace":
                yield at
            at += len(value)
    except TemplateSyntaxError:
        yield at


def _condition(node: nodes.Node) -> Condition:
    match node:
        case nodes.And():
            return AllOf((*_chain(node.left, AllOf), *_chain(node.right, AllOf)))
        case nodes.Or():
            return AnyOf((*_chain(node.left, AnyOf), *_chain(node.right, AnyOf)))
        case nodes.Not(node=nodes.Test() as test):
            return _tested(test, known=False)
        case nodes.Not():
            return Not(_condition(node.node))
        case nodes.Compare():
            return _comparisons(node)
        case nodes.Test():
            return _tested(node, known=True)
    operand = _operand(node)
    if isinstance(operand, _Constant):
        raise ConditionError(f"a condition asks about a field; {literal(operand.value)} is fixed")
    return Compare(operand.name, Operator.EQUAL, True)


def _chain(node: nodes.Node, kind: type[AllOf] | type[AnyOf]) -> tuple[Condition, ...]:
    """`a and (b and c)` says the same as `a and b and c`."""
    condition = _condition(node)
    return condition.of if isinstance(condition, AllOf | AnyOf) and type(condition) is kind else (condition,)


def _tested(test: nodes.Test, *, known: bool) -> Condition:
    """`x is defined` and `x is none`, with or without not."""
    operand = _operand(test.node)
    if test.name not in ("defined", "none") or test.args or test.kwargs:
        raise ConditionError(
            f"'is {test.name}' is not possible; there are 'is defined' and 'is none', with or without not"
        )
    if not isinstance(operand, _Field):
        raise ConditionError(f"'is {test.name}' asks about a field; {literal(operand.value)} is fixed")
    return Compare(operand.name, Operator.EXISTS, known is (test.name == "defined"))


def _comparisons(node: nodes.Compare) -> Condition:
    """`0.5 < x <= 0.9` is two comparisons."""
    found: list[Condition] = []
    left = _operand(node.expr)
    for step in node.ops:
        right = _operand(step.expr)
        found.append(_membership(left, step.op, right) if step.op in ("in", "notin") else _pair(left, step.op, right))
        left = right
    return found[0] if len(found) == 1 else AllOf(tuple(found))


def _pair(left: _Field | _Constant, word: str, right: _Field | _Constant) -> Condition:
    operator = OPERATORS[word]
    match left, right:
        case _Field(name), _Constant(value):
            return _with_none(name, operator, value)
        case _Constant(value), _Field(name):
            return _with_none(name, MIRRORED[operator], value)
        case _Field(one), _Field(other):
            raise ConditionError(
                f"{one} is compared with {other}; a field is compared with a fixed value, and text needs quotes"
            )
        case _:
            raise ConditionError("a condition compares a field; both sides are fixed")


def _with_none(name: str, operator: Operator, value: Any) -> Condition:
    """`x == none` asks whether x is known: nothing is ever equal to none."""
    if value is None and operator in (Operator.EQUAL, Operator.NOT_EQUAL):
        return Compare(name, Operator.EXISTS, operator is Operator.NOT_EQUAL)
    return Compare(name, operator, value)


def _membership(left: _Field | _Constant, word: str, right: _Field | _Constant) -> Condition:
    match left, right:
        case _Field(name), _Constant(value):
            return Compare(name, Operator.IN if word == "in" else Operator.NOT_IN, value)
        case _Constant(value), _Field(name):
            contains = Compare(name, Operator.CONTAINS, value)
            # as with every comparison, the answer is no where the field is not known
            return contains if word == "in" else AllOf((Compare(name, Operator.EXISTS, True), Not(contains)))
        case _Field(one), _Field(other):
            raise ConditionError(
                f"{one} is looked for in {other}; one of the two has to be fixed, and text needs quotes"
            )
        case _:
            raise ConditionError("a condition compares a field; both sides are fixed")


def _operand(node: nodes.Node) -> _Field | _Constant:
    match node:
        case nodes.Name(name="null"):
            return _Constant(None)
        case nodes.Name() | nodes.Getattr() | nodes.Getitem():
            return _Field(_dotted(node))
        case nodes.Const():
            return _Constant(node.value)
        case nodes.Neg(node=nodes.Const(value=int() | float() as value)):
            return _Constant(-value)
        case nodes.List() | nodes.Tuple():
            return _Constant(tuple(_item(item) for item in node.items))
        case nodes.And() | nodes.Or() | nodes.Not() | nodes.Compare() | nodes.Test():
            raise ConditionError("the result of a comparison cannot be compared again; join comparisons with and, or")
        case _:
            words = next((word for kind, word in REFUSED.items() if isinstance(node, kind)), "this")
            raise ConditionError(f"{words} cannot be used in a condition")


def _item(node: nodes.Node) -> Any:
    operand = _operand(node)
    if isinstance(operand, _Field):
        raise ConditionError(f"{operand.name} in a list has to be fixed; text needs quotes")
    return operand.value


def _dotted(node: nodes.Node) -> str:
    match node:
        case nodes.Name():
            name = node.name
        case nodes.Getattr():
            name = f"{_dotted(node.node)}.{node.attr}"
        case nodes.Getitem(arg=nodes.Const(value=str() | int() as key)):
            name = f"{_dotted(node.node)}.{key}"
        case _:
            raise ConditionError("a field is a name, or names joined by dots")
    if name.rpartition(".")[2].startswith("_"):
        raise ConditionError(f"'{name}' is not the name of a field")
    return name
