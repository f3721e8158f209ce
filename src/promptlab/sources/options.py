"""What a source or a target says, checked: a mapping with one key that names it, and the options that go with that."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from promptlab.errors import UsageError
from promptlab.spelling import suggestion
from promptlab.suites.rows import shown

FORMS: Mapping[str, tuple[str, ...]] = {
    "file": ("sheet", "separator"),
    "sql": ("url", "url_env"),
    "table": ("schema", "url", "url_env"),
    "mongodb": ("database", "filter", "fields", "sort", "most_rows", "seconds", "url", "url_env"),
    "url": ("format", "rows", "next", "page", "headers_env", "params_env", "seconds", "most_bytes", "most_pages"),
}
"""What a source can be, with the options that go with each; `url` alone is an HTTP API."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a source. form: what it is. where: how messages begin."""

    form: str
    given: Mapping[str, Any]
    where: str

    @property
    def main(self) -> str:
        """The value of the key that names the source: a path, a query, the name of a table, a URL."""
        return self.text(self.form) or ""

    def text(self, key: str) -> str | None:
        """An option that is text; None where it is not given."""
        value = self._get(key)
        if value is None:
            return None
        if isinstance(value, os.PathLike):
            value = os.fspath(value)
        if not isinstance(value, str) or not value.strip() or "\x00" in value:
            raise UsageError(f"{self.where}: `{key}` is {shown(value)}; it is text")
        return value

    def number(self, key: str, default: float, *, most: float) -> float:
        """An option that is a number above 0."""
        value = self._get(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= most:
            raise UsageError(f"{self.where}: `{key}` is {shown(value)}; it is a number above 0, {most:,.0f} at most")
        return value

    def names(self, key: str) -> dict[str, str]:
        """An option that is a mapping from text to names of environment variables, with what those hold."""
        given = self._get(key)
        if given is None:
            return {}
        if not isinstance(given, Mapping) or not all(isinstance(item, str) for pair in given.items() for item in pair):
            raise UsageError(f"{self.where}: `{key}` is {shown(given)}; it is a mapping: {{Authorization: API_TOKEN}}")
        found = {}
        for name, variable in given.items():
            value = os.environ.get(variable)
            if not value:
                raise UsageError(f"{self.where}: the environment variable {variable} is not set; `{key}` needs it")
            found[name] = value
        return found

    def checked(self, key: str, test: Callable[[Any], bool], what: str) -> Any:
        """An option that passes a test; None where it is not given."""
        value = self._get(key)
        if value is not None and not test(value):
            raise UsageError(f"{self.where}: `{key}` is {shown(value)}; it is {what}")
        return value

    def said(self) -> dict[str, Any]:
        """The source as it was given: none of its keys can hold a secret."""
        return {key: os.fspath(value) if isinstance(value, os.PathLike) else value for key, value in self.given.items()}

    def _get(self, key: str) -> Any:
        return self.given.get(key)


def read_options(value: Mapping[str, Any], *, forms: Mapping[str, tuple[str, ...]] = FORMS, where: str) -> Options:
    """The options in a mapping. Raises UsageError for a key that is not known or does not go with the others."""
    keys = [str(key) for key in value]
    named = [form for form in forms if form in keys]
    if len(named) > 1 and "url" in named:  # the URL of a database
        named.remove("url")
    if len(named) != 1:
        what = f"has {' and '.join(named)}; keep one" if named else f"names nothing{_close(keys, forms)}"
        raise UsageError(f"{where} {what} (it has one of {', '.join(f'`{form}`' for form in forms)})")
    form = named[0]
    for key in keys:
        if key != form and key not in forms[form]:
            raise UsageError(f"{where}: `{key}` does not go with `{form}`{suggestion(key, forms[form])}")
    return Options(form, {str(key): item for key, item in value.items()}, where)


def _close(keys: list[str], forms: Mapping[str, tuple[str, ...]]) -> str:
    from promptlab.spelling import nearest

    return nearest(keys[0], forms) if keys else ""
