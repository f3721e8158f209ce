"""The params of an estimator as text by name, what it is called, and what it was made with."""

from __future__ import annotations

import hashlib
import inspect
import json
import re
from collections.abc import Mapping, Sequence
from functools import partial
from importlib import metadata
from typing import Any

from promptlab.estimators.tasks import answering

LONGEST_KEY = 250
LONGEST_TITLE = 100

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
"""Where something is in memory: another place each time, so that equal params would differ."""


def flat_params(estimator: Any) -> dict[str, str]:
    """Every param as text, `step__param` for those of estimators within it; long values whole.

    An estimator among the values is its class; a function its name; an array a list. Empty where it has no params.
    """
    get_params = getattr(estimator, "get_params", None)
    if get_params is None or inspect.isclass(estimator):
        return {}
    return {_key(str(name)): param_text(value) for name, value in get_params(deep=True).items()}


def param_text(value: Any) -> str:
    """A value of a param as text: numbers and text as they are, the rest as JSON where that says it."""
    plain = _plain(value)
    return plain if isinstance(plain, str) else str(plain) if _scalar(plain) else json.dumps(plain, ensure_ascii=False)


def title(estimator: Any) -> str:
    """What a run of it is called: `LogisticRegression`, `Pipeline(StandardScaler, SVC)`, `GridSearchCV(SVC)`."""
    text = _titled(estimator, depth=0)
    return text if len(text) <= LONGEST_TITLE else f"{text[: LONGEST_TITLE - 1]}…"


def class_path(estimator: Any) -> str:
    """The module and the name of its class."""
    return f"{type(estimator).__module__}.{type(estimator).__qualname__}"


def versions(estimator: Any) -> dict[str, str]:
    """The versions of scikit-learn and of the packages that its class and the answering one come from, by package."""
    homes = {type(part).__module__.partition(".")[0] for part in (estimator, answering(estimator))}
    names = {"scikit-learn" if home == "sklearn" else home for home in homes} | {"scikit-learn"}
    found = {}
    for name in sorted(names):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:  # a script's own class, or a package under another name
            continue
    return found


def _titled(estimator: Any, *, depth: int) -> str:
    name = type(estimator).__name__
    if depth > 3:
        return name
    steps = getattr(estimator, "steps", None)
    if isinstance(steps, list):
        inner = [_titled(step[1], depth=depth + 1) for step in steps if not isinstance(step[1], str | None)]
        return f"{name}({', '.join(inner)})"
    # A param of it: the trees of a forest are its own affair.
    get_params = getattr(estimator, "get_params", None)
    inner_estimator = None if get_params is None else get_params(deep=False).get("estimator")
    if hasattr(inner_estimator, "fit") and not inspect.isclass(inner_estimator):
        return f"{name}({_titled(inner_estimator, depth=depth + 1)})"
    return name


def _key(name: str) -> str:
    if len(name) <= LONGEST_KEY:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{name[: LONGEST_KEY - 9]}…{digest}"[:LONGEST_KEY]


def _scalar(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float)


def _plain(value: Any, depth: int = 0) -> Any:
    if _scalar(value) or isinstance(value, str):
        return value
    if depth > 20:
        return _described(value)
    if hasattr(value, "get_params") and not inspect.isclass(value):
        return type(value).__name__
    if isinstance(value, partial):
        arguments = _plain([*value.args, value.keywords], depth + 1)
        return {"function": _plain(value.func, depth + 1), "arguments": arguments}
    if callable(value) and hasattr(value, "__name__"):
        return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', value.__name__)}".lstrip(".")
    if hasattr(value, "dist") and hasattr(value, "kwds"):  # a distribution of scipy, which a search draws from
        return {"distribution": str(value.dist.name), "arguments": _plain([*value.args, value.kwds], depth + 1)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item, depth + 1) for key, item in value.items()}
    if hasattr(value, "tolist") and hasattr(value, "dtype"):
        return _plain(value.tolist(), depth + 1)
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, bytes | bytearray):
        items = value if isinstance(value, Sequence) else sorted(value, key=repr)
        return [_plain(item, depth + 1) for item in items]
    return _described(value)


def _described(value: Any) -> str:
    return _ADDRESS.sub("", str(value))
