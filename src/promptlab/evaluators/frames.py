"""Messages through a pipe: four bytes that say how long, then as many."""

from __future__ import annotations

import os

HEADER_BYTES = 4
READ_BYTES = 1 << 20


def write_frame(descriptor: int, content: bytes) -> None:
    """Writes a whole message; raises OSError where nobody reads."""
    data = memoryview(len(content).to_bytes(HEADER_BYTES, "big") + content)
    while data:
        data = data[os.write(descriptor, data) :]


def read_frame(descriptor: int) -> bytes | None:
    """The next message; None where the other side has ended."""
    header = read_exactly(descriptor, HEADER_BYTES)
    return None if header is None else read_exactly(descriptor, int.from_bytes(header, "big"))


def read_exactly(descriptor: int, count: int) -> bytes | None:
    """So many bytes; None where the other side has ended before."""
    parts = []
    while count:
        try:
            data = os.read(descriptor, min(count, READ_BYTES))
        except OSError:
            return None  # closed under our hands: the same as its end
        if not data:
            return None
        parts.append(data)
        count -= len(data)
    return b"".join(parts)
