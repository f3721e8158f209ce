"""The worker process: reads jobs from standard input, compiles and renders them, writes one line a job.

It runs as a script under `python -I -S` with an empty environment and imports only the standard library and
Jinja2; promptlab itself is never imported here. Arguments: the limits as JSON, then the folders where Jinja2 is.

A message is one line of ASCII JSON: {"action": "render", "templates": [[source, ...], ...], "jobs": [[index of
its templates, variables], ...]}, {"action": "reach", ...} with the same, or {"action": "inspect", "templates":
[[source, ...]]}. Each job is answered by a line {"texts": [...]}, {"reached": [[number of a branch, ...], ...]} (by
template), {"variables": [...], "required": [...], "outlines": [...]} or {"failure": kind, "message", "template"
(index in the job), "line", "variable"}. The parent keeps the time, and kills this process when a job takes too long.
"""

from __future__ import annotations

import functools
import gc
import json
import math
import os
import signal
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import GeneratorType
from typing import Any, NoReturn

try:
    import resource
except ImportError:  # Windows has no resource limits; the parent's time limit holds there too
    resource = None  # type: ignore[assignment]  # mypy sees the module of the platform it runs on

_folders = sys.argv[2:] if __name__ == "__main__" else []
sys.path.extend(_folders)

# Jinja2 imports these only when a template needs them, and by then this process can open no file.
import encodings.unicode_escape  # noqa: E402, F401  # see above
import html  # noqa: E402, F401  # the same
import pprint  # noqa: E402, F401  # the same
import textwrap  # noqa: E402, F401  # the same

import jinja2.debug  # noqa: E402, F401  # the same
from jinja2 import Undefined, meta, nodes, pass_context  # noqa: E402  # only now can it be found
from jinja2.exceptions import (  # noqa: E402  # the same
    SecurityError,
    TemplateRuntimeError,
    TemplateSyntaxError,
    UndefinedError,
)
from jinja2.runtime import StrictUndefined  # noqa: E402  # the same
from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: E402  # the same

if __name__ == "__main__":
    # By its folder, and only this: promptlab itself stays outside.
    sys.path.append(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 - nothing more is imported
    import outline  # type: ignore[import-not-found]

    sys.path.pop()
else:
    from promptlab.sandbox import outline

CACHED_TEMPLATES = 256
CACHED_CHARACTERS = 4_000_000
WATCHED_TEMPLATES = 32
MESSAGE_CHARACTERS = 300
POWER_BITS = 100_000
FILE_NAME = "<template>"
"""The file name that Jinja2 gives to the code of every template made from a text."""

OPTIONAL_FILTERS = frozenset({"default", "d"})
OPTIONAL_TESTS = frozenset({"defined", "undefined"})


@dataclass(frozen=True)
class Limits:
    """What one job may take."""

    characters: int
    seconds: float
    memory_bytes: int


class LimitError(Exception):
    """A job that would take more than its limits; line: the template's compiled line, where that is known."""

    def __init__(self, message: str, *, compiled_line: int | None = None) -> None:
        super().__init__(message)
        self.compiled_line = compiled_line


class OutOfTime(BaseException):
    """A job's time is over. Not an Exception: Jinja2 may swallow those while it compiles."""


class MissingValueError(UndefinedError):
    """A variable or attribute without a value; `name` is its last part, `nested` says whether it has an owner."""

    def __init__(self, message: str | None, *, name: str | int | None, nested: bool) -> None:
        super().__init__(message)
        self.name = name
        self.nested = nested


class Missing(StrictUndefined):
    """An undefined value that tells its name when it is used."""

    __slots__ = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self._undefined_exception is UndefinedError:
            name = self._undefined_name
            self._undefined_exception = functools.partial(  # type: ignore[assignment]  # any maker of errors will do
                MissingValueError,
                name=name if isinstance(name, str | int) and self._undefined_hint is None else None,
                nested=self._undefined_obj is not _NO_OWNER,
            )

    def __repr__(self) -> str:
        """An error as well: a list that holds an undefined value must not print as if it were fine."""
        return str(self)


_NO_OWNER = Undefined()._undefined_obj  # noqa: SLF001  # the mark that Jinja2 uses for "no owner"


class Environment(ImmutableSandboxedEnvironment):
    """Jinja2's sandbox, with nothing random, nothing live, and bombs refused before they are built."""

    # An intercepted operator is also never evaluated while compiling.
    intercepted_binops = frozenset({"*", "**"})

    def __init__(self, *, characters: int) -> None:
        super().__init__(
            undefined=Missing,
            autoescape=False,  # a prompt is plain text
            keep_trailing_newline=True,  # the prompt file's reader has decided on those already
            optimized=False,  # nothing is computed while compiling, so a bomb is met where it is measured
            finalize=_refuse_functions,
            cache_size=0,
        )
        self._characters = characters
        # Equal inputs have to give equal prompts: no dummy text, no dice.
        del self.globals["lipsum"]
        del self.filters["random"]
        self.filters["tojson"] = _to_json

    def getattr(self, obj: Any, attribute: str) -> Any:
        """The key of a mapping first: `order.items` means the order's items, where it has some."""
        if isinstance(obj, dict) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """The result of `*` or `**`, unless it would be larger than any text may be."""
        if operator == "*":
            for times, body in ((left, right), (right, left)):
                if isinstance(times, int) and isinstance(body, str | list | tuple):
                    if times * len(body) > self._characters:
                        raise LimitError(f"would make something {times * len(body):,} long")
                    break
        elif isinstance(left, int) and isinstance(right, int) and left.bit_length() * right > POWER_BITS:
            raise LimitError(f"would make a number of more than {POWER_BITS:,} bits")
        return super().call_binop(context, operator, left, right)


@pass_context
def _refuse_functions(_context: object, value: Any) -> Any:
    """The value, unless it is a function. Taking the context, it keeps Jinja2 from rendering constants early."""
    if callable(value) and not isinstance(value, Undefined):
        name = str(getattr(value, "__name__", None) or getattr(value, "name", "it"))
        raise TemplateRuntimeError(f"`{name.removeprefix('safe_')}` is a function, not a text; call it with ()")
    return value


def _to_json(value: Any, indent: int | None = None) -> str:
    """JSON as it is, without the escapes that HTML needs."""
    return json.dumps(value, indent=indent, ensure_ascii=False, default=_refuse_undefined)


def _refuse_undefined(value: Any) -> NoReturn:
    if isinstance(value, Undefined):
        str(value)
    raise TypeError(f"a {type(value).__name__} cannot be written as JSON")


@dataclass(frozen=True)
class Compiled:
    """A compiled template and its syntax tree's source, for naming what is undefined."""

    source: str
    run: Callable[[Any], Iterator[str]]
    new_context: Callable[[dict[str, Any]], Any]
    line_of: Callable[[int], int]


class Compiler:
    """Compiled templates, the most recent ones kept."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self._cache: OrderedDict[str, Compiled] = OrderedDict()
        self._characters = 0
        self._watched: dict[str, Compiled] = {}

    def compile(self, source: str) -> Compiled:
        """The compiled template; raises what Jinja2 raises, and TemplateSyntaxError for other files' templates."""
        known = self._cache.get(source)
        if known is not None:
            self._cache.move_to_end(source)
            return known
        tree = self.environment.parse(source)
        _refuse_other_files(tree)
        template = self.environment.from_string(source)
        made = Compiled(source, template.root_render_func, template.new_context, template.get_corresponding_lineno)
        self._cache[source] = made
        self._characters += len(source)
        while len(self._cache) > CACHED_TEMPLATES or (self._characters > CACHED_CHARACTERS and len(self._cache) > 1):
            dropped, _ = self._cache.popitem(last=False)
            self._characters -= len(dropped)
        return made

    def watched(self, source: str) -> Compiled:
        """The compiled template whose branches note that they are reached; those of one prompt are kept."""
        known = self._watched.get(source)
        if known is None:
            self.compile(source)  # what it refuses is refused here too
            tree = self.environment.parse(source)
            outline.watch(outline.branches(tree), self.environment)
            template = self.environment.from_string(tree)
            known = Compiled(source, template.root_render_func, template.new_context, template.get_corresponding_lineno)
            if len(self._watched) >= WATCHED_TEMPLATES:
                self._watched.clear()
            self._watched[source] = known
        return known

    def clear(self) -> None:
        """Forget everything, to have its memory back."""
        self._watched.clear()
        self._cache.clear()
        self._characters = 0
        gc.collect()


def _refuse_other_files(tree: nodes.Template) -> None:
    for node in tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)):
        word = {"FromImport": "from"}.get(type(node).__name__, type(node).__name__.lower())
        raise TemplateSyntaxError(
            f"`{word}` reads another file, and a prompt is one file; write its text here", node.lineno
        )


def render(compiler: Compiler, sources: Sequence[str], variables: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """The answer to one render job: its texts, or how it failed."""
    texts: list[str] = []
    left = limits.characters
    for index, source in enumerate(sources):
        try:
            compiled = compiler.compile(source)
            text = _joined(compiled.run(compiled.new_context(variables)), left, limits)
            left -= len(text)
            texts.append(text)
        except (Exception, OutOfTime) as error:  # noqa: BLE001  # whatever a template raises is its answer
            return _failure(error, compiler, source, variables) | {"template": index}
    return {"texts": texts}


def _joined(pieces: Iterator[str], left: int, limits: Limits) -> str:
    """The pieces as one text; stops at the limit, before the rest is made."""
    kept: list[str] = []
    for piece in pieces:
        left -= len(piece)
        if left < 0:
            frame = pieces.gi_frame if isinstance(pieces, GeneratorType) else None
            raise LimitError(
                f"renders to more than {limits.characters:,} characters",
                compiled_line=frame.f_lineno if frame else None,
            )
        kept.append(piece)
    return "".join(kept)


def inspect(compiler: Compiler, sources: Sequence[str]) -> dict[str, Any]:
    """The answer to one inspect job: the variables that have to come from outside, or how it failed."""
    variables: set[str] = set()
    optional: set[str] = set()
    outlines = []
    for index, source in enumerate(sources):
        try:
            compiler.compile(source)
            tree = compiler.environment.parse(source)
            variables |= meta.find_undeclared_variables(tree)
            optional |= set(_optional_names(tree))
            outlines.append(outline.outline(tree))
        except (Exception, OutOfTime) as error:  # noqa: BLE001  # the same
            return _failure(error, compiler, source, {}) | {"template": index}
    return {"variables": sorted(variables), "required": sorted(variables - optional), "outlines": outlines}


def reach(compiler: Compiler, sources: Sequence[str], variables: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """The answer to one reach job: by template the branches that a rendering comes to, also one that fails later."""
    reached: list[list[int]] = []
    for index, source in enumerate(sources):
        numbers: set[int] = set()
        try:
            compiled = compiler.watched(source)
        except (Exception, OutOfTime) as error:  # noqa: BLE001  # the same
            return _failure(error, compiler, source, variables) | {"template": index}
        # How far a rendering came counts here; why it came no further is for `render` to say.
        with suppress(Exception):
            context = compiled.new_context({**variables, outline.REACHED: numbers.add})
            _joined(compiled.run(context), limits.characters, limits)
        reached.append(sorted(numbers))
    return {"reached": reached}


def _optional_names(tree: nodes.Template) -> Iterator[str]:
    for node in tree.find_all((nodes.Filter, nodes.Test)):
        words = OPTIONAL_FILTERS if isinstance(node, nodes.Filter) else OPTIONAL_TESTS
        if node.name in words and isinstance(node.node, nodes.Name):
            yield node.node.name


def _failure(error: BaseException, compiler: Compiler, source: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(error, TemplateSyntaxError):
        return {"failure": "syntax", "message": _short(error.message or "wrong syntax"), "line": error.lineno}
    line = _line(error, compiler, source)
    if isinstance(error, MissingValueError) and error.name is not None:
        name = str(error.name)
        if error.nested:
            name = _full_name(compiler.environment.parse(source), error.name, line, variables)
        return {"failure": "undefined", "message": _short(str(error)), "line": line, "variable": name}
    kinds: tuple[tuple[type[BaseException], str], ...] = (
        (OutOfTime, "time"),
        (MemoryError, "memory"),
        (SecurityError, "unsafe"),
        (LimitError, "limit"),
        (OverflowError, "limit"),
        (RecursionError, "recursion"),
        (TemplateRuntimeError, "runtime"),
    )
    for kind, failure in kinds:
        if isinstance(error, kind):
            return {"failure": failure, "message": _short(str(error)), "line": line}
    return {"failure": "runtime", "message": _short(f"{type(error).__name__}: {error}"), "line": line}


def _line(error: BaseException, compiler: Compiler, source: str) -> int | None:
    """The template's line where the error arose: that of the deepest frame of template code."""
    number = error.compiled_line if isinstance(error, LimitError) else None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == FILE_NAME:
            number = trace.tb_lineno
        trace = trace.tb_next
    return None if number is None else compiler.compile(source).line_of(number)


def _full_name(tree: nodes.Template, name: str | int, line: int | None, variables: Mapping[str, Any]) -> str:
    """`customer.name` for an undefined `name`: the expression on that line that ends so and has no value."""
    found: list[list[str | int]] = []
    for node in tree.find_all((nodes.Getattr, nodes.Getitem)):
        parts = _parts(node)
        if parts and parts[-1] == name and (line is None or node.lineno == line):
            found.append(parts)
    missing = [parts for parts in found if _is_missing(parts, variables)]
    chosen = (missing or found or [[name]])[0]
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in chosen)
    return text.removeprefix(".")


def _parts(node: nodes.Node) -> list[str | int] | None:
    """`a.b[0]` as its parts; None where it is something else than a name and constants."""
    if isinstance(node, nodes.Name):
        return [node.name]
    if isinstance(node, nodes.Getattr):
        owner = _parts(node.node)
        return None if owner is None else [*owner, node.attr]
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str | int):
        owner = _parts(node.node)
        return None if owner is None else [*owner, node.arg.value]
    return None


def _is_missing(parts: Sequence[str | int], variables: Mapping[str, Any]) -> bool:
    """Whether everything up to the last part has a value and the last has none."""
    value: Any = variables
    for part in parts[:-1]:
        try:
            value = value[part]
        except (LookupError, TypeError):
            return False
    try:
        value[parts[-1]]
    except (LookupError, TypeError):
        return True
    return False


def _short(message: str) -> str:
    line = " ".join(message.split()).rstrip(".")
    return line if len(line) <= MESSAGE_CHARACTERS else line[: MESSAGE_CHARACTERS - 1] + "…"


def _limit_process(limits: Limits) -> None:
    """Bound this process for good: its memory, and files, of which it needs none."""
    if resource is None:
        return
    for name, size in (
        ("RLIMIT_AS", limits.memory_bytes),
        ("RLIMIT_CORE", 0),
        ("RLIMIT_FSIZE", 0),
        ("RLIMIT_NOFILE", 0),
    ):
        _set_limit(name, size)


def _set_limit(name: str, size: int) -> None:
    kind = getattr(resource, name, None)
    if kind is None:
        return
    try:
        _, hard = resource.getrlimit(kind)
        if hard != resource.RLIM_INFINITY:
            size = min(size, hard)
        resource.setrlimit(kind, (size, hard))
    except (OSError, ValueError):  # some systems refuse a limit they know; the others still hold
        return


@contextmanager
def _timed(limits: Limits) -> Iterator[None]:
    """Raise OutOfTime when the job inside takes too long, if it can be interrupted; else the parent kills us.

    Where the parent is gone and can kill no more, the limit of processor time ends this process.
    """
    if resource is None:
        yield
        return
    usage = resource.getrusage(resource.RUSAGE_SELF)
    _set_limit("RLIMIT_CPU", math.ceil(usage.ru_utime + usage.ru_stime + limits.seconds) + 1)
    signal.setitimer(signal.ITIMER_REAL, limits.seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _ring(_signal: int, _frame: object) -> NoReturn:
    raise OutOfTime


def _answers(compiler: Compiler, message: Mapping[str, Any], limits: Limits) -> Iterator[dict[str, Any]]:
    if message["action"] == "inspect":
        jobs: list[Callable[[], dict[str, Any]]] = [
            functools.partial(inspect, compiler, sources) for sources in message["templates"]
        ]
    else:
        work = reach if message["action"] == "reach" else render
        jobs = [
            functools.partial(work, compiler, message["templates"][index], variables, limits)
            for index, variables in message["jobs"]
        ]
    for job in jobs:
        yield _answer(compiler, job, limits)


def _answer(compiler: Compiler, job: Callable[[], dict[str, Any]], limits: Limits) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    with _timed(limits):
        # What other templates hold in the cache is not this one's fault: it gets a second chance without them.
        for _ in range(2):
            try:
                answer = job()
            except (MemoryError, OutOfTime) as error:  # even to say how it failed took too much
                answer = {"failure": "memory" if isinstance(error, MemoryError) else "time"}
            if answer.get("failure") in {"memory", "time"}:
                compiler.clear()
            if answer.get("failure") != "memory":
                break
    return answer


def main() -> None:
    """Answer messages until standard input closes."""
    limits = Limits(**json.loads(sys.argv[1]))
    compiler = Compiler(Environment(characters=limits.characters))
    compiler.compile("{{ warm }}").new_context({})
    compiler.clear()
    if resource is not None:
        signal.signal(signal.SIGALRM, _ring)
    _limit_process(limits)
    _write({"ready": True})
    for line in sys.stdin.buffer:
        for answer in _answers(compiler, json.loads(line), limits):
            _write(answer)


def _write(answer: Mapping[str, Any]) -> None:
    data = memoryview(json.dumps(answer).encode("ascii") + b"\n")
    while data:
        data = data[os.write(1, data) :]


if __name__ == "__main__":
    main()
