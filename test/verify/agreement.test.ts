import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { PLATFORMS } from "../../src/verify/checks/manylinux.ts";
import type { VerifyResult } from "../../src/verify/verify.ts";
import { verifiedFiles } from "../support/forge.ts";
import { auditwheelSays, objdumpCounts, realWheel } from "../support/real-wheels.ts";
import { exec, removeScratch, scratch } from "../support/run.ts";

afterAll(removeScratch);

/** Platforms that auditwheel has a policy for; ours may lie between two of them, since PEP 600 allows any. */
const POLICIES = (PLATFORMS["x86_64"] ?? []).map(([glibc = ""]) => glibc.replace(".", "_"));

const WHEELS: [string, string][] = [
  ["numpy==2.3.4", "manylinux_2_27_x86_64"],
  ["cffi==2.0.0", "manylinux_2_17_x86_64"],
  ["markupsafe==3.0.3", "manylinux_2_17_x86_64"],
  ["markupsafe==3.0.3", "manylinux_2_17_aarch64"],
  ["markupsafe==3.0.3", "musllinux_1_2_x86_64"],
  ["pyzmq==26.4.0", "manylinux_2_28_x86_64"],
  ["pyzmq==26.4.0", "musllinux_1_1_x86_64"],
];

let results: VerifyResult[] = [];
const paths: string[] = [];

beforeAll(() => {
  paths.push(...WHEELS.map(([requirement, platform]) => realWheel(requirement, platform)));
  results = verifiedFiles(paths).results;
});

const check = (index: number, id: string) => results[index]?.checks.find((one) => one.id === id);

const rank = (version: string): number => {
  const [major = 0, minor = 0] = version.split("_").map(Number);
  return major * 1000 + minor;
};

/** The oldest of auditwheel's platforms that is not older than ours. */
function asAuditwheelSaysIt(earned: string, architecture: string): string {
  const own = earned.replace("manylinux_", "");
  const policy = POLICIES.find((one) => rank(one) >= rank(own)) ?? own;
  return `manylinux_${policy}_${architecture}`;
}

describe("the platform that the bytes earn is what auditwheel says", () => {
  test.each(WHEELS.map(([name, platform], index) => ({ name, platform, index })))(
    "$name $platform",
    ({ platform, index }) => {
      const { overall } = auditwheelSays(paths[index] ?? "");
      const glibc = check(index, "platform.glibc");
      const { earned } = (glibc?.evidence ?? {}) as { earned: string | null };
      const architecture = /_(x86_64|aarch64)$/.exec(platform)?.[1] ?? "";
      if (earned === null) {
        expect(overall).toMatch(/^musllinux_/);
        expect(glibc?.detail).toContain("musl");
      } else expect(overall).toBe(asAuditwheelSaysIt(earned, architecture));
      expect(glibc?.result).toBe("pass");
    },
  );
});

test("honest wheels of others pass every check that has no contract to ask for", () => {
  const refused = results.flatMap(({ wheel, checks }) =>
    checks
      .filter(({ result, id }) => result !== "pass" && !id.startsWith("isa."))
      .map(({ id, result, detail }) => ({ wheel, id, result, detail })),
  );
  expect(refused).toEqual([]);
});

describe("instructions by feature are as many as objdump decodes", () => {
  const folder = scratch();
  beforeAll(() => {
    const unzip = "import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])";
    expect(exec("python3", ["-c", unzip, paths[0] ?? "", folder]).status).toBe(0);
  });
  test.each(["_multiarray_umath", "_simd"])("numpy's %s", (name) => {
    const path = `numpy/_core/${name}.cpython-311-x86_64-linux-gnu.so`;
    const found = results[0]?.isa.files.find((file) => file.path === path)?.found ?? {};
    const theirs = objdumpCounts(join(folder, path));
    const ours = Object.fromEntries(Object.keys(theirs).map((feature) => [feature, found[feature] ?? 0]));
    expect(ours).toEqual(theirs);
    expect(Object.values(theirs).filter((count) => count > 0).length).toBeGreaterThan(1);
  });
});
