"""Times vLLM's engine in turn with another wheel's, so that what else this machine does meets both.

Argument: a JSON file with model, the folder of turns, the number of this side (0 or 1) and the rounds. The file turn-N
in that folder says that turn N may begin; sides take even and odd ones. The file over says that the other side ended.
"""

from __future__ import annotations

import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import Harness

sys.path.pop(0)

#: Prompts at a time, tokens of a long prompt, and tokens that are made after a short one.
PROMPTS, LONG, SHORT, NEW = 8, 128, 4, 48
#: Ids below are the tokenizer's own.
FIRST, WORDS = 4, 508
#: Seconds until OpenMP's threads of the other side have stopped to wait actively (KMP_BLOCKTIME is 0.2 by default).
CALM = 0.3


def wait_for(turns: str, turn: int) -> None:
    while not os.path.exists(os.path.join(turns, f"turn-{turn}")):
        if os.path.exists(os.path.join(turns, "over")):
            raise RuntimeError("the other wheel's program ended before its last turn")
        time.sleep(0.02)
    time.sleep(CALM)


def prompts(length: int) -> list[dict[str, list[int]]]:
    return [
        {"prompt_token_ids": [FIRST + (31 * row + 7 * place) % WORDS for place in range(length)]}
        for row in range(PROMPTS)
    ]


def measure(request: dict) -> dict[str, object]:
    from vllm import LLM, SamplingParams

    llm = LLM(
        model=request["model"],
        dtype="bfloat16",
        enforce_eager=True,
        max_model_len=256,
        max_num_seqs=PROMPTS,
        # The same prompts again would cost nothing.
        enable_prefix_caching=False,
        seed=0,
    )

    def tokens_a_second(length: int, new: int, counted: int) -> float:
        sampling = SamplingParams(temperature=0.0, max_tokens=new, ignore_eos=True)
        began = time.monotonic()
        llm.generate(prompts(length), sampling, use_tqdm=False)
        return PROMPTS * counted / (time.monotonic() - began)

    found: dict[str, list[float]] = {"prefill": [], "decode": []}
    turns, side, rounds = request["turns"], request["side"], request["rounds"]
    # The first round warms up.
    for number in range(rounds + 1):
        turn = 2 * number + side
        wait_for(turns, turn)
        found["prefill"].append(tokens_a_second(LONG, 1, LONG))
        found["decode"].append(tokens_a_second(SHORT, NEW, NEW))
        with open(os.path.join(turns, f"turn-{turn + 1}"), "x"):
            pass
    return {name: values[1:] for name, values in found.items()}


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        request = json.load(file)
    Harness().answer_with(lambda: measure(request))


if __name__ == "__main__":
    main()
