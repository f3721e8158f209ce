"""JSON Schema for hostile values: nothing is ever fetched, patterns are RE2, and time is bounded."""

from __future__ import annotations

import functools
import itertools
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from promptlab.evaluators.base import clip, quote
from promptlab.evaluators.json_text import plain
from promptlab.evaluators.normalising import well_formed
from promptlab.evaluators.patterns import check_work, compile_pattern

SECONDS = 10.0
"""How long one value may be checked: schemas that refer to themselves can take time exponential in its depth."""
MOST_PROBLEMS = 100
MOST_UNEVALUATED = 5_000
"""Properties or items of one value that unevaluatedProperties and -Items look at, in time quadratic in them."""

_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_due: ContextVar[float] = ContextVar("_due")


@dataclass(frozen=True, slots=True)
class SchemaChecker:
    """A schema ready to check values. validator: of jsonschema; patterns: compiled, every one it has."""

    validator: Any
    patterns: tuple[Any, ...]

    def problems(self, value: Any, *, text: str) -> list[str]:
        """What is wrong with a JSON value, the outermost first, 100 at most; empty where it follows the schema.

        text: that the value was read from. Raises ValueError for one that cannot be checked within the bounds.
        """
        for pattern in self.patterns:
            check_work(pattern, text)
        token = _due.set(time.monotonic() + SECONDS)
        try:
            found = list(itertools.islice(self.validator.iter_errors(value), MOST_PROBLEMS))
        except RecursionError as error:
            raise ValueError("the output is nested too deeply to be checked by this schema") from error
        finally:
            _due.reset(token)
        found.sort(key=lambda problem: (len(problem.path), problem.message))
        return [f"{problem.json_path}: {clip(problem.message, 160)}" for problem in found]


def schema_checker(schema: Any) -> SchemaChecker:
    """The checker of a JSON Schema.

    Raises ValueError for one that is none, refers to what it does not hold, or has a pattern that RE2 does not have.
    """
    try:
        text = json.dumps(plain(schema), sort_keys=True)
    except TypeError as error:
        raise ValueError(f"the schema is no JSON: {error}") from error
    except RecursionError as error:
        raise ValueError("the schema is nested too deeply") from error
    return _checker(text)


@functools.lru_cache(maxsize=64)
def _checker(text: str) -> SchemaChecker:
    import jsonschema
    import referencing

    schema = json.loads(text)
    if isinstance(schema, dict) and not isinstance(schema.get("$schema", ""), str):
        raise ValueError(  # noqa: TRY004 - the caller catches one kind
            f"the schema is wrong at $.$schema: {schema['$schema']!r} is not the name of a draft"
        )
    draft: Any = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    try:
        # Without a format checker: that takes patterns for Python's, and knows less of them than RE2.
        draft.check_schema(schema, format_checker=None)
        patterns = _check_parts(schema, draft)
    except jsonschema.SchemaError as error:
        raise ValueError(f"the schema is wrong at {error.json_path}: {clip(error.message, 160)}") from error
    except RecursionError as error:
        raise ValueError("the schema is nested too deeply") from error
    keywords = {**draft.VALIDATORS, **{name: own for name, own in _OWN.items() if name in draft.VALIDATORS}}
    for name in ("unevaluatedProperties", "unevaluatedItems"):
        if name in keywords:
            keywords[name] = _bounded(name, keywords[name])
    if "multipleOf" in keywords:
        keywords["multipleOf"] = _in_range(keywords["multipleOf"])
    extended = jsonschema.validators.extend(  # type: ignore[no-untyped-call]  # its stubs leave it open
        draft, {name: _timed(keyword) for name, keyword in keywords.items()}
    )
    # A registry of our own never fetches; jsonschema's default one does.
    return SchemaChecker(extended(schema, registry=referencing.Registry()), patterns)


def _check_parts(schema: Any, draft: Any) -> tuple[Any, ...]:
    """The compiled patterns of a schema. Raises ValueError for a reference or a pattern that can never work."""
    from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]
    from referencing.exceptions import CannotDetermineSpecification, Unresolvable
    from referencing.jsonschema import UnknownDialect, specification_with

    dialect = specification_with(draft.META_SCHEMA.get("$schema") or draft.ID_OF(draft.META_SCHEMA))
    patterns: list[Any] = []
    names: set[str] = set()
    seen: set[int] = set()

    def visit(contents: Any, resolver: Any) -> None:
        if not isinstance(contents, dict) or id(contents) in seen:
            return
        seen.add(id(contents))
        names.update(contents)
        if isinstance(contents.get("pattern"), str):
            patterns.append(compile_pattern(contents["pattern"]))
        if isinstance(contents.get("patternProperties"), dict):
            patterns.extend(compile_pattern(pattern) for pattern in contents["patternProperties"])
        for target in (contents[key] for key in _REFERENCES if isinstance(contents.get(key), str)):
            try:
                found = resolver.lookup(target)
            except Unresolvable as error:
                raise ValueError(_unresolved(target)) from error
            visit(found.contents, found.resolver)
        for part in dialect.create_resource(contents).subresources():
            visit(part.contents, resolver.in_subresource(part))

    try:
        visit(schema, REGISTRY.resolver_with_root(dialect.create_resource(schema)))
    except (UnknownDialect, CannotDetermineSpecification) as error:
        raise ValueError("a part of the schema has a `$schema` of its own that is not known") from error
    if {"patternProperties", "unevaluatedProperties"} <= names:
        raise ValueError("a schema with both patternProperties and unevaluatedProperties is not supported")
    return tuple(patterns)


def _unresolved(target: str) -> str:
    if target.partition("#")[0]:
        return f"the schema has a remote $ref, {quote(target)}, which is never fetched; copy it in"
    return f"the schema has a $ref to {quote(target)}, which it does not hold"


# Keywords


def _timed(keyword: Callable[..., Iterable[Any] | None]) -> Callable[..., Iterable[Any] | None]:
    """The keyword, which raises ValueError once the value has been checked for too long."""

    def check(validator: Any, rule: Any, instance: Any, schema: Any) -> Iterable[Any] | None:
        if time.monotonic() > _due.get():
            raise ValueError(f"the schema takes more than {SECONDS:g} s to check this output")
        return keyword(validator, rule, instance, schema)

    return check


def _bounded(name: str, keyword: Callable[..., Iterable[Any] | None]) -> Callable[..., Iterable[Any] | None]:
    def check(validator: Any, rule: Any, instance: Any, schema: Any) -> Iterable[Any] | None:
        if isinstance(instance, dict | list) and len(instance) > MOST_UNEVALUATED:
            raise ValueError(f"{name} cannot be checked: {len(instance):,} are more than {MOST_UNEVALUATED:,}")
        return keyword(validator, rule, instance, schema)

    return check


def _search(pattern: str, text: str) -> bool:
    # Python's own `re`, which jsonschema uses, can take minutes on a few characters.
    return compile_pattern(pattern).search(well_formed(text)) is not None


def _pattern(validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[Any]:
    import jsonschema

    if validator.is_type(instance, "string") and not _search(pattern, instance):
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: Any, instance: Any, _schema: Any) -> Iterator[Any]:
    if not validator.is_type(instance, "object"):
        return
    for pattern, subschema in patterns.items():
        for name, value in instance.items():
            if _search(pattern, name):
                yield from validator.descend(value, subschema, path=name, schema_path=pattern)


def _additional_properties(validator: Any, rule: Any, instance: Any, schema: Any) -> Iterator[Any]:
    import jsonschema

    if not validator.is_type(instance, "object"):
        return
    patterns = schema.get("patternProperties", {})
    extras = [
        name
        for name in instance
        if name not in schema.get("properties", {}) and not any(_search(pattern, name) for pattern in patterns)
    ]
    if validator.is_type(rule, "object"):
        for name in extras:
            yield from validator.descend(instance[name], rule, path=name)
    elif rule is False and extras:
        shown = ", ".join(repr(name) for name in sorted(extras)[:5])
        yield jsonschema.ValidationError(f"has properties that the schema does not name: {shown}")


def _unique_items(validator: Any, rule: Any, instance: Any, _schema: Any) -> Iterator[Any]:
    """As jsonschema's, but in linear time."""
    import jsonschema

    if not rule or not validator.is_type(instance, "array"):
        return
    seen: set[str] = set()
    for item in instance:
        text = json.dumps(_canonical(item), sort_keys=True)
        if text in seen:
            yield jsonschema.ValidationError(f"has the same item twice: {item!r}")
            return
        seen.add(text)


def _canonical(value: Any) -> Any:
    """The value with whole floats as integers: 1.0 and 1 are the same number."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {key: _canonical(item) for key, item in value.items()}
    return [_canonical(item) for item in value] if isinstance(value, list) else value


def _in_range(keyword: Callable[..., Iterable[Any] | None]) -> Callable[..., Iterator[Any]]:
    """The keyword multipleOf, for which a number beyond a float's range is a problem and no error."""
    import jsonschema

    def check(validator: Any, rule: Any, instance: Any, schema: Any) -> Iterator[Any]:
        try:
            yield from keyword(validator, rule, instance, schema) or ()
        except OverflowError:
            yield jsonschema.ValidationError(f"{instance!r} is too large to be a multiple of {rule}")

    return check


_OWN: Mapping[str, Callable[..., Iterable[Any]]] = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "uniqueItems": _unique_items,
}
"""Keywords that jsonschema checks in ways that hostile text can turn against us."""
