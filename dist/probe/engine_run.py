"""Lets vLLM's engine generate, greedily and twice. Argument: a JSON file with model, prompts (token ids) and mode.

The right tokens are not known here.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import Harness

sys.path.pop(0)


#: What torch counts the time of its compiler under; which of them is filled depends on how it is called.
COMPILING = ("entire_frame_compile", "backend_compile", "inductor_compile")


def compiled() -> dict[str, object]:
    """What torch compiled in this process, by its own counters; seconds where this release tells them."""
    from torch._dynamo import utils

    spent = getattr(utils, "calculate_time_spent", dict)()
    return {
        "graphs": utils.counters["stats"].get("unique_graphs", 0),
        "seconds": max(spent.get(name, 0) for name in COMPILING) or None,
    }


def model_runner() -> str | None:
    """The class that runs the model, wherever this release keeps it."""
    found = {
        f"{type(one).__module__}.{type(one).__qualname__}"
        for one in gc.get_objects()
        if type(one).__name__.endswith("ModelRunner")
    }
    return ", ".join(sorted(found)) or None


def generate(request: dict) -> dict[str, object]:
    started = time.monotonic()
    from vllm import LLM, SamplingParams

    imported = time.monotonic()
    llm = LLM(
        model=request["model"],
        dtype="bfloat16",
        enforce_eager=request["mode"] == "eager",
        max_model_len=256,
        max_num_seqs=4,
        seed=0,
    )
    made = time.monotonic()
    once = SamplingParams(temperature=0.0, max_tokens=1, ignore_eos=True)
    greedy = SamplingParams(temperature=0.0, max_tokens=request["tokens"], ignore_eos=True)
    prompts = [{"prompt_token_ids": prompt} for prompt in request["prompts"]]
    llm.generate(prompts[:1], once)
    first = time.monotonic()
    runs = [
        [list(answer.outputs[0].token_ids) for answer in llm.generate(prompts, greedy)]
        for _run in range(2)
    ]
    return {
        "compiled": compiled(),
        "modelRunner": model_runner(),
        "importSeconds": imported - started,
        "startSeconds": made - imported,
        "firstTokenSeconds": first - made,
        "peakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "runs": runs,
    }


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        request = json.load(file)
    Harness().answer_with(lambda: generate(request))


if __name__ == "__main__":
    main()
