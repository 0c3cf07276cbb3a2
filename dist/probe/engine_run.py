"""Lets vLLM's engine generate, greedily and twice. Argument: a JSON file with model and prompts (token ids).

The right tokens are not known here.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import Harness

sys.path.pop(0)


def generate(request: dict) -> dict[str, object]:
    started = time.monotonic()
    from vllm import LLM, SamplingParams

    imported = time.monotonic()
    llm = LLM(
        model=request["model"],
        dtype="bfloat16",
        enforce_eager=True,
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
