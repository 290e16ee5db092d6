"""The texts of refusals: what a user is told when a command ends, read from the code."""

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

PACKAGES = ("calibration", "cvalues", "judge", "rubrics")
NOT_OF_COMMANDS = {
    "judge/simulated/http_payloads.py": "the simulated server's own answers",
    "judge/simulated/openai_protocol.py": "the simulated server's own answers",
    "judge/simulated/decisions.py": "the simulated server's own answers",
    "judge/simulated/server.py": "the simulated server's own answers",
    "judge/events.py": "an event with a field that it may not have is a mistake of the code",
}
FOR_PROGRAMMERS = {"__getattr__"}
"""What only the author of a Python program can bring about."""


def refusals(root: Path) -> Iterator[tuple[str, str]]:
    """Give place and template (a brace for each value) of every text that an error may hold."""
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            name = str(path.relative_to(root))
            if name not in NOT_OF_COMMANDS:
                for line, text in _of_module(ast.parse(path.read_text("utf-8"))):
                    yield f"{name}:{line}", text


def _of_module(tree: ast.Module) -> Iterator[tuple[int, str]]:
    functions = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name not in FOR_PROGRAMMERS
    ]
    said = [part for each in functions for part in _said(each)]
    named = {name for part in said for name in _names(part)}
    # Words of a message may be put together in a function of its own, or stand in a constant.
    word = [each for each in functions if each.name in named and _gives(each, "str")]
    named |= {name for each in word for name in _names(each)}
    constants = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
        if _assigned(node) & named
    ]
    seen: set[str] = set()
    for root in (*said, *word, *constants):
        for line, text in _texts(root):
            if text not in seen and _is_prose(text):
                seen.add(text)
                yield line, text


def _said(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Sequence[ast.AST]:
    """Give the parts of a function that an error is made of."""
    if _gives(function, _ERRORS):
        return [function]
    made = [
        node
        for node in ast.walk(function)
        if isinstance(node, ast.Raise)
        or (isinstance(node, ast.Call) and re.search(f"{_ERRORS}$", ast.unparse(node.func)))
    ]
    bound = [
        node
        for node in ast.walk(function)
        if isinstance(
            node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.For | ast.comprehension
        )
    ]
    parts: list[ast.AST] = list(made)
    used: set[str] = set()
    # A message may be made of variables, and these of others.
    while used != (used := {name for each in parts for name in _names(each)}):
        values = [_value(node) for node in bound if _assigned(node) & used]
        parts = [*made, *(each for each in values if each is not None)]
    return parts


def _value(node: ast.AST) -> ast.AST | None:
    return (
        node.iter if isinstance(node, ast.For | ast.comprehension) else getattr(node, "value", None)
    )


_ERRORS = (
    r"(Error|Undefined|InsufficientLabels|TooFewLabels|Unreadable|UnusableJudge|NotTrusted|Mismatch"
    r"|problem|[.]error)"
)
"""How the names of errors, and of what makes them, end."""


def _assigned(node: ast.AST) -> set[str]:
    given = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return {
        each.id
        for one in given
        if one is not None
        for each in ast.walk(one)
        if isinstance(each, ast.Name)
    }


def _names(part: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(part) if isinstance(node, ast.Name)}


def _gives(function: ast.FunctionDef | ast.AsyncFunctionDef, kind: str) -> bool:
    return (
        function.returns is not None and re.search(kind, ast.unparse(function.returns)) is not None
    )


def _texts(root: ast.AST) -> Iterator[tuple[int, str]]:
    within = {part for node in ast.walk(root) for part in _not_said(node)}
    for node in ast.walk(root):
        if isinstance(node, ast.expr) and node not in within:
            text = template(node)
            if text is not None:
                yield node.lineno, text


def _not_said(node: ast.AST) -> Iterable[ast.AST]:
    """Give what a node holds and no error says: documentation, kinds, what is looked for."""
    held: Iterable[ast.AST] = ()
    match node:
        case ast.Expr(value=ast.Constant()):
            held = [node.value]
        case ast.JoinedStr():
            held = node.values
        case ast.FunctionDef(returns=kind) | ast.AsyncFunctionDef(returns=kind):
            held = _below(kind)
        case ast.arg(annotation=kind) | ast.AnnAssign(annotation=kind):
            held = _below(kind)
        case ast.Call(func=ast.Name(id="cast" | "counted")):
            # A kind, or a noun to which a number belongs.
            held = [part for each in node.args for part in ast.walk(each)]
        case ast.Compare():
            held = [
                each for each in (node.left, *node.comparators) if isinstance(each, ast.Constant)
            ]
        case ast.Call(func=ast.Attribute(attr="replace")):
            held = node.args
        case _:
            pass
    return held


def _below(node: ast.AST | None) -> Iterable[ast.AST]:
    return () if node is None else ast.walk(node)


def template(node: ast.expr) -> str | None:
    """Give a text of the code with braces in place of its values; None for what is no text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(map(_part, node.values))
    return None


def _part(node: ast.expr) -> str:
    match node:
        case ast.Constant():
            return str(node.value)
        case ast.FormattedValue(
            value=ast.Call(func=ast.Name(id="counted"), args=[_, ast.Constant(value=str(noun))])
        ):
            return "{} " + (f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s")
        case _:
            return "{}"


def _is_prose(text: str) -> bool:
    known = re.match(
        r"([a-z]{2}:[a-z]{2}|SELECT|UPDATE|INSERT|DELETE|PRAGMA|CREATE|ALTER|BEGIN|LOCK|DROP|<|\\|\^|\(\?)",
        text.strip(),
    )
    return known is None and len(re.findall(r"[A-Za-z][a-z']+", text)) > 1 and " " in text.strip()
