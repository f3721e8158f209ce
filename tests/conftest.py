"""What holds for every test: no network outside loopback, and nothing of the machine's own settings."""

from __future__ import annotations

import os
import signal

pytest_plugins = ("servers",)

# A shell that starts this in the background has it ignore Ctrl-C, and so would every command that a test interrupts.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# A hub id that a test names by mistake fails at once in place of asking the hub.
os.environ["HF_HUB_OFFLINE"] = "1"
# The cache stays: it holds the converted weights that `promptlab models pull` has made. So does the server to test on.
_KEPT = ("PROMPTLAB_CACHE", "PROMPTLAB_TEST_POSTGRES")
for _name in [name for name in os.environ if name.startswith(("OPENAI_", "PROMPTLAB_")) and name not in _KEPT]:
    del os.environ[_name]
