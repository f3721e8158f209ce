"""Where text goes: results to standard output, progress and messages to standard error, always as plain text.

Markup is off: an output that says [bold] is shown saying [bold]. A pipe that is closed early is nobody's mistake.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def output(*, to_error: bool = False) -> Console:
    """A console on standard output, or on standard error."""
    from rich.console import Console

    class PlainConsole(Console):
        """A console that goes quiet when its reader has gone."""

        def on_broken_pipe(self) -> None:
            self.quiet = True
            discard(sys.stderr if self.stderr else sys.stdout)

    return PlainConsole(stderr=to_error, markup=False, highlight=False, emoji=False)


def errors() -> Console:
    """A console on standard error."""
    return output(to_error=True)


def write(text: str) -> None:
    """Writes text to standard output as it is; a lone surrogate is escaped, as JSON would have it."""
    data = text.encode("utf-8", "backslashreplace")
    try:
        sys.stdout.flush()
        buffer = getattr(sys.stdout, "buffer", None)
        if buffer is None:
            sys.stdout.write(data.decode("utf-8"))
        else:
            buffer.write(data)
        sys.stdout.flush()
    except BrokenPipeError:
        discard(sys.stdout)


def complain(message: str) -> None:
    """Writes a message to standard error: at most three lines, no control characters, nothing of a terminal in it."""
    from promptlab.cli.words import plain

    lines = [line.rstrip() for line in plain(message).splitlines() if line.strip()][:3]
    try:
        sys.stderr.write("\n".join(lines) + "\n")
        sys.stderr.flush()
    except BrokenPipeError:
        discard(sys.stderr)


def prepare_streams() -> None:
    """Makes standard output and error take every character: what their encoding has not is shown as `?`."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def finish_streams() -> None:
    """Flushes both streams; a reader that has gone is no error, and Python must not find it at exit."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            discard(stream)
        except ValueError:
            continue  # closed already: nothing is left to flush


def discard(stream: object) -> None:
    """Points a stream whose reader has gone at nothing."""
    try:
        descriptor = stream.fileno()  # type: ignore[attr-defined] # whatever has none is not a real stream
    except (AttributeError, OSError, ValueError):
        return
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, descriptor)
    os.close(nothing)
