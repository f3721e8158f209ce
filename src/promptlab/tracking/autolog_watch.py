"""Scikit-learn's own calls seen as they happen: fits, scores, predictions, metric functions.

Only calls of the user's code are seen: an estimator that another one fits, a fold, a scorer are a call of scikit-learn.
Classes that are imported or defined later are watched too. With nobody left to tell, everything is as it was.
"""

from __future__ import annotations

import functools
import inspect
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from types import CellType, FunctionType
from typing import Any, Protocol

FITS = ("fit", "fit_predict")
ANSWERS = ("predict", "predict_proba", "decision_function")
METHODS = (*FITS, "score", *ANSWERS)

_LIBRARY = "sklearn."
_VALIDATION = "sklearn.utils._param_validation"
_TRUTH = "y_true"
_ANSWERED = frozenset({"y_pred", "y_score", "y_prob", "y_proba", "pred_decision"})


@dataclass(frozen=True, slots=True)
class Given:
    """What a fit or a score was given. Each may be None."""

    rows: Any = None
    actual: Any = None
    sample_weight: Any = None


class Fit(Protocol):
    """A fit under way."""

    def ended(self) -> None:
        """The estimator is fitted."""

    def failed(self, error: BaseException) -> None:
        """It is not."""


class Observer(Protocol):
    """Is told of every call; what it raises would reach the caller."""

    def fit_begins(self, estimator: Any, given: Given) -> Fit | None:
        """A fit begins; None where it is of no interest."""

    def scored(self, estimator: Any, given: Given, result: Any) -> None:
        """`score` gave a result."""

    def answered(self, estimator: Any, rows: Any, answers: Any) -> None:
        """`predict`, `predict_proba` or `decision_function` gave answers."""

    def measured(self, name: str, actual: Any, answers: Any, options: Mapping[str, Any], result: Any) -> None:
        """A metric function of the module `sklearn.metrics` held answers against the right ones."""


_LOCK = threading.RLock()
_OBSERVERS: list[Observer] = []
_RESTORE: list[Callable[[], None]] = []
_INSIDE: ContextVar[bool] = ContextVar("promptlab_inside_a_watched_call", default=False)


def observe(observer: Observer) -> None:
    """From now on it is told. Raises ImportError without scikit-learn."""
    with _LOCK:
        if not _OBSERVERS:
            _watch_classes()
            _watch_metrics()
        _OBSERVERS.append(observer)


def forget(observer: Observer) -> None:
    """It is told no more; nothing happens where it was not."""
    with _LOCK:
        if observer in _OBSERVERS:
            _OBSERVERS.remove(observer)
            if not _OBSERVERS:
                while _RESTORE:
                    _RESTORE.pop()()


# -- what stands in for scikit-learn's functions: of this module's names alone, so that a class goes to other processes


def _method(original: Callable[..., Any], name: str) -> Callable[..., Any]:
    @functools.wraps(original)
    def watched(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        return _called(original, name, self, args, kwargs)

    return watched


def _called(
    original: Callable[..., Any], name: str, estimator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    if not _OBSERVERS or _INSIDE.get() or _is_of_the_library(sys._getframe(2).f_globals):  # noqa: SLF001 - its caller
        return original(estimator, *args, **kwargs)
    token = _INSIDE.set(True)
    try:
        if name in FITS:
            return _fitted(original, estimator, args, kwargs)
        result = original(estimator, *args, **kwargs)
        if name == "score":
            given = _given(original, estimator, args, kwargs)
            for observer in tuple(_OBSERVERS):
                observer.scored(estimator, given, result)
        else:
            rows = args[0] if args else kwargs.get("X")
            for observer in tuple(_OBSERVERS):
                observer.answered(estimator, rows, result)
        return result
    finally:
        _INSIDE.reset(token)


def _fitted(original: Callable[..., Any], estimator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    given = _given(original, estimator, args, kwargs)
    begun = [fit for observer in tuple(_OBSERVERS) if (fit := observer.fit_begins(estimator, given)) is not None]
    try:
        result = original(estimator, *args, **kwargs)
    except BaseException as error:
        for fit in begun:
            fit.failed(error)
        raise
    for fit in begun:
        fit.ended()
    return result


def _metric(original: Callable[..., Any], name: str) -> Callable[..., Any]:
    @functools.wraps(original)
    def watched(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        if _OBSERVERS and not _INSIDE.get() and not _is_of_the_library(_caller(2)):
            token = _INSIDE.set(True)
            try:
                _, options = _arguments(original, args, kwargs)
                actual, answers = options.pop(_TRUTH, None), options.pop(_answers_of(original) or "", None)
                for observer in tuple(_OBSERVERS):
                    observer.measured(name, actual, answers, options, result)
            finally:
                _INSIDE.reset(token)
        return result

    return watched


def _caller(depth: int) -> Mapping[str, Any]:
    """The names of the module that called a metric function, behind what checks its parameters."""
    frame = sys._getframe(depth)  # noqa: SLF001 - who calls is what is asked
    while frame.f_back is not None and frame.f_globals.get("__name__") == _VALIDATION:
        frame = frame.f_back
    return frame.f_globals


def _is_of_the_library(names: Mapping[str, Any]) -> bool:
    return str(names.get("__name__", "")).startswith(_LIBRARY)


# -- what they were given


@functools.lru_cache(maxsize=4096)
def _signature(original: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(original)


def _arguments(
    original: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[list[str], dict[str, Any]]:
    """The names of the parameters in order, and what was given by name, that of `**params` among it."""
    signature = _signature(original)
    try:
        given = dict(signature.bind(*args, **kwargs).arguments)
    except TypeError:  # the call itself says it
        return [], {}
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            given |= given.pop(parameter.name, {})
    return list(signature.parameters), given


def _given(original: Callable[..., Any], estimator: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Given:
    names, given = _arguments(original, (estimator, *args), kwargs)
    if len(names) < 2:
        return Given()
    actual = given.get(names[2]) if len(names) > 2 and names[2].lower().startswith("y") else None
    return Given(given.get(names[1]), actual, given.get("sample_weight"))


# -- the classes and functions that are watched


def _watch_classes() -> None:
    from sklearn.base import BaseEstimator

    seen: set[type] = set()
    for estimator in _subclasses(BaseEstimator):
        _watch_class(estimator, seen)

    def defined(cls: type, /, **options: Any) -> None:
        super(BaseEstimator, cls).__init_subclass__(**options)
        with _LOCK:
            if _OBSERVERS:
                _watch_class(cls, seen)

    own = BaseEstimator.__dict__.get("__init_subclass__")
    if own is None:  # else a later scikit-learn has its own: classes that are defined later are not seen then
        BaseEstimator.__init_subclass__ = classmethod(defined)
        _RESTORE.append(lambda: delattr(BaseEstimator, "__init_subclass__"))


def _subclasses(base: type) -> Iterator[type]:
    yield base
    below: list[type] = base.__subclasses__()
    for sub in below:
        yield from _subclasses(sub)


def _watch_class(estimator: type, seen: set[type]) -> None:
    """Watches the methods that a class, or what it mixes in, defines."""
    for home in estimator.__mro__:
        if home in seen or home is object:
            continue
        seen.add(home)
        for name in METHODS:
            found = home.__dict__.get(name)
            if isinstance(found, FunctionType):
                setattr(home, name, _method(found, name))
                _RESTORE.append(functools.partial(setattr, home, name, found))
                continue
            offered = getattr(found, "fn", None)  # of a descriptor: offered only where an inner estimator has it
            if isinstance(offered, FunctionType):
                _replace(found, "fn", _method(offered, name))


def _watch_metrics() -> None:
    import sklearn.metrics

    for name in sklearn.metrics.__all__:
        function = getattr(sklearn.metrics, name)
        if not isinstance(function, FunctionType) or _answers_of(function) is None:
            continue
        cell = _wrapped_cell(function)
        if cell is None:
            _replace(sklearn.metrics, name, _metric(function, name))
        else:  # behind the check of its parameters: seen also where a script has imported the function already
            _replace(cell, "cell_contents", _metric(cell.cell_contents, name))


def _answers_of(function: Callable[..., Any]) -> str | None:
    """The name of the parameter with an estimator's answers; None where the function takes none."""
    names = list(_signature(function).parameters)[:2]
    return names[1] if len(names) == 2 and names[0] == _TRUTH and names[1] in _ANSWERED else None


def _wrapped_cell(function: FunctionType) -> CellType | None:
    names = function.__code__.co_freevars
    if function.__globals__.get("__name__") != _VALIDATION or "func" not in names:
        return None
    return (function.__closure__ or ())[names.index("func")]


def _replace(holder: Any, name: str, value: Any) -> None:
    before = getattr(holder, name)
    setattr(holder, name, value)
    _RESTORE.append(functools.partial(setattr, holder, name, before))
