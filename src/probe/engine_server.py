"""vLLM's OpenAI-compatible server, behind the same door as all that loads the wheel. Arguments: the server's own."""

from __future__ import annotations

import os
import runpy
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import Harness

sys.path.pop(0)

if __name__ == "__main__":
    Harness()
    runpy.run_module("vllm.entrypoints.openai.api_server", run_name="__main__", alter_sys=True)
