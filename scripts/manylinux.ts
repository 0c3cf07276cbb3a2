// Writes what the manylinux platforms promise, as auditwheel's own policies say it.
// Usage: tsx scripts/manylinux.ts [--check] PYTHON; PYTHON is an interpreter whose environment has auditwheel.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { compareVersions } from "../src/wheel/version.ts";

const TARGET = join(
  dirname(dirname(fileURLToPath(import.meta.url))),
  "src",
  "verify",
  "checks",
  "manylinux.ts",
);
const FAMILIES = ["GLIBCXX", "CXXABI", "GCC", "ZLIB", "LIBATOMIC"] as const;
const RELR = "ABI_DT_RELR";
const NONE = "0";

const policiesSchema = z.array(
  z.object({
    name: z.string(),
    symbol_versions: z.record(z.string(), z.record(z.string(), z.array(z.string()))),
    lib_whitelist: z.array(z.string()),
  }),
);

const PROGRAM = `
import importlib.metadata, importlib.resources, json
policies = importlib.resources.files("auditwheel.policy").joinpath("manylinux-policy.json").read_text()
print(json.dumps({"version": importlib.metadata.version("auditwheel"), "policies": json.loads(policies)}))
`;

function newest(versions: readonly string[] = []): string {
  return (
    versions
      .filter((version) => /^\d+(\.\d+)*$/.test(version))
      .sort(compareVersions)
      .at(-1) ?? NONE
  );
}

/** The module's text. @param python whose auditwheel is asked */
function moduleText(python: string): string {
  const { version, policies } = z
    .object({ version: z.string(), policies: policiesSchema })
    .parse(JSON.parse(execFileSync(python, ["-I", "-c", PROGRAM], { encoding: "utf8" })));
  const platforms = policies
    .filter(({ name }) => name.startsWith("manylinux_"))
    .map((policy) => ({ ...policy, glibc: policy.name.replace("manylinux_", "").replace("_", ".") }))
    .sort((one, other) => compareVersions(one.glibc, other.glibc));
  const rows = new Map<string, string[][]>();
  const libraries = new Map<string, string>();
  for (const { glibc, symbol_versions, lib_whitelist } of platforms) {
    for (const name of lib_whitelist) if (!libraries.has(name)) libraries.set(name, glibc);
    for (const [architecture, families] of Object.entries(symbol_versions)) {
      const own = newest(families["GLIBC"]);
      const row = [glibc, compareVersions(own, glibc) > 0 ? own : glibc];
      row.push(...FAMILIES.map((family) => newest(families[family])));
      rows.set(architecture, [...(rows.get(architecture) ?? []), row]);
    }
  }
  const relr = platforms.find(({ symbol_versions }) =>
    Object.values(symbol_versions).some((families) => families["GLIBC"]?.includes(RELR)),
  );
  const table = [...rows].map(([architecture, all]) => {
    const lines = all.map((row) => `[${row.map((word) => `"${word}"`).join(", ")}]`);
    return lines.length === 1
      ? `  ${architecture}: [${lines[0]}],`
      : `  ${architecture}: [\n${lines.map((line) => `    ${line},\n`).join("")}  ],`;
  });
  const names = [...libraries].sort().map(([name, glibc]) => `  "${name}": "${glibc}",`);
  return `// Made by scripts/manylinux.ts of auditwheel ${version}, policy/manylinux-policy.json, which keeps the list that PEP 600
// leaves to it. Change the version there, not a line here.

/** Families of symbols that a row of the table has a version of, in its order. */
export const FAMILIES = [${FAMILIES.map((family) => `"${family}"`).join(", ")}] as const;

/**
 * By architecture, for each platform: its glibc, the newest symbol version of glibc that it has, and the newest of each
 * family; "0" where it has none. Oldest first.
 */
export const PLATFORMS: Readonly<Record<string, readonly (readonly string[])[]>> = {
${table.join("\n")}
};

/** The glibc of the oldest platform that has a library. */
export const LIBRARIES: Readonly<Record<string, string>> = {
${names.join("\n")}
};

/** The glibc whose loader reads packed relocations (GLIBC_${RELR}). */
export const PACKED_RELOCATIONS_GLIBC = "${relr?.glibc ?? ""}";
`;
}

const [python = ""] = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const text = moduleText(python);
if (!process.argv.includes("--check")) writeFileSync(TARGET, text);
else if (readFileSync(TARGET, "utf8") !== text) {
  console.error("src/verify/checks/manylinux.ts is not what auditwheel says; run scripts/manylinux.ts");
  process.exitCode = 1;
}
