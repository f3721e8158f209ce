"""A GGUF file turned into an ordinary transformers folder with float32 weights, in a process of its own.

Run as `python -m promptlab.models.convert FILE.gguf FOLDER`, so that the memory it takes goes back to the system.
Packed weights would generate one to four tokens a second; the folder loads in seconds and runs in float32.
"""

from __future__ import annotations

import sys
from pathlib import Path

CONVERTER_VERSION = 1
"""Raise it when the written folder changes, so that a new one is made beside the old."""


def convert(source: Path, target: Path) -> None:
    """Write the weights, configuration and tokenizer of the GGUF file `source` into the folder `target`.

    Prints one line before each step. Needs memory for the float32 weights about twice over.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    print("unpacking the weights", flush=True)
    model = AutoModelForCausalLM.from_pretrained(
        str(source.parent),
        gguf_file=source.name,
        quantization_config=GgufConfig(dequantize=True),
        dtype=torch.float32,
    )
    print("writing the weights", flush=True)
    model.save_pretrained(target)
    del model
    print("converting the tokenizer", flush=True)
    tokenizer = AutoTokenizer.from_pretrained(str(source.parent), gguf_file=source.name)
    tokenizer.save_pretrained(target)


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
