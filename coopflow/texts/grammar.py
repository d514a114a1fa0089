"""What a message template may say: a strict list of Jinja2's nodes, and every name a text needs, with its line.

Authors are trusted with wording, not with code. Whatever is not on the list is refused when the text is loaded.
"""

from collections.abc import Mapping

from jinja2 import nodes
from msgspec import Struct, field

from coopflow.core.wording import did_you_mean

FILTERS = frozenset(
    {"capitalize", "default", "first", "join", "last", "length", "lower", "money", "round", "title", "trim", "upper"}
)
TESTS = frozenset({"defined", "undefined", "none", "true", "false"})
LOOP_WORDS = frozenset({"first", "index", "last", "length"})
RESERVED = frozenset({"self", "loop", "super", "caller", "varargs", "kwargs"})
MOST_LOOPS = 2  # inside one another
DEEPEST = 30  # nodes inside one another, so that neither Python's compiler nor its stack is ever the judge
LARGEST_EXPRESSION = 60  # nodes in one expression
LARGEST = 3_000  # nodes in a template: some hundred names and conditions

PLAIN: tuple[type[nodes.Node], ...] = (
    nodes.Template,
    nodes.Output,
    nodes.Scope,
    nodes.TemplateData,
    nodes.Const,
    nodes.If,
    nodes.CondExpr,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Compare,
    nodes.Operand,
    nodes.Add,
    nodes.Concat,
    nodes.Neg,
    nodes.List,
    nodes.Tuple,
)
REFUSED: Mapping[type[nodes.Node], str] = {
    nodes.Call: "a call, name(…),",
    nodes.Getitem: "name[…] or name.0",
    nodes.Dict: "{…}",
    nodes.Mul: "*",
    nodes.Pow: "**",
    nodes.Mod: "%",
    nodes.Div: "/",
    nodes.FloorDiv: "//",
    nodes.Sub: "-",
    nodes.Pos: "+",
    nodes.Macro: "macro",
    nodes.CallBlock: "call",
    nodes.Import: "import",
    nodes.FromImport: "import",
    nodes.Include: "include",
    nodes.Extends: "extends",
    nodes.Block: "block",
    nodes.Assign: "set",
    nodes.AssignBlock: "set",
    nodes.With: "with",
    nodes.FilterBlock: "a filter block",
    nodes.ScopedEvalContextModifier: "autoescape",
}


class Survey(Struct):
    """What a reading of one template found, in the order of its lines."""

    names: list[tuple[int, str]] = field(default_factory=list)
    problems: list[tuple[int, str]] = field(default_factory=list)


def survey(tree: nodes.Template) -> Survey:
    """Read a whole template."""
    if _size(tree, LARGEST) > LARGEST:
        return Survey(problems=[(1, "the template is too long")])
    found = Survey()
    _visit(tree, found, {}, 0)
    return found


def dotted(node: nodes.Node, scope: Mapping[str, str] | None = None) -> str | None:
    """`a.b.c` as written; a loop's own name stands for what it runs over. None for anything else."""
    match node:
        case nodes.Name(name=name):
            return (scope or {}).get(name, name)
        case nodes.Getattr():
            before = dotted(node.node, scope)
            return before and f"{before}.{node.attr}"
        case _:
            return None


def _visit(node: nodes.Node, found: Survey, scope: Mapping[str, str], depth: int) -> None:
    if isinstance(node, nodes.Name | nodes.Getattr):
        _visit_name(node, found, scope)
    elif problem := _problem(node, scope, depth):
        found.problems.append((node.lineno, problem))
    elif isinstance(node, nodes.For):
        _visit_loop(node, found, scope, depth)
    else:
        for child in node.iter_child_nodes():
            _visit(child, found, scope, depth + 1)


def _visit_name(node: nodes.Name | nodes.Getattr, found: Survey, scope: Mapping[str, str]) -> None:
    name = dotted(node, scope)
    if name is None:
        found.problems.append((node.lineno, f"'.{getattr(node, 'attr', '')}' can only follow a name"))
        return
    head, *parts = name.split(".")
    if head == "loop" and scope:
        if len(parts) != 1 or parts[0] not in LOOP_WORDS:
            known = ", ".join(f"loop.{word}" for word in sorted(LOOP_WORDS))
            found.problems.append((node.lineno, f"'{name}' is not possible; there are {known}"))
    elif head in RESERVED or any(part.startswith("_") for part in (head, *parts)):
        found.problems.append((node.lineno, f"'{name}' cannot be used in a text"))
    else:
        found.names.append((node.lineno, name))


def _visit_loop(node: nodes.For, found: Survey, scope: Mapping[str, str], depth: int) -> None:
    """Read a loop that `_loop_problem` found nothing wrong with."""
    assert isinstance(node.target, nodes.Name)  # noqa: S101
    _visit(node.iter, found, scope, depth + 1)
    inner = {**scope, node.target.name: dotted(node.iter, scope) or ""}
    for child in (*([node.test] if node.test else ()), *node.body):
        _visit(child, found, inner, depth + 1)
    for child in node.else_:
        _visit(child, found, scope, depth + 1)


def _problem(node: nodes.Node, scope: Mapping[str, str], depth: int) -> str | None:
    """What is wrong with a node by itself."""
    if depth > DEEPEST:
        return "this is nested too deeply"
    if any(_size(root, LARGEST_EXPRESSION) > LARGEST_EXPRESSION for root in _expressions(node)):
        return "the expression is too long"
    match node:
        case nodes.Filter():
            return _filter_problem(node)
        case nodes.Test():
            return _test_problem(node)
        case nodes.For():
            return _loop_problem(node, scope)
        case _ if isinstance(node, PLAIN):
            return None
        case _:
            return f"{REFUSED.get(type(node), type(node).__name__.lower())} cannot be used in a text"


def _expressions(node: nodes.Node) -> list[nodes.Node]:
    """The whole expressions that a statement holds."""
    match node:
        case nodes.Output():
            return list(node.nodes)
        case nodes.If():
            return [node.test]
        case nodes.For():
            return [node.test] if node.test else []
        case _:
            return []


def _size(node: nodes.Node, enough: int) -> int:
    size, rest = 0, [node]
    while rest and size <= enough:
        size += 1
        rest.extend(rest.pop().iter_child_nodes())
    return size


def _filter_problem(node: nodes.Filter) -> str | None:
    if node.name not in FILTERS:
        hint = did_you_mean(node.name, sorted(FILTERS)) or f"; there are {', '.join(sorted(FILTERS))}"
        return f"there is no filter '{node.name}'{hint}"
    if node.kwargs or node.dyn_args or node.dyn_kwargs or not all(isinstance(arg, nodes.Const) for arg in node.args):
        return f"the filter '{node.name}' takes fixed values only"
    return None


def _test_problem(node: nodes.Test) -> str | None:
    if node.name not in TESTS or node.args or node.kwargs or node.dyn_args or node.dyn_kwargs:
        return (
            f"'is {node.name}' cannot be used in a text; there are {', '.join(f'is {test}' for test in sorted(TESTS))}"
        )
    return None


def _loop_problem(node: nodes.For, scope: Mapping[str, str]) -> str | None:
    target = node.target
    if not isinstance(target, nodes.Name) or target.name in RESERVED or target.name.startswith("_"):
        return "a loop has one plain name: {% for child in children %}"
    if dotted(node.iter) is None:
        return "a loop runs over a name: {% for child in children %}"
    if target.name in scope:
        return f"'{target.name}' is the name of the loop around this one already"
    if node.test and any(name.name == "loop" for name in node.test.find_all(nodes.Name)):
        return "'loop' is not known yet in the 'if' of a loop"
    if node.recursive:
        return "'recursive' cannot be used in a text"
    return f"loops can be nested {MOST_LOOPS} deep" if len(scope) >= MOST_LOOPS else None
