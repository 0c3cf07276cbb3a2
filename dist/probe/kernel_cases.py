"""Inputs for vLLM's CPU operators, the same on both sides: what computes the answers, and what is asked.

Sources of the operators: vLLM csrc/cpu/torch_bindings.cpp, 0.11 to 0.33.
"""

from __future__ import annotations

import base64
import ctypes
from typing import Any

import torch

Inputs = dict[str, Any]
HEAD, ROTARY, QUERY_HEADS, KEY_HEADS, BLOCK = 64, 64, 4, 2, 32
EPSILON = 1e-6
ACTIVATIONS = ("silu_and_mul", "gelu_and_mul", "gelu_tanh_and_mul")
FLOATS = (torch.float32, torch.bfloat16)
#: One sequence that decodes deep in its cache, one that begins, one that goes on in the middle.
SEQUENCES = ((1, 75), (19, 19), (5, 40))


def _random(generator: torch.Generator, *shape: int, dtype: torch.dtype = torch.float32) -> Any:
    return torch.randn(*shape, generator=generator).to(dtype)


def _rotary(generator: torch.Generator, dtype: torch.dtype, neox: bool) -> Inputs:
    positions = torch.randint(0, 128, (9,), generator=generator)
    frequencies = 1.0 / 10000 ** (torch.arange(0, ROTARY, 2).float() / ROTARY)
    angles = torch.arange(128).float()[:, None] * frequencies
    return {
        "positions": positions,
        "query": _random(generator, 9, QUERY_HEADS * HEAD, dtype=dtype),
        "key": _random(generator, 9, KEY_HEADS * HEAD, dtype=dtype),
        "cache": torch.cat([angles.cos(), angles.sin()], dim=-1).to(dtype),
        "neox": neox,
    }


def _attention(generator: torch.Generator, dtype: torch.dtype) -> Inputs:
    """Keys and values in full, and the order of their blocks in the cache."""
    blocks = [-(-length // BLOCK) for _new, length in SEQUENCES]
    order = torch.randperm(sum(blocks) + 3, generator=generator).tolist()
    tables = torch.zeros(len(SEQUENCES), max(blocks), dtype=torch.int32)
    for row, count in enumerate(blocks):
        for column in range(count):
            tables[row, column] = order.pop()
    return {
        "tables": tables,
        "blocks": sum(blocks) + 3,
        "query": [_random(generator, new, QUERY_HEADS, HEAD, dtype=dtype) for new, _l in SEQUENCES],
        "key": [_random(generator, full, KEY_HEADS, HEAD, dtype=dtype) for _n, full in SEQUENCES],
        "value": [_random(generator, full, KEY_HEADS, HEAD, dtype=dtype) for _n, full in SEQUENCES],
    }


def _int8(generator: torch.Generator) -> Inputs:
    return {
        "x": _random(generator, 7, 256, dtype=torch.bfloat16),
        "weight": torch.randint(-127, 128, (256, 96), generator=generator, dtype=torch.int8),
        "scales": torch.rand(96, generator=generator) * 0.01 + 0.001,
    }


def challenges(seed: int) -> list[tuple[str, str, Inputs]]:
    """Every case as (name, shape, inputs); the same seed gives the same numbers."""
    generator = torch.Generator().manual_seed(seed)
    cases: list[tuple[str, str, Inputs]] = []
    for dtype in FLOATS:
        kind = str(dtype).removeprefix("torch.")
        for name in ACTIVATIONS:
            x = _random(generator, 5, 2 * 256, dtype=dtype) * 3
            cases.append((name, f"5x512 {kind}", {"x": x}))
        x = _random(generator, 6, 512, dtype=dtype)
        weight = _random(generator, 512, dtype=dtype)
        cases.append(("rms_norm", f"6x512 {kind}", {"x": x, "weight": weight}))
        residual = _random(generator, 6, 512, dtype=dtype)
        inputs = {"x": x.clone(), "residual": residual, "weight": weight}
        cases.append(("fused_add_rms_norm", f"6x512 {kind}", inputs))
        for neox in (True, False):
            style = "neox" if neox else "gptj"
            cases.append(
                ("rotary_embedding", f"9x4x64 {style} {kind}", _rotary(generator, dtype, neox))
            )
        cases.append(("attention", f"1/75 19/19 5/40 {kind}", _attention(generator, dtype)))
        x = _random(generator, 7, 256, dtype=dtype)
        weight = _random(generator, 96, 256, dtype=dtype)
        cases.append(("onednn_mm", f"7x256x96 {kind}", {"x": x, "weight": weight}))
    cases.append(("onednn_scaled_mm", "7x256x96 int8", _int8(generator)))
    return cases


def packed(tensor: Any) -> str:
    """A tensor's values as base64 of 32-bit floats; without NumPy, which CPU-only torch does not bring."""
    values = tensor.detach().float().contiguous()
    return base64.b64encode(ctypes.string_at(values.data_ptr(), values.numel() * 4)).decode()
