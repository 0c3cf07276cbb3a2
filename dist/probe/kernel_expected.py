"""The right answers to kernel_cases, by plain torch in double precision, and how far off an answer may be.

Run before the wheel enters the room. Argument: the seed. One JSON document on descriptor 3: for every case the
expected values and, for each of them, the largest error allowed. Bounds are stated beside each function; a bfloat16
value has 8 significant bits and a float has 24. vLLM cuts bfloat16 off where the CPU can't round it (no avx512_bf16; its
csrc/cpu/cpu_types_x86.hpp), so one step to the type is at most 2**-7, or 2**-24 in float, of the value.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import kernel_cases as cases

import torch

Answer = list[tuple[Any, Any]]


def unit(tensor: Any) -> float:
    """What one step to this type can do, relative to the value."""
    return 2.0**-7 if tensor.dtype == torch.bfloat16 else 2.0**-24


def activation(name: str, inputs: cases.Inputs) -> Answer:
    """One rounding to the output's type, and 64 of float for the exponential and what follows it.

    A gelu far left of zero is the difference of almost equal numbers: there an absolute bound of 2**-18 counts.
    """
    gate, up = inputs["x"].double().chunk(2, dim=-1)
    if name == "silu_and_mul":
        acted = gate / (1 + (-gate).exp())
    else:
        kind = "tanh" if "tanh" in name else "none"
        acted = torch.nn.functional.gelu(gate, approximate=kind)
    allowed = (acted * up).abs() * (unit(inputs["x"]) + 64 * 2.0**-24) + up.abs() * 2.0**-18
    return [(acted * up, allowed)]


def normed(sum_: Any, weight: Any) -> Any:
    mean = sum_.square().mean(-1, keepdim=True)
    return sum_ * (mean + cases.EPSILON).rsqrt() * weight.double()


def rms_norm(inputs: cases.Inputs) -> Answer:
    """Two roundings to the type (the normed value, the product), and 64 of float for the sum of squares."""
    expected = normed(inputs["x"].double(), inputs["weight"])
    return [(expected, expected.abs() * (unit(inputs["x"]) * 2 + 64 * 2.0**-24))]


def fused_add_rms_norm(inputs: cases.Inputs) -> Answer:
    """As rms_norm, and one rounding more for the sum, which is the second answer."""
    total = inputs["x"].double() + inputs["residual"].double()
    expected = normed(total, inputs["weight"])
    each = unit(inputs["x"])
    return [
        (expected, expected.abs() * (each * 3 + 64 * 2.0**-24)),
        (total, total.abs() * each * 1.01),
    ]


def rotary_embedding(inputs: cases.Inputs) -> Answer:
    """Relative to the magnitudes of the two products: three roundings to the type."""
    cosine, sine = inputs["cache"].double()[inputs["positions"]].chunk(2, dim=-1)
    answers: Answer = []
    for name, heads in (("query", cases.QUERY_HEADS), ("key", cases.KEY_HEADS)):
        x = inputs[name].double().view(-1, heads, cases.HEAD)
        cos, sin = cosine[:, None], sine[:, None]
        if inputs["neox"]:
            first, second = x.chunk(2, dim=-1)
        else:
            first, second = x[..., ::2], x[..., 1::2]
        left, right = first * cos - second * sin, second * cos + first * sin
        near = (first.abs() + second.abs()) * unit(inputs[name]) * 3
        join = (
            (lambda a, b: torch.cat([a, b], -1))
            if inputs["neox"]
            else (lambda a, b: torch.stack([a, b], -1).flatten(-2))
        )
        answers.append((join(left, right).flatten(1), join(near, near).flatten(1)))
    return answers


def attention(inputs: cases.Inputs) -> Answer:
    """Relative to the weighted magnitudes of the values.

    bfloat16: the weights and the answer are rounded to it, 3 roundings in all. float: 2**-13, since the exponential
    of vLLM's attention is a short polynomial.
    """
    expected, allowed = [], []
    share = 3 * 2.0**-7 if inputs["query"][0].dtype == torch.bfloat16 else 2.0**-13
    group = cases.QUERY_HEADS // cases.KEY_HEADS
    for query, key, value in zip(inputs["query"], inputs["key"], inputs["value"], strict=True):
        q = query.double().transpose(0, 1)
        k = key.double().repeat_interleave(group, 1).transpose(0, 1)
        v = value.double().repeat_interleave(group, 1).transpose(0, 1)
        scores = q @ k.transpose(1, 2) * cases.HEAD**-0.5
        new, full = scores.shape[-2:]
        mask = torch.ones(new, full, dtype=torch.bool).tril(full - new)
        weights = scores.masked_fill(~mask, float("-inf")).softmax(-1)
        expected.append((weights @ v).transpose(0, 1))
        allowed.append((weights @ v.abs()).transpose(0, 1) * share)
    return [(torch.cat(expected), torch.cat(allowed))]


def onednn_mm(inputs: cases.Inputs) -> Answer:
    """One rounding to the type, and 64 of float relative to the sum of the products' magnitudes."""
    x, weight = inputs["x"].double(), inputs["weight"].double()
    expected = x @ weight.T
    allowed = expected.abs() * unit(inputs["x"]) + x.abs() @ weight.abs().T * 64 * 2.0**-24
    return [(expected, allowed)]


def onednn_scaled_mm(inputs: cases.Inputs) -> Answer:
    """Whole numbers add exactly; eight elements of a row may lie so near a half that float rounds
    them to the other neighbour, and the answer is rounded once."""
    x, weight = inputs["x"].double(), inputs["weight"].double()
    step = x.abs().amax(-1, keepdim=True) / 127
    scales = inputs["scales"].double()
    expected = (x / step).round() @ weight * step * scales
    return [(expected, expected.abs() * 2.0**-7 + 8 * 127 * step * scales)]


def answer(name: str, inputs: cases.Inputs) -> Answer:
    if name in cases.ACTIVATIONS:
        return activation(name, inputs)
    return globals()[name](inputs)


def main() -> None:
    document = []
    for name, shape, inputs in cases.challenges(int(sys.argv[1])):
        answers = answer(name, inputs)
        document.append(
            {
                "name": name,
                "shape": shape,
                "expected": cases.packed(torch.cat([value.flatten() for value, _near in answers])),
                "allowed": cases.packed(torch.cat([near.flatten() for _value, near in answers])),
            }
        )
    with os.fdopen(3, "w", encoding="utf-8") as out:
        json.dump(document, out)


main()
