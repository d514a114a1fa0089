"""The changes: each turns one expression or statement of a module into another that could stand there by mistake.

Texts for people are left as they are, and so is what the type checker holds: annotations, what is asserted for it only,
and how a class is made.
"""

import ast
import copy
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLACES = ("coopflow/core", "coopflow/sending.py", "coopflow/tick.py", "coopflow/leftovers.py")
LONGEST_SHOWN = 70

COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
COUNTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.RShift: ast.LShift,
}
CHOSEN = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change."""

    path: str  # of the module, from the root
    number: int  # among those of the module
    line: int
    within: str  # the function or class
    before: str
    after: str
    nth: int = 1  # of those in there that read the same

    @property
    def name(self) -> str:
        """What it is known by, wherever the lines move."""
        which = f" ({self.nth})" if self.nth > 1 else ""
        return f"{self.path} | {self.within} | {self.before} → {self.after}{which}"


Change = tuple[ast.AST, Callable[[], ast.AST]]


def modules() -> list[str]:
    """All that is changed."""
    found = (path for place in PLACES for path in sorted((ROOT / place).rglob("*.py")) or [ROOT / place])
    return [str(path.relative_to(ROOT)) for path in found if path.stat().st_size]


def mutants(path: str, source: str | None = None) -> list[Mutant]:
    """Every change of a module."""
    tree = ast.parse(source if source is not None else (ROOT / path).read_text(encoding="utf-8"))
    found, alike = [], Counter[str]()
    for number, (node, change, within) in enumerate(_changes(tree)):
        one = Mutant(path, number, getattr(node, "lineno", 1), within, _shown(node), _shown(change()))
        alike[one.name] += 1
        found.append(replace(one, nth=alike[one.name]))
    return found


def mutated(path: str, number: int, source: str | None = None) -> str:
    """The source of a module with one change."""
    tree = ast.parse(source if source is not None else (ROOT / path).read_text(encoding="utf-8"))
    for place, (node, change, _) in enumerate(_changes(tree)):
        if place == number:
            return ast.unparse(ast.fix_missing_locations(_Replacing(node, change()).visit(tree)))
    raise IndexError(f"{path} has no change {number}")


class _Replacing(ast.NodeTransformer):
    def __init__(self, wanted: ast.AST, instead: ast.AST) -> None:
        self._wanted, self._instead = wanted, instead

    def visit(self, node: ast.AST) -> ast.AST:
        return self._instead if node is self._wanted else self.generic_visit(node)


def _changes(tree: ast.Module) -> Iterator[tuple[ast.AST, Callable[[], ast.AST], str]]:
    for node, within in _walk(tree, ""):
        for change in _of(node):
            yield node, change, within


def _walk(node: ast.AST, within: str) -> Iterator[tuple[ast.AST, str]]:
    """Every node that may be changed, and what it stands in."""
    yield node, within
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        within = f"{within}.{node.name}".removeprefix(".")
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "type_params", "bases") or _for_the_checker(node):
            continue
        if isinstance(node, ast.ClassDef) and name == "keywords":  # frozen, order: mypy holds them
            continue
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, ast.AST):
                yield from _walk(inner, within)


def _for_the_checker(node: ast.AST) -> bool:
    typing = isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    alias = isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) == "TypeAlias"
    return typing or alias or isinstance(node, ast.Assert | ast.Import | ast.ImportFrom | ast.JoinedStr)


def _of(node: ast.AST) -> Iterator[Callable[[], ast.AST]]:
    match node:
        case ast.Compare(ops=[first, *_]) if type(first) in COMPARED:
            yield lambda: _with(node, "ops", [COMPARED[type(first)](), *node.ops[1:]])
        case ast.BoolOp(op=op):
            yield lambda: _with(node, "op", ast.Or() if isinstance(op, ast.And) else ast.And())
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield lambda: operand
        case ast.BinOp(op=op) if type(op) in COUNTED and not _is_text(node.left) and not _is_text(node.right):
            yield lambda: _with(node, "op", COUNTED[type(op)]())
        case ast.Constant(value=bool(value)):
            yield lambda: ast.Constant(not value)
        case ast.Constant(value=int(value)):
            yield lambda: ast.Constant(value + 1)
        case ast.Call(func=ast.Name(id=name)) if name in CHOSEN:
            yield lambda: _with(node, "func", ast.Name(CHOSEN[name], ast.Load()))
        case ast.IfExp(test=test):
            yield lambda: _with(node, "test", _not(test))
        case ast.If(test=test) | ast.While(test=test) if not isinstance(test, ast.Compare | ast.UnaryOp):
            yield lambda: _with(node, "test", _not(test))
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield lambda: ast.Return(ast.Constant(None))
        case ast.Expr(value=ast.Call()) if "assert_never" not in ast.unparse(node):
            yield ast.Pass
        case ast.AugAssign():
            yield ast.Pass
        case ast.Assign(targets=[ast.Attribute()]):
            yield ast.Pass
        case ast.Raise():
            yield ast.Pass
        case ast.Continue():
            yield ast.Break
        case ast.Break():
            yield ast.Continue


def _with(node: ast.AST, name: str, value: object) -> ast.AST:
    found = copy.copy(node)
    setattr(found, name, value)
    return found


def _not(test: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.Not(), test)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _shown(node: ast.AST) -> str:
    """On one line; of a statement with a body only its beginning."""
    text = ast.unparse(ast.fix_missing_locations(copy.deepcopy(node))).split("\n")[0]
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
