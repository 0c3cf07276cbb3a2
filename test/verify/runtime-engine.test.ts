import { chmodSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Challenge } from "../../src/verify/runtime/programs.ts";
import { fakeVllm } from "../support/fake-vllm.ts";
import { type Bench, benchChallenge, makeBench, probe, tryWheel } from "../support/room.ts";
import { exec, removeScratch, root, scratch } from "../support/run.ts";
import type { TinyWheel } from "../support/wheel.ts";

let bench: Bench;
let challenge: Challenge;

beforeAll(() => {
  bench = makeBench();
  challenge = benchChallenge(bench);
}, 300_000);

afterAll(removeScratch);

/** How a stand-in differs from an engine that does what it should. */
interface Fault {
  /** Python, of the tokens of one prompt by mode. */
  tokens?: string;
  /** Python, run when the server is told to end. */
  onTerm?: string;
}

/** A stand-in that knows the right tokens, since the test does: an engine in a program and an HTTP server. */
function standIn({ tokens = "right", onTerm = "os._exit(0)" }: Fault = {}): TinyWheel {
  const cases = challenge.model?.cases ?? [];
  const right = JSON.stringify(Object.fromEntries(cases.map((one) => [String(one.prompt), one.tokens])));
  const engine = `
import atexit, os
class SamplingParams:
    def __init__(self, **values): self.max_tokens = values["max_tokens"]
class CPUModelRunner: pass
class LLM:
    def __init__(self, **values):
        self.runner = CPUModelRunner()
        self.mode = "eager" if values["enforce_eager"] else "compiled"
    def generate(self, prompts, params):
        class Out: pass
        found = []
        for prompt in prompts:
            mode = self.mode
            right = ${right}[",".join(map(str, prompt["prompt_token_ids"]))][:params.max_tokens]
            outer, inner = Out(), Out()
            inner.token_ids = ${tokens}
            outer.outputs = [inner]
            found.append(outer)
        return found
`;
  const server = `
import http.server, json, os, signal, sys
port = int(sys.argv[sys.argv.index("--port") + 1])
mode = "eager" if "--enforce-eager" in sys.argv else "compiled"
right = ${right}
def end(*_unused):
    ${onTerm}
signal.signal(signal.SIGTERM, end)
class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_unused): pass
    def answer(self, document):
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self): self.answer({})
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = " ".join(f"w{token}" for token in right[",".join(map(str, asked["prompt"]))])
        self.answer({"choices": [{"text": text}], "mode": mode})
class Server(http.server.HTTPServer):
    allow_reuse_address = True
Server(("127.0.0.1", port), Handler).serve_forever()
`;
  const { files, ...wheel } = fakeVllm("", engine);
  return {
    ...wheel,
    files: {
      ...files,
      "vllm/entrypoints/__init__.py": "",
      "vllm/entrypoints/openai/__init__.py": "",
      "vllm/entrypoints/openai/api_server.py": server,
    },
  };
}

const engineOf = (fault?: Fault, options: Parameters<typeof tryWheel>[3] = {}) =>
  tryWheel(bench, standIn(fault), "engine", { challenge, ...options })["runtime.engine"];

describe("the engine is asked as users start it", () => {
  test("eager and compiled, and as a server in the default mode", () => {
    const check = engineOf();
    expect(check).toMatchObject({
      result: "pass",
      detail: expect.stringMatching(
        /eager: first token .*; compiled: first token .*; the server \(compiled\)/,
      ),
      evidence: {
        engine: { compiled: { graphs: 0 }, modelRunner: "vllm.CPUModelRunner" },
        compiled: {},
        server: { mode: "compiled" },
      },
    });
  });

  test("what is right eager and wrong compiled fails", () => {
    const check = engineOf({ tokens: '[5] * params.max_tokens if mode == "compiled" else right' });
    expect(check?.result).toBe("fail");
    expect(check?.detail).toMatch(/^the compiled engine: its tokens are .*; plain torch computes/);
  });

  test("where torch can compile nothing the check is no pass, and says what to install", () => {
    const noCompiledMode = "InductorError: InvalidCxxCompiler: No working C++ compiler found";
    const check = engineOf({}, { challenge: { ...challenge, noCompiledMode } });
    expect(check).toMatchObject({
      result: "not-run",
      detail: expect.stringContaining("InvalidCxxCompiler"),
      remedy: expect.stringMatching(/apt-get install g\+\+ python3-dev.*--engine-modes=eager/),
      evidence: { server: { mode: "eager" } },
    });
    expect(check?.evidence).not.toHaveProperty("compiled");
  });

  test("the eager engine runs as in a small container, and sees it as there", () => {
    // What vLLM itself reads to learn how much there is (vllm/utils/cpu_resource_utils.py).
    const seen = `[int(open(p).read()) for p in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes") if os.path.exists(p)]`;
    const told = `print("SEES", ${seen}, len(os.sched_getaffinity(0)), file=__import__("sys").stderr)`;
    // It is not asked whether torch can compile where nobody asks for that.
    const asked = { ...challenge, noCompiledMode: "no compiler" };
    const check = engineOf({ tokens: `(${told}, [5])[1]` }, { challenge: asked, modes: ["eager"] });
    expect([check?.result, check?.detail]).toEqual([
      "fail",
      expect.stringMatching(/^the engine: its tokens/),
    ]);
    const { engine, output, server } = (check?.evidence ?? {}) as {
      engine: { limits: { cpus: number; memoryBytes: number; by: string; killed: number | null } };
      output: { stderr: string }[];
      server: { mode: string };
    };
    expect(server.mode).toBe("eager");
    const { cpus, memoryBytes, by, killed } = engine.limits;
    expect({ cpus, memoryBytes }).toEqual({
      cpus: Math.min(2, availableParallelism()),
      memoryBytes: 4 * 1024 ** 3,
    });
    expect(["cgroup-v2", "cgroup-v1", "rlimit"]).toContain(by);
    expect(killed ?? 0).toBe(0);
    const sees = /SEES \[(.*)\] (\d+)/.exec(output[0]?.stderr ?? "");
    expect(Number(sees?.[2])).toBe(cpus);
    if (by !== "rlimit" && check?.isolation === "namespaces") expect(sees?.[1]).toBe(String(memoryBytes));
  });

  test("an engine that takes more than a small container has fails, and nothing else dies of it", () => {
    const check = engineOf({ tokens: '(b"1" * (5 << 30), right)[1]' }, { modes: ["eager"] });
    expect([check?.result, check?.detail]).toEqual([
      "fail",
      expect.stringMatching(
        /^the engine: (the kernel ended it.* for using more than 4(\.0)? GiB|MemoryError)/,
      ),
    ]);
  });

  test("an engine that answers and then does not end well fails", () => {
    const check = engineOf({ tokens: "(atexit.register(lambda: os._exit(3)), right)[1]" });
    expect([check?.result, check?.detail]).toEqual([
      "fail",
      expect.stringMatching(/the engine: it did not stop cleanly: status 3/),
    ]);
  });

  test("a server that ignores SIGTERM does not pass", () => {
    const check = engineOf({ onTerm: "pass" }, { modes: ["eager"], limit: 30 });
    expect([check?.result, check?.detail]).toEqual(["fail", expect.stringMatching(/the server: /)]);
  });
});

describe("whether torch can compile here is asked of torch", () => {
  const ask = (path: string): string | null => {
    const env = {
      PATH: path,
      TORCHINDUCTOR_CACHE_DIR: scratch(),
      TORCHINDUCTOR_COMPILE_THREADS: "1",
    };
    return (probe(bench, "compiled_mode.py", [], env) as { problem: string | null }).problem;
  };
  /** A folder with a program of that name. */
  function only(name: string, script: string): string {
    const folder = scratch();
    writeFileSync(join(folder, name), script);
    chmodSync(join(folder, name), 0o755);
    return folder;
  }

  test("it can with a compiler", () => {
    expect(ask(process.env["PATH"] ?? "")).toBeNull();
  });
  test("it can't without one", () => {
    expect(ask(scratch())).toContain("InvalidCxxCompiler");
  });
  test("nor with one that fails", () => {
    expect(ask(only("g++", "#!/bin/sh\nexit 1\n"))).toMatch(/Error/);
  });
});

test("where no control group can be made, what is asked for is bounded", () => {
  const program = `
import os, sys
sys.path.insert(0, ${JSON.stringify(join(root, "src/probe"))})
import limits
limits._parents = list
bound = limits.Limits(1, 1 << 30)
bound.enter()
assert len(os.sched_getaffinity(0)) == 1
kept = bytes(200 << 20)
try:
    bytes(2 << 30)
except MemoryError:
    print(bound.end())
`;
  const { stdout, stderr } = exec("python3", ["-c", program]);
  expect([stdout, stderr]).toEqual([
    "{'cpus': 1, 'memoryBytes': 1073741824, 'by': 'rlimit', 'killed': None}\n",
    "",
  ]);
});
