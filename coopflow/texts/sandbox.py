"""Message templates filled in: Jinja2 in a sandbox that holds nothing but plain data, its output counted as it comes.

What comes out is an outline: the author's words, with a numbered mark wherever a value goes, and the values beside it.
So whoever makes HTML of it can read the author's Markdown without ever reading a value as Markdown, HTML or Jinja2.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, nodes
from jinja2.exceptions import SecurityError
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from msgspec import Struct

from coopflow.texts.errors import MessageError, RenderError
from coopflow.texts.grammar import LOOP_WORDS, Survey, dotted, survey
from coopflow.texts.values import CLOSE, FILTERS, NOT_TEXT, OPEN, VALUES, Filling

MARKS = re.compile("[\ue000-\ue00f]")  # no author may write what marks a value

PLAIN_WORDS: Mapping[str, str] = {  # by what Jinja2's words hold
    "expected 'end of print statement'": "a {{ is not closed; write }} after the name",
    "Jinja was looking for": "a {% if %} or {% for %} is not closed; write {% endif %} or {% endfor %} where it ends",
    "unknown tag 'endif'": "this {% endif %} has no {% if %} before it",
    "unknown tag 'endfor'": "this {% endfor %} has no {% for %} before it",
    "unknown tag 'el": "{% else %} and {% elif %} have no {% if %} before them",
    "unknown tag": "there is no such tag; there are {% if %} {% elif %} {% else %} {% endif %} {% for %} {% endfor %}",
    "expected token 'end of print statement', got": "two words side by side; a name is one word, with _ inside it",
    "expected token 'in'": "a loop reads {% for item in items %}",
    "expected token ':'": "there are more than two braces; write {{ and }} around a name",
    "expected name or number": "a {{ is not closed, or a name is missing after the dot",
    "unexpected 'end of statement block'": "something is missing before %}",
    "unexpected '}'": "unexpected '}'; a name stands between {{ and }}",
    "Missing end of comment": "a {# is not closed; write #} after the remark",
    "Expected an expression, got": "a name is missing between {{ and }}",
}


class Outline(Struct, frozen=True):
    """A text with numbered marks where values go."""

    text: str
    values: tuple[tuple[str, str], ...]  # the name as the template has it, and the text

    def filled(self) -> str:
        """Put every value in as it is."""
        return re.sub(f"{OPEN}(\\d+){CLOSE}", lambda mark: self.values[int(mark[1])][1], self.text)


class Unset(StrictUndefined):
    """A name without a value: an error wherever it is used, but `{% if %}` may ask."""

    __slots__ = ()

    def __bool__(self) -> bool:  # type: ignore[override]  # the parent declares that it never returns
        return False


class PlainData(ImmutableSandboxedEnvironment):
    """Dots look into mappings and nothing else: no attribute of any Python object is in reach."""

    intercepted_binops = frozenset({"*", "**", "%", "/", "//", "-"})

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Look up a key; of a loop, one of its few words."""
        if isinstance(obj, Mapping):
            return obj[attribute] if attribute in obj else self.undefined(obj=obj, name=attribute)
        if isinstance(obj, LoopContext) and attribute in LOOP_WORDS:
            return getattr(obj, attribute)
        return self.undefined(obj=obj, name=attribute)

    def _refuse(self, *_: Any, **__: Any) -> Any:
        """Stop what the grammar has refused already."""
        raise SecurityError("calls, subscripts and arithmetic cannot be used in a text")

    getitem = call = call_binop = _refuse


def read(source: str, *, line: int = 1) -> tuple[nodes.Template, Survey]:
    """Parse a template that begins at `line` of its file and say what it uses; raise MessageError if it is none."""
    if found := MARKS.search(source) or NOT_TEXT.search(source):
        at = line + source.count("\n", 0, found.start())
        raise MessageError(f"the character U+{ord(found[0]):04X} cannot be used in a text", line=at)
    with _mistakes_at(line):
        tree = TEXTS.parse(source)
    return tree, survey(tree)


def compiled(source: str, *, line: int = 1) -> Template:
    """Make a template ready to be filled in; raise MessageError for the first thing wrong with it."""
    tree, found = read(source, line=line)
    for at, problem in found.problems:
        raise MessageError(problem, line=line - 1 + at)
    for output in tree.find_all(nodes.Output):
        output.nodes = [node if isinstance(node, nodes.TemplateData) else _printed(node) for node in output.nodes]
    for loop in tree.find_all(nodes.For):
        loop.iter = _filter("_items", loop.iter, dotted(loop.iter))
    tree.set_environment(TEXTS)
    with _mistakes_at(line):
        return TEXTS.from_string(tree)


def fill(template: Template, context: Mapping[str, Any], *, room: int) -> Outline:
    """Fill a template in; raise RenderError, which names what is missing, empty or no text."""
    filling = Filling(context.get("family_id"), room)
    parts: list[str] = []
    try:
        for part in template.root_render_func(template.new_context({**context, VALUES: filling})):
            filling.use(len(part))
            parts.append(part)
    except TemplateError as error:
        raise RenderError(f"{error.message}{filling.whose}") from None
    except RenderError:
        raise
    except (TypeError, ValueError, ArithmeticError) as error:
        raise RenderError(f"the text does not fit its values{filling.whose}: {error}") from None
    return Outline("".join(parts), tuple(filling.values))


@contextmanager
def _mistakes_at(line: int) -> Iterator[None]:
    """Say as a MessageError what Jinja2 has against a template that begins at this line of its file."""
    try:
        yield
    except TemplateError as error:
        at = line - 1 + (getattr(error, "lineno", None) or 1)
        raise MessageError(_in_plain_words(str(error.message)), line=at) from None
    except RecursionError:
        raise MessageError("this is nested too deeply", line=line) from None
    except ValueError:  # Python reads no number of more than 4,300 digits
        raise MessageError("a number is too long to be read", line=line) from None


def _in_plain_words(said: str) -> str:
    """What Jinja2 says of a mistake, for somebody who has never heard of it; what is rare stays in its words."""
    return next((words for found, words in PLAIN_WORDS.items() if found in said), said)


def _printed(node: nodes.Expr) -> nodes.Expr:
    names = filter(None, map(dotted, (node, *node.find_all((nodes.Getattr, nodes.Name)))))
    return _filter("_printed", _required(node), next(names, "a value"))


def _required(node: nodes.Expr) -> nodes.Expr:
    """Let every name that is printed be checked, but not the names that an expression has a replacement for."""
    match node:
        case nodes.Name() | nodes.Getattr():
            return _filter("_known", node, dotted(node))
        case nodes.Filter(node=nodes.Expr() as inner) if node.name != "default":
            node.node = _required(inner)
        case nodes.Concat():
            node.nodes = [_required(part) for part in node.nodes]
        case nodes.Add():
            node.left, node.right = _required(node.left), _required(node.right)
        case nodes.Or() | nodes.And():
            node.right = _required(node.right)
        case nodes.CondExpr():
            node.expr1 = _required(node.expr1)
            node.expr2 = node.expr2 and _required(node.expr2)
    return node


def _filter(name: str, node: nodes.Node, label: str | None) -> nodes.Filter:
    return nodes.Filter(node, name, [nodes.Const(label)], [], None, None, lineno=node.lineno)


# There is no HTML here to escape: `markdown` escapes every value when it puts it in.
TEXTS = PlainData(undefined=Unset, trim_blocks=True, lstrip_blocks=True, autoescape=False)
TEXTS.globals.clear()
TEXTS.filters = dict(FILTERS)
