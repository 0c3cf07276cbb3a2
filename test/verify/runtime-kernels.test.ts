import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Challenge } from "../../src/verify/runtime/programs.ts";
import { fakeVllm as vllm } from "../support/fake-vllm.ts";
import { masked } from "../support/masking.ts";
import { type Bench, benchChallenge, makeBench, tryWheel } from "../support/room.ts";
import { removeScratch, scratch } from "../support/run.ts";

let bench: Bench;
let challenge: Challenge;

beforeAll(() => {
  bench = makeBench();
  challenge = benchChallenge(bench);
}, 300_000);

afterAll(removeScratch);

const kernels = (operators: string) =>
  tryWheel(bench, vllm(operators), "kernels", { challenge })["runtime.kernels"];

describe("vLLM's operators, judged by answers made before the wheel was there", () => {
  test("right ones pass, and what a release has not is told", () => {
    expect(kernels("")).toMatchObject({
      result: "pass",
      detail: expect.stringMatching(/10 cases of 4 operators agree.*not there in this release: .*attention/),
    });
  });

  test.each<[string, string, RegExp]>([
    [
      "is off by a little",
      'add("gelu_and_mul(Tensor! out, Tensor input) -> ()", lambda out, x: put(out, torch.nn.functional.gelu(x.float().chunk(2, -1)[0]) * x.float().chunk(2, -1)[1] * 1.01))',
      /gelu_and_mul 5x512 float32: off by \d/,
    ],
    [
      "gives NaN",
      'add("gelu_and_mul(Tensor! out, Tensor input) -> ()", lambda out, x: put(out, torch.tensor(float("nan"))))',
      /gelu_and_mul .*NaN/,
    ],
    [
      "raises",
      'def refuse(out, x): raise RuntimeError("not today")\nadd("gelu_and_mul(Tensor! out, Tensor input) -> ()", refuse)',
      /gelu_and_mul .*not today/,
    ],
    [
      "leaves its output as it was",
      'add("gelu_and_mul(Tensor! out, Tensor input) -> ()", lambda out, x: put(out, torch.tensor(0.0)))',
      /gelu_and_mul .*off by/,
    ],
    [
      "wants what nobody gives",
      'add("gelu_and_mul(Tensor! out, Tensor input, int magic) -> ()", lambda out, x, m: None)',
      /gelu_and_mul .*wants magic/,
    ],
  ])("one that %s fails", (_name, operators, detail) => {
    const check = kernels(operators);
    expect(check?.result).toBe("fail");
    expect(check?.detail).toMatch(detail);
  });

  test.each([
    [
      "0.11",
      "SymInt sliding_window_left, SymInt sliding_window_right",
      "sheduler_metadata",
      "",
      "int handler",
    ],
    [
      "0.16",
      "SymInt sliding_window_left, SymInt sliding_window_right",
      "scheduler_metadata",
      "",
      "Tensor handler_tensor",
    ],
    [
      "0.24",
      "SymInt sliding_window_size",
      "scheduler_metadata",
      ", Tensor? dynamic_causal, float k_scale=1.0",
      "Tensor handler_tensor",
    ],
  ])("attention and matrix product are asked by the schemas of %s", (_, window, metadata, more, handler) => {
    const check = kernels(`def cache(key, value, keys, values, slots, isa):
    size = keys.shape[2]
    keys[slots // size, :, slots % size] = key
    values[slots // size, :, slots % size] = value
def schedule(num_req, *_rest):
    return torch.tensor([num_req])
def attend(query, keys, values, output, starts, lengths, scale, causal, alibi, *rest):
    table, softcap, metadata = [one for one in rest if not isinstance(one, int)][:3]
    assert causal and metadata.item() == len(lengths) and all(one == -1 for one in rest if type(one) is int)
    for row, full in enumerate(lengths.tolist()):
        blocks = table[row, : -(-full // keys.shape[2])].long()
        k, v = (one[blocks].transpose(1, 2).flatten(0, 1)[:full].float() for one in (keys, values))
        q = query[starts[row] : starts[row + 1]].float()
        groups = q.shape[1] // k.shape[1]
        k, v = (one.repeat_interleave(groups, 1) for one in (k, v))
        scores = torch.einsum("qhd,khd->hqk", q, k) * scale
        seen = torch.arange(full)[None] <= torch.arange(full - len(q), full)[:, None]
        weights = scores.masked_fill(~seen, float("-inf")).softmax(-1)
        output[starts[row] : starts[row + 1]] = torch.einsum("hqk,khd->qhd", weights, v).to(output.dtype)
handlers = []
def make(b, primitive_cache_size):
    handlers.append(b)
    return len(handlers) - 1
def multiply(c, a, bias, handler):
    c.copy_(a.float() @ handlers[int(handler)].float())
add("cpu_attn_reshape_and_cache(Tensor key, Tensor value, Tensor! key_cache, Tensor! value_cache, Tensor slot_mapping, str isa) -> ()", cache)
library.define("get_scheduler_metadata(int num_req, int num_heads_q, int num_heads_kv, int head_dim, Tensor seq_lens, ScalarType dtype, Tensor query_start_loc, bool casual, int window_size, str isa_hint, bool enable_kv_split) -> Tensor")
library.impl("get_scheduler_metadata", schedule, "CPU")
add("cpu_attention_with_kv_cache(Tensor query, Tensor key_cache, Tensor value_cache, Tensor! output, Tensor query_start_loc, Tensor seq_lens, float scale, bool causal, Tensor? alibi_slopes, ${window}, Tensor block_table, float softcap, Tensor ${metadata}, Tensor? s_aux${more}) -> ()", attend)
add("create_onednn_mm_handler(Tensor b, int primitive_cache_size) -> int", make)
add("onednn_mm(Tensor! c, Tensor a, Tensor? bias, ${handler}) -> ()", multiply)`);
    expect(check).toMatchObject({ result: "pass" });
    const asked = check?.evidence.operators?.cases.filter(({ absent }) => !absent).map(({ name }) => name);
    expect(asked).toEqual(expect.arrayContaining(["attention", "onednn_mm"]));
  });

  test("one that every vLLM has must be there", () => {
    const wheel = vllm("");
    const files = Object.fromEntries(
      Object.entries(wheel.files).map(([path, text]) => [path, text.replace(/^add\("rms_norm.*$/m, "")]),
    );
    const { "runtime.kernels": check } = tryWheel(bench, { ...wheel, files }, "kernels", { challenge });
    expect(check).toMatchObject({ result: "fail", detail: "rms_norm: the wheel has no such operator" });
  });

  test("a crash in one of them is caught", () => {
    const check = kernels(
      'import os\nadd("gelu_and_mul(Tensor! out, Tensor input) -> ()", lambda out, x: os.kill(os.getpid(), 11))',
    );
    expect(check?.result).toBe("fail");
    expect(check?.detail).toContain("vLLM's operators: it was killed by SIGSEGV");
  });
});

test("an engine for which there is too little memory is not run", () => {
  const meminfo = join(scratch(), "meminfo");
  writeFileSync(meminfo, "MemTotal:       16777216 kB\nMemAvailable:    1048576 kB\n");
  const within = masked("/proc/meminfo", meminfo);
  const checks = tryWheel(bench, vllm(""), "engine", { challenge, within });
  expect(checks["runtime.kernels"]?.result).toBe("pass");
  expect(checks["runtime.engine"]).toMatchObject({
    result: "not-run",
    detail: "not run: it takes about 3.5 GiB of memory, and 1.0 GiB are free",
  });
  expect(checks["runtime.engine"]?.lacks).toBeUndefined();
});

describe("vLLM's platform", () => {
  const device = (expression: string) => {
    const wheel = vllm("");
    const files = Object.fromEntries(
      Object.entries(wheel.files).map(([path, text]) => [
        path,
        text.replace('device_type = "cpu"', `import os; device_type = ${expression}`),
      ]),
    );
    return tryWheel(bench, { ...wheel, files }, "kernels", { challenge });
  };

  test("found only with its variable set is a warning, and the rest runs with it", () => {
    const checks = device('os.environ.get("VLLM_TARGET_DEVICE", "")');
    expect(checks["runtime.import"]).toMatchObject({
      result: "warn",
      detail: expect.stringContaining("only with VLLM_TARGET_DEVICE=cpu set"),
    });
    expect(checks["runtime.kernels"]?.result).toBe("pass");
  });

  test("need not know how to load the kernels, as in 0.11.0", () => {
    const wheel = vllm("");
    const files = Object.fromEntries(
      Object.entries(wheel.files).map(([path, text]) => [
        path,
        text.replace("@staticmethod\n    def import_kernels(): pass", "import_kernels = None"),
      ]),
    );
    const checks = tryWheel(bench, { ...wheel, files }, "kernels", { challenge });
    expect(checks["runtime.kernels"]?.result).toBe("pass");
  });

  test("that is not the CPU is a failure", () => {
    const checks = device('"cuda"');
    expect(checks["runtime.import"]).toMatchObject({
      result: "fail",
      detail: expect.stringContaining("vLLM's platform is cuda, not cpu"),
    });
    expect(checks["runtime.kernels"]?.result).toBe("not-run");
  });
});

describe("an engine that only pretends", () => {
  const engine = (tokens: string): string => `
class SamplingParams:
    def __init__(self, **values): self.max_tokens = values["max_tokens"]
class LLM:
    calls = 0
    def __init__(self, **_values): pass
    def generate(self, prompts, params):
        LLM.calls += 1
        class Out: pass
        found = []
        for _prompt in prompts:
            outer, inner = Out(), Out()
            inner.token_ids = ${tokens}
            outer.outputs = [inner]
            found.append(outer)
        return found
`;

  test("and makes up its tokens does not pass, nor does a server that never starts", () => {
    const wheel = vllm("", engine("[5] * params.max_tokens"));
    const { "runtime.engine": check } = tryWheel(bench, wheel, "engine", { challenge });
    expect(check?.result).toBe("fail");
    expect(check?.detail).toMatch(/the engine: its tokens are .*; plain torch computes/);
    expect(check?.detail).toMatch(/the server: it ended before it was ready/);
  });

  test("and gives others the second time does not pass", () => {
    const wheel = vllm("", engine("[LLM.calls] * params.max_tokens"));
    const { "runtime.engine": check } = tryWheel(bench, wheel, "engine", { challenge });
    expect(check?.detail).toMatch(/greedy tokens differ from one time to the next/);
  });
});

describe("checks that a wheel declares itself", () => {
  const declared = (body: string) => ({
    name: "self-judge",
    files: {
      "self_judge/__init__.py": body,
      "self_judge-1.0.dist-info/entry_points.txt": "[cpu_wheel.kernel_checks]\nadd = self_judge:check\n",
    },
  });
  const case_ = (error: string): string =>
    `def check(): return [{"name": "add", "shape": "3", "max_error": ${error}, "tolerance": 1e-6}]\n`;

  test.each<[string, string, "pass" | "fail" | "not-run"]>([
    ["within their tolerance", case_("0.0"), "pass"],
    ["beyond it", case_("0.1"), "fail"],
    ["NaN", case_("float('nan')"), "fail"],
    ["without a case", "def check(): return []\n", "fail"],
    ["that raise", "def check(): raise ValueError('no')\n", "fail"],
    ["that end the process", "import os\ndef check(): os._exit(0)\n", "fail"],
  ])("%s", (_name, body, result) => {
    const checks = tryWheel(bench, declared(body), "kernels");
    expect(checks["runtime.import"]?.result).toBe("pass");
    expect(checks["runtime.kernels"]?.result).toBe(result);
  });

  test("none at all prove nothing", () => {
    const wheel = { name: "silent", files: { "silent/__init__.py": "" } };
    const checks = tryWheel(bench, wheel, "engine");
    expect(checks["runtime.kernels"]?.result).toBe("not-run");
    expect(checks["runtime.engine"]).toMatchObject({
      result: "not-run",
      detail: expect.stringContaining("no engine"),
    });
  });
});
