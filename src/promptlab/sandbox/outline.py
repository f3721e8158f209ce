"""A template as a whole: where each name is used or set, what its branches are, and which of them a rendering reached.

A part of the worker process: it imports only the standard library and Jinja2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import meta, nodes

REACHED = "promptlab_reached__"
"""The variable that holds what notes a branch."""
_SETTERS: dict[type[nodes.Node], str] = {
    nodes.Assign: "set",
    nodes.AssignBlock: "set",
    nodes.For: "for",
    nodes.With: "with",
    nodes.Macro: "macro",
    nodes.CallBlock: "call",
}


@dataclass(frozen=True)
class Branch:
    """A part of a template that not every rendering reaches.

    kind: `if`, `elif`, `else`, `for` (its body), `for else`. first, last: the lines of what it holds, from 1; the line
    of its tag where it is empty. body: its nodes, in the tree itself.
    """

    kind: str
    first: int
    last: int
    body: list[nodes.Node]


def branches(tree: nodes.Template) -> list[Branch]:
    """The branches of a template, in the order of their lines."""
    found: list[Branch] = []
    for loop in tree.find_all(nodes.For):
        found.append(_branch("for", loop.body, loop.lineno))
        if loop.else_:
            found.append(_branch("for else", loop.else_, loop.lineno))
    conditions = list(tree.find_all(nodes.If))
    # In the tree an `elif` is an `if` within its `if`.
    inner = {id(one) for condition in conditions for one in condition.elif_}
    for condition in conditions:
        found.append(_branch("elif" if id(condition) in inner else "if", condition.body, condition.lineno))
        if condition.else_:
            found.append(_branch("else", condition.else_, condition.lineno))
    return sorted(found, key=lambda branch: (branch.first, branch.last))


def watch(found: Sequence[Branch], environment: Any) -> None:
    """Has each branch note its number in the list of branches, when it is reached."""
    for number, branch in enumerate(found):
        call = nodes.Call(nodes.Name(REACHED, "load"), [nodes.Const(number)], [], None, None)
        statement = nodes.ExprStmt(call)
        statement.set_lineno(branch.first)
        statement.set_environment(environment)
        branch.body.insert(0, statement)


def outline(tree: nodes.Template) -> dict[str, Any]:
    """What the template takes and sets, each with its lines, and its branches: plain values, for JSON."""
    outside = meta.find_undeclared_variables(tree)
    used: dict[str, list[int]] = {}
    for node in tree.find_all(nodes.Name):
        if node.ctx == "load" and node.name in outside:
            used.setdefault(node.name, []).append(node.lineno)
    return {
        "used": {name: sorted(set(lines)) for name, lines in sorted(used.items())},
        "set": sorted({(name, line, how) for name, line, how in _set(tree)}),
        "branches": [[branch.kind, branch.first, branch.last] for branch in branches(tree)],
    }


def _set(tree: nodes.Template) -> Iterator[tuple[str, int, str]]:
    for macro in tree.find_all(nodes.Macro):
        yield macro.name, macro.lineno, "macro"
    for kind, how in _SETTERS.items():
        for node in tree.find_all(kind):
            targets = [getattr(node, "target", None), *getattr(node, "targets", ()), *getattr(node, "args", ())]
            for target in targets:
                if isinstance(target, nodes.Name):
                    yield target.name, node.lineno, how
                elif isinstance(target, nodes.Node):
                    yield from ((name.name, node.lineno, how) for name in target.find_all(nodes.Name))


def _branch(kind: str, body: list[nodes.Node], line: int) -> Branch:
    lines = [found for node in body for found in _lines(node)]
    return Branch(kind, min(lines, default=line), max(lines, default=line), body)


def _lines(node: nodes.Node) -> Iterator[int]:
    """The lines that a node's text and tags stand on; space around a text does not count."""
    if isinstance(node, nodes.TemplateData):
        text = node.data
        if text.strip():
            before = text[: len(text) - len(text.lstrip())].count("\n")
            yield node.lineno + before
            yield node.lineno + before + text.strip().count("\n")
        return
    if not isinstance(node, nodes.Output):
        yield node.lineno
    for child in node.iter_child_nodes():
        yield from _lines(child)
