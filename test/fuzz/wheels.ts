import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { askStatic } from "../../src/verify/checks/static-checks.ts";
import type { WheelFacts } from "../../src/verify/facts/facts.ts";
import { factsOf } from "../support/facts.ts";
import { type Forged, forge, GOOD_INFO, goodLibrary, type Lie } from "../support/forge.ts";
import { exec } from "../support/run.ts";
import { mutated, type Target, textOf } from "./property.ts";

/** A wheel with several lies at once. */
export const wheelLie: fc.Arbitrary<Lie> = fc.record(
  {
    files: fc.dictionary(
      fc.constantFrom(
        ...[
          "torch/x.py",
          "opt_einsum.py",
          "a.pth",
          "good-1.0.data/scripts/git",
          "other-1.0.data/purelib/x.py",
        ],
        ...[`${GOOD_INFO}/entry_points.txt`, "good/b.so", "good/__init__.py", `${GOOD_INFO}/sboms/x.json`],
      ),
      textOf(["[console_scripts]", "git = a:b"]),
      { maxKeys: 3 },
    ),
    headers: fc.array(textOf(["Requires-Dist: torch", "Name: x", "Requires-Python: >=3"]), { maxLength: 3 }),
    info: fc.constantFrom(GOOD_INFO, "Good-1.0.dist-info", "good-1.0.0.dist-info", "x.dist-info"),
  },
  { requiredKeys: [] },
);

/** Where installers put files of a wheel. */
const ROUTES = [
  "",
  "good-1.0.data/purelib/",
  "good-1.0.data/platlib/",
  "good-1.0.data/data/lib/python3.11/site-packages/",
];
const PROGRAM_ROUTES = ["good-1.0.data/scripts/", "good-1.0.data/data/bin/", "good-1.0.data/data/BIN/"];
/** Others' packages, whose wheels these are not. */
const TAKEN = [
  "torch",
  "functorch",
  "numpy",
  "pip",
  "setuptools",
  "pkg_resources",
  "_distutils_hack",
  "certifi",
  "typing_extensions",
  "packaging",
  "sitecustomize",
  "usercustomize",
];
/** Programs of an environment, or of whoever makes one. */
const PROGRAMS = [
  "python",
  "python3",
  "python3.11",
  "pip",
  "pip3.11",
  "activate",
  "uv",
  "wheel",
  "easy_install",
];
const OWN = ["good", "g\u00e9", "_good", "vllm"];
const FORMS = [
  "/__init__.py",
  "/x.py",
  ".py",
  ".so",
  ".cpython-311-x86_64-linux-gnu.so",
  "/__init__.pyc",
  "/__init__.abi3.so",
  ".pyc",
  "-9.dist-info/METADATA",
  ".pth",
];

const placed = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom(...ROUTES), fc.constantFrom(...TAKEN, ...OWN, "x"), fc.constantFrom(...FORMS))
      .map((words) => words.join("")),
  },
  fc.tuple(fc.constantFrom(...PROGRAM_ROUTES), fc.constantFrom(...PROGRAMS)).map((words) => words.join("")),
);

/**
 * What pip makes of a wheel: where it wrote which file of the archive (each holds its own name) or program, and what Python
 * finds to import there. Null where it refuses the wheel.
 */
function pipMakes({ fileName, bytes }: Forged): { files: [string, string][]; packages: string[] } | null {
  const folder = mkdtempSync(join(tmpdir(), "vcw-fuzz-"));
  try {
    writeFileSync(join(folder, fileName), bytes);
    const options = ["--no-deps", "--no-index", "--no-compile", "-q", "--disable-pip-version-check"];
    const prefix = join(folder, "made");
    const python = ["-I", "-m", "pip", "install", ...options, "--prefix", prefix, join(folder, fileName)];
    if (exec("python3", python).status !== 0) return null;
    const packages = join(prefix, "lib/python3.11/site-packages");
    const program =
      "import json, pkgutil, sys; print(json.dumps([m.name for m in pkgutil.iter_modules(sys.argv[1:]) if m.name.isidentifier()]))";
    return {
      files: readdirSync(prefix, { recursive: true, withFileTypes: true })
        .filter((one) => one.isFile())
        .map((one) => join(one.parentPath, one.name))
        .map((path) => [
          path.slice(prefix.length + 1).replace("lib/python3.11/site-packages/", "packages/"),
          readFileSync(path, "utf8"),
        ]),
      packages: JSON.parse(exec("python3", ["-I", "-c", program, packages]).stdout) as string[],
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** True for a place in an environment that is not this wheel's. */
function isOthers(place: string): boolean {
  const [scheme, top = "", below] = place.split("/");
  if (scheme?.toLowerCase() === "bin") return PROGRAMS.includes(top);
  if (scheme !== "packages" || top === "good-1.0.dist-info") return false;
  if (/\.(dist-info|pth)$/.test(top)) return true;
  return TAKEN.includes(below === undefined ? (top.split(".")[0] ?? "") : top);
}

/** Throws where pip would put into another's place what we say nothing of, or where Python would find a package that we don't. */
function demandPlaces(names: readonly string[], programs: readonly string[]): void {
  const points = programs.map((name) => `${name} = good:main\n`).join("");
  const forged = forge({
    files: {
      ...Object.fromEntries(names.map((name) => [name, name])),
      [`${GOOD_INFO}/entry_points.txt`]: `[console_scripts]\n${points}`,
    },
  });
  const facts = factsOf(forged.fileName, forged.bytes);
  if (facts.zipProblems.length > 0) return;
  const made = pipMakes(forged);
  if (made === null) return;
  const told = JSON.stringify(facts.nameProblems);
  for (const [place, content] of made.files) {
    // pip makes pip3.11 of an entry point pip, and so of easy_install.
    const program = (place.split("/").at(-1) ?? "").replace(/^(pip|easy_install)[\d.-]+$/, "$1");
    const ways = names.includes(content) ? [content] : [program, place.split("/").at(-1)];
    if (isOthers(place) && !ways.some((what) => told.includes(`"${what}"`)))
      throw new Error(`pip makes ${place} of it: ${told}`);
  }
  const missed = made.packages.filter((name) => !facts.packages.includes(name));
  if (missed.length > 0) throw new Error(`Python finds ${missed}, we see ${facts.packages}`);
}

export const WHEELS: readonly Target[] = [
  {
    name: "wheels: any lies together are answered",
    runs: 60,
    property: fc.property(wheelLie, fc.option(mutated(goodLibrary), { nil: null }), (lie, library) => {
      const { fileName, bytes } = forge({
        ...lie,
        files: { ...lie.files, ...(library === null ? {} : { "good/_C.so": library }) },
      });
      const facts: WheelFacts = { ...factsOf(fileName, bytes), audits: [] };
      for (const { id, result, findings } of askStatic(facts, null))
        if (result === "fail" && findings.length === 0) throw new Error(`${id} fails without a finding`);
    }),
  },
  {
    name: "places: what pip puts where others' files are is told, and every package is seen",
    runs: 12,
    property: fc.property(
      fc.uniqueArray(placed, {
        minLength: 1,
        maxLength: 8,
        comparator: (a, b) => a.toLowerCase() === b.toLowerCase(),
      }),
      fc.uniqueArray(fc.constantFrom(...PROGRAMS, "good"), { maxLength: 2 }),
      demandPlaces,
    ),
  },
];
