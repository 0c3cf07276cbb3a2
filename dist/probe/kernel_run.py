"""What vLLM's own operators answer to kernel_cases.

Argument: a JSON file with packages and seed. The answers go out; what they should be is not known here.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import kernel_cases as cases
from harness import Harness, first_line

import torch

sys.path.pop(0)


class Absent(Exception):
    """The wheel has no such operator."""


def call(name: str, **values: Any) -> Any:
    """Calls an operator by its schema, which gained arguments over the releases.

    An argument we don't name takes its default; an optional one without a default is None.
    """
    packet = getattr(torch.ops._C, name, None)
    if packet is None:
        raise Absent(name)
    arguments = []
    for argument in packet.default._schema.arguments:
        if argument.name in values:
            arguments.append(values.pop(argument.name))
        elif argument.has_default_value():
            arguments.append(argument.default_value)
        elif isinstance(argument.type, torch.OptionalType):
            arguments.append(None)
        else:
            raise TypeError(f"{name} wants {argument.name}, of which this version knows nothing")
    return packet(*arguments)


def activation(name: str, inputs: cases.Inputs) -> list[Any]:
    x = inputs["x"]
    out = torch.empty(x.shape[0], x.shape[1] // 2, dtype=x.dtype)
    # Named `out` in some releases and `result` in others.
    call(name, out=out, result=out, input=x)
    return [out]


def rms_norm(inputs: cases.Inputs) -> list[Any]:
    x = inputs["x"]
    out = torch.empty_like(x)
    call("rms_norm", out=out, result=out, input=x, weight=inputs["weight"], epsilon=cases.EPSILON)
    return [out]


def fused_add_rms_norm(inputs: cases.Inputs) -> list[Any]:
    call(
        "fused_add_rms_norm",
        input=inputs["x"],
        residual=inputs["residual"],
        weight=inputs["weight"],
        epsilon=cases.EPSILON,
    )
    return [inputs["x"], inputs["residual"]]


def rotary_embedding(inputs: cases.Inputs) -> list[Any]:
    call(
        "rotary_embedding",
        positions=inputs["positions"],
        query=inputs["query"],
        key=inputs["key"],
        head_size=cases.HEAD,
        cos_sin_cache=inputs["cache"],
        is_neox=inputs["neox"],
    )
    return [inputs["query"], inputs["key"]]


def attention(inputs: cases.Inputs) -> list[Any]:
    """Fills the cache of every sequence, block by block in shuffled order, then asks for the new tokens."""
    dtype = inputs["query"][0].dtype
    tiles = dtype == torch.bfloat16 and torch.cpu._is_amx_tile_supported()
    isa = "amx" if tiles else "vec"
    shape = (inputs["blocks"], cases.KEY_HEADS, cases.BLOCK, cases.HEAD)
    key_cache, value_cache = torch.zeros(shape, dtype=dtype), torch.zeros(shape, dtype=dtype)
    slots = []
    for row, (_new, full) in enumerate(cases.SEQUENCES):
        places = torch.arange(full)
        blocks = inputs["tables"][row].long()[places // cases.BLOCK]
        slots.append(blocks * cases.BLOCK + places % cases.BLOCK)
    call(
        "cpu_attn_reshape_and_cache",
        key=torch.cat(inputs["key"]),
        value=torch.cat(inputs["value"]),
        key_cache=key_cache,
        value_cache=value_cache,
        slot_mapping=torch.cat(slots),
        isa=isa,
    )
    lengths = torch.tensor([full for _new, full in cases.SEQUENCES], dtype=torch.int32)
    starts = torch.tensor([0, *(new for new, _full in cases.SEQUENCES)], dtype=torch.int32)
    starts = starts.cumsum(0, dtype=torch.int32)
    metadata = call(
        "get_scheduler_metadata",
        num_req=len(cases.SEQUENCES),
        num_heads_q=cases.QUERY_HEADS,
        num_heads_kv=cases.KEY_HEADS,
        head_dim=cases.HEAD,
        seq_lens=lengths,
        dtype=dtype,
        query_start_loc=starts,
        casual=True,
        window_size=-1,
        isa_hint=isa,
        enable_kv_split=True,
    )
    query = torch.cat(inputs["query"])
    output = torch.empty_like(query)
    call(
        "cpu_attention_with_kv_cache",
        query=query,
        key_cache=key_cache,
        value_cache=value_cache,
        output=output,
        query_start_loc=starts,
        seq_lens=lengths,
        scale=cases.HEAD**-0.5,
        causal=True,
        # One size since 0.24; a side each before. -1 is no window.
        sliding_window_size=-1,
        sliding_window_left=-1,
        sliding_window_right=-1,
        block_table=inputs["tables"],
        softcap=0.0,
        # Without the c before 0.16.
        scheduler_metadata=metadata,
        sheduler_metadata=metadata,
    )
    return [output]


def handle(handler: int) -> dict[str, Any]:
    """A number before 0.16, a tensor since."""
    return {"handler": handler, "handler_tensor": torch.tensor(handler)}


def onednn_mm(inputs: cases.Inputs) -> list[Any]:
    weight = inputs["weight"].t()
    handler = call("create_onednn_mm_handler", b=weight, primitive_cache_size=8)
    out = torch.empty(inputs["x"].shape[0], weight.shape[1], dtype=inputs["x"].dtype)
    call("onednn_mm", c=out, a=inputs["x"], **handle(handler))
    return [out]


def onednn_scaled_mm(inputs: cases.Inputs) -> list[Any]:
    x = inputs["x"]
    quantised = torch.empty_like(x, dtype=torch.int8)
    scale = torch.empty(x.shape[0], 1)
    out_name = dict.fromkeys(("out", "result"), quantised)
    call("dynamic_scaled_int8_quant", input=x, scale=scale, **out_name)
    handler = call(
        "create_onednn_scaled_mm_handler",
        b=inputs["weight"].t().contiguous().t(),
        b_scales=inputs["scales"],
        output_type=x.dtype,
        dynamic_act_quant=True,
        use_azp=False,
        primitive_cache_size=8,
    )
    out = torch.empty(x.shape[0], inputs["weight"].shape[1], dtype=x.dtype)
    call("onednn_scaled_mm", c=out, a=quantised, a_scales=scale, **handle(handler))
    return [out]


OPERATORS: dict[str, Callable[[cases.Inputs], list[Any]]] = {
    "rms_norm": rms_norm,
    "fused_add_rms_norm": fused_add_rms_norm,
    "rotary_embedding": rotary_embedding,
    "attention": attention,
    "onednn_mm": onednn_mm,
    "onednn_scaled_mm": onednn_scaled_mm,
}


def run(name: str, inputs: cases.Inputs) -> list[Any]:
    return OPERATORS[name](inputs) if name in OPERATORS else activation(name, inputs)


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        request = json.load(file)
    harness = Harness()
    error = None
    answers = []
    try:
        for name in request["packages"]:
            importlib.import_module(name)
        platforms = importlib.import_module("vllm.platforms")
        # Loads the library that fits this CPU, by vLLM's own choice; in 0.11.0 its operators' module does.
        load = getattr(platforms.current_platform, "import_kernels", None)
        if callable(load):
            load()
        else:
            importlib.import_module("vllm._custom_ops")
    except BaseException as caught:  # noqa: BLE001 - whatever stops the import is the answer
        error = first_line(caught)
    for name, shape, inputs in [] if error else cases.challenges(request["seed"]):
        answer: dict[str, object] = {"name": name, "shape": shape, "values": None, "error": None}
        try:
            answer["values"] = cases.packed(
                torch.cat([value.flatten().float() for value in run(name, inputs)])
            )
        except Absent as absent:
            answer["error"] = f"absent: {absent}"
        except BaseException as caught:  # noqa: BLE001 - an operator that raises has given its answer
            answer["error"] = first_line(caught)
        answers.append(answer)
    harness.answer({"error": error, "answers": answers})


main()
