import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { tool } from "./publish.ts";
import { exec, root } from "./run.ts";

const folder = join(root, ".test-cache", "wheels");

/**
 * A wheel for CPython 3.11 from the package index, fetched once.
 * @param requirement such as numpy==2.3.4
 * @param platform tag that pip asks for
 */
export function realWheel(requirement: string, platform: string): string {
  mkdirSync(folder, { recursive: true });
  const [name = "", version = ""] = requirement.split("==");
  const [libc = "", architecture = ""] = [
    platform.split(/_|\d/)[0],
    /_(x86_64|aarch64)$/.exec(platform)?.[1],
  ];
  const found = (): string | undefined =>
    readdirSync(folder).find(
      (file) =>
        file.startsWith(`${name.replaceAll("-", "_")}-${version}-`) &&
        file.includes(libc) &&
        file.endsWith(`_${architecture}.whl`),
    );
  if (!found()) {
    const target = ["--platform", platform, "--python-version", "3.11", "--implementation", "cp"];
    const ran = exec("python3", [
      "-m",
      "pip",
      "download",
      "--quiet",
      "--no-deps",
      "--only-binary=:all:",
      ...target,
      "--dest",
      folder,
      requirement,
    ]);
    if (ran.status !== 0) throw new Error(ran.stderr);
  }
  return join(folder, found() ?? "");
}

/** The platform tag that auditwheel says a wheel is consistent with, and the one that its symbol versions allow. */
export function auditwheelSays(wheel: string): { overall: string; symbols: string } {
  const ran = exec(tool("python3"), ["-m", "auditwheel", "show", wheel]);
  if (ran.status !== 0) throw new Error(ran.stderr);
  const text = ran.stdout.replace(/\s+/g, " ");
  const overall = /following platform tag: "([^"]+)"/.exec(text)?.[1] ?? "";
  return { overall, symbols: /constrains the platform tag to "([^"]+)"/.exec(text)?.[1] ?? overall };
}

/** Mnemonics by feature, each with the prefix byte that its encoding begins with (62 EVEX, c4 or c5 VEX). */
const MNEMONICS: Readonly<Record<string, readonly [RegExp, RegExp]>> = {
  fma: [/^vfn?m(add|sub|addsub|subadd)\d{3}[ps][sd]$/, /^c[45]/],
  f16c: [/^vcvt(ph2ps|ps2ph)$/, /^c[45]/],
  avx_vnni: [/^(\{vex\} )?vpdp(busd|wssd)s?$/, /^c[45]/],
  avx512_vnni: [/^vpdp(busd|wssd)s?$/, /^62/],
  avx512_bf16: [/^(vcvtne2?ps2bf16|vdpbf16ps)$/, /^62/],
  avx512cd: [/^(vpconflict[dq]|vplzcnt[dq]|vpbroadcastm\w+)$/, /^62/],
  avx512_vpopcntdq: [/^vpopcnt[dq]$/, /^62/],
  avx512_bitalg: [/^(vpopcnt[bw]|vpshufbitqmb)$/, /^62/],
  avx512_vbmi2: [/^(vp(compress|expand)[bw]|vpsh[lr]dv?[wdq])$/, /^62/],
  avx512vbmi: [/^(vperm(b|i2b|t2b)|vpmultishiftqb)$/, /^62/],
  avx512ifma: [/^vpmadd52[lh]uq$/, /^62/],
  amx_tile: [/^(ldtilecfg|sttilecfg|tile\w+)$/, /^c4/],
  amx_bf16: [/^tdpbf16ps$/, /^c4/],
  amx_int8: [/^tdpb(ss|su|us|uu)d$/, /^c4/],
  bmi2: [/^(mulx|pdep|pext|rorx|sarx|shlx|shrx|bzhi)$/, /^c4/],
  popcnt: [/^popcnt$/, /./],
  abm: [/^lzcnt$/, /./],
};

/** Instructions by feature, as objdump decodes a library. */
export function objdumpCounts(library: string): Record<string, number> {
  const counts: Record<string, number> = Object.fromEntries(Object.keys(MNEMONICS).map((name) => [name, 0]));
  const text = exec("objdump", ["-d", "--wide", library]).stdout;
  const line = /^\s*[0-9a-f]+:\t([0-9a-f ]+)\t((?:\{\w+\} )?)(\S+)/gm;
  for (const [, raw = "", prefix = "", mnemonic = ""] of text.matchAll(line))
    for (const [feature, [name, encoding]] of Object.entries(MNEMONICS))
      if (name.test(mnemonic) || name.test(prefix + mnemonic))
        if (encoding.test(raw)) counts[feature] = (counts[feature] ?? 0) + 1;
  return counts;
}
