// What a release's tags promise: every reference that a reader or a runner meets leads to something in the release.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { SARIF_RULES } from "../../src/report/sarif-rules.ts";
import { REPOSITORY, type Released, releaseTree } from "../support/act.ts";
import { anchorsOf, linksIn } from "../support/documents.ts";
import { tool } from "../support/publish.ts";
import { git } from "../support/repository.ts";
import { exec, removeScratch, root, scratch } from "../support/run.ts";
import { unpinned, usesIn } from "../support/uses.ts";

/** The first major version of each action that runs on Node 24, by its action.yml at that tag. */
const NODE_24: Readonly<Record<string, number>> = {
  "actions/attest": 3,
  "actions/checkout": 5,
  "actions/create-github-app-token": 3,
  "actions/deploy-pages": 5,
  "actions/download-artifact": 7,
  "actions/setup-node": 5,
  "actions/setup-python": 6,
  "actions/upload-artifact": 6,
  // Composites of the above.
  "actions/upload-pages-artifact": 5,
  "github/codeql-action/upload-sarif": 4,
};

/** The older artifact protocol, which is the only one that GitHub Enterprise Server has. */
const ONLY_ON_GHES = ["actions/upload-artifact@v3", "actions/download-artifact@v3"];

/** What documents name of the source's repository alone; its folders are for those who change this project. */
const SOURCE_ONLY = /^(?:\.ci|\.github|actions|bench|scripts|src|test|run_tests\.sh)(?:\/|$)/;

/** Files of a reader's own that an example names. */
const OF_THE_READER = [".github/workflows/try.yml"];

/** A path, or the beginning of a test's as Jest takes it. */
const isThere = (place: string, path: string): boolean =>
  existsSync(join(place, path)) || (path.startsWith("test/") && existsSync(join(place, `${path}.test.ts`)));

let release: Released;
const resolved: Record<string, number> = {};
const count = (kind: string): void => {
  resolved[kind] = (resolved[kind] ?? 0) + 1;
};

beforeAll(() => {
  release = releaseTree();
});

afterAll(() => {
  const total = Object.values(resolved).reduce((sum, one) => sum + one, 0);
  const each = Object.entries(resolved).map(([kind, number]) => `${number} ${kind}`);
  process.stdout.write(`references resolved in a release: ${total} (${each.join(", ")})\n`);
  removeScratch();
});

const filesOf = (folder: string, fits: RegExp): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .filter((path) => fits.test(path) && !path.startsWith("dist/"));

/** Null where a path, with its anchor, is in the release. */
function missing(path: string): string | null {
  const [file = "", anchor] = path.split("#");
  const place = join(release.folder, file);
  if (!existsSync(place)) return `no ${file}`;
  if (anchor === undefined || !file.endsWith(".md")) return null;
  return anchorsOf(readFileSync(place, "utf8")).includes(anchor) ? null : `no #${anchor} in ${file}`;
}

/** Null where a `uses:` of ours is found by a runner. OWNER and COMMIT stand for what a reader fills in. */
function unfound(uses: string): string | null {
  const [name = "", ref = ""] = uses.replace(/^OWNER\/vllm-cpu-actions/, REPOSITORY).split("@");
  const path = name.slice(REPOSITORY.length + 1);
  const tags = ["v1", "v1.0", "v1.0.0", release.commit, "COMMIT"];
  const folder = tags.includes(ref) ? release.folder : ref === release.parts ? release.partsFolder : null;
  if (folder === null) return `${uses}: the release has no ${ref}`;
  const file = path.startsWith(".github/workflows/") ? path : join(path, "action.yml");
  return existsSync(join(folder, file)) ? null : `${uses}: no ${file} at ${ref}`;
}

/** Paths of this project in a text: those of folders, and of the files at its top. */
const pathsIn = (text: string): string[] =>
  [
    ...text.matchAll(
      /(?<![\w./:-])(?:\.\/)?((?:\.ci|\.github|actions(?=\/(?:plan|build-variant|publish-wheel|setup-cpu-torch|verify-torch-cpu)\b)|bench|docs|schemas|scripts|src|test)\/[\w./-]*\w|(?:build_wheels|test_and_publish|run_tests)\.sh|(?:variants|recipes|policy|action)\.yml|[A-Z][A-Z_]+\.md)\b(?![*/<{…-])/g,
    ),
  ].map(([, path = ""]) => path);

describe("uses:", () => {
  test("of ours lead to an action or a workflow of the release", () => {
    const wrong: string[] = [];
    for (const path of filesOf(release.folder, /\.(?:md|ya?ml)$/))
      for (const { uses } of usesIn(readFileSync(join(release.folder, path), "utf8"))) {
        if (!/^(?:org|OWNER)\/vllm-cpu-actions\b/.test(uses)) continue;
        count("uses: of ours");
        const problem = unfound(uses);
        if (problem) wrong.push(`${path}: ${problem}`);
      }
    expect(wrong).toEqual([]);
  });

  test("of others run on Node 24, are pinned by commit with the version beside it, and are the same everywhere", () => {
    const wrong: string[] = [];
    const pins = new Map<string, Set<string>>();
    const ours = filesOf(join(root, ".github"), /\.ya?ml$/).map((path) => join(".github", path));
    const toCopy = filesOf(release.folder, /\.md$|^docs\/.*\.ya?ml$/);
    for (const path of [...ours, ...toCopy])
      for (const { uses, comment } of usesIn(readFileSync(join(root, path), "utf8"))) {
        if (/^(?:\.|(?:org|OWNER)\/)/.test(uses) || ONLY_ON_GHES.includes(uses)) continue;
        count("uses: of others");
        const [name = "", ref = ""] = uses.split("@");
        const [version, major] = /^v(\d+)\.\d+\.\d+$/.exec(comment ?? "") ?? [];
        if (!/^[0-9a-f]{40}$/.test(ref) || version === undefined)
          wrong.push(`${path}: ${uses} is not pinned`);
        if (NODE_24[name] === undefined || !(Number(major) >= NODE_24[name]))
          wrong.push(`${path}: ${uses} ${comment ?? ""}`);
        pins.set(name, (pins.get(name) ?? new Set()).add(`${ref} ${comment}`));
      }
    for (const [name, all] of pins) if (all.size > 1) wrong.push(`${name}: ${[...all].join(", ")}`);
    expect(wrong).toEqual([]);
  });

  test("nested in the release are all pinned, and to a commit that the tag holds", () => {
    expect(unpinned(release.folder)).toEqual([]);
    const nested = filesOf(release.folder, /(?:^|\/)action\.yml$|^\.github\/.*\.yml$/).flatMap((path) =>
      usesIn(readFileSync(join(release.folder, path), "utf8")),
    );
    const own = nested.filter(({ uses }) => uses.startsWith(`${REPOSITORY}/`));
    expect(own.length).toBeGreaterThanOrEqual(5);
    expect([...new Set(own.map(({ uses }) => uses.split("@")[1]))]).toEqual([release.parts]);
    expect([...new Set(own.map(({ comment }) => comment))]).toEqual(["v1.0.0"]);
    expect(git(release.repository, "rev-list", release.commit).split("\n")).toEqual([
      release.commit,
      release.parts,
    ]);
    // What others refer to refers to nothing itself, so no chain of pins is longer than these two.
    expect(filesOf(release.partsFolder, /action\.yml$|^\.github\//).sort()).toEqual(
      ["build-variant", "plan", "publish-wheel", "setup-cpu-torch", "verify-torch-cpu"].map(
        (name) => `${name}/action.yml`,
      ),
    );
    expect(unpinned(release.partsFolder)).toEqual([]);
  });

  test.each([
    ["a tag", `${REPOSITORY}/plan@v1`],
    ["a branch", "actions/checkout@main"],
    ["a short hash", "actions/checkout@3d3c42e"],
    ["nothing", "actions/checkout"],
    ["an image by its tag", "docker://alpine:3.20"],
  ])("the checker refuses one by %s", (_what, uses) => {
    const folder = scratch();
    writeFileSync(join(folder, "action.yml"), `runs:\n  using: composite\n  steps:\n    - uses: ${uses}\n`);
    expect(unpinned(folder)).toEqual([`action.yml: ${uses}`]);
  });
});

test("links and paths of the documents lead somewhere in the release", () => {
  const wrong: string[] = [];
  for (const path of filesOf(release.folder, /\.md$/)) {
    const text = readFileSync(join(release.folder, path), "utf8");
    for (const link of linksIn(text)) {
      const [, ours] = new RegExp(`^https://github\\.com/${REPOSITORY}/blob/v1/(.*)$`).exec(link) ?? [];
      if (ours === undefined && /^[a-z]+:/.test(link)) continue;
      count("links");
      const target = link.startsWith("#") ? `${path}${link}` : (ours ?? normalize(join(dirname(path), link)));
      const problem = missing(target);
      if (problem) wrong.push(`${path}: ${link}: ${problem}`);
    }
    for (const named of pathsIn(text.replace(/\]\([^)]*\)/g, ""))) {
      // Beside the document, or of a user's own repository in an example.
      if (existsSync(join(release.folder, dirname(path), named))) continue;
      count("paths");
      const place = SOURCE_ONLY.test(named) ? root : release.folder;
      if (!OF_THE_READER.includes(named) && !isThere(place, named)) wrong.push(`${path}: ${named}`);
    }
  }
  expect(wrong).toEqual([]);
});

test("what action.yml files, errors, summaries and the manifest name is in the release", () => {
  const wrong: string[] = [];
  const texts: [string, string][] = [
    ...filesOf(release.folder, /\.ya?ml$/).map((path): [string, string] => [
      path,
      readFileSync(join(release.folder, path), "utf8"),
    ]),
    ["errors", readFileSync(join(release.folder, "docs/errors.md"), "utf8")],
    ...filesOf(join(root, "src"), /\.(?:ts|py)$/).map((path): [string, string] => [
      join("src", path),
      readFileSync(join(root, "src", path), "utf8").replace(/^\s*(?:\/\/|\/?\*|#).*$/gm, ""),
    ]),
  ];
  for (const [where, text] of texts)
    for (const named of pathsIn(text)) {
      if (!/^(?:docs|schemas)\/|\.(?:md|sh)$/.test(named)) continue;
      count("paths in what is run");
      if (!existsSync(join(release.folder, named))) wrong.push(`${where}: ${named}`);
    }
  expect(wrong).toEqual([]);
});

test("SARIF's rules link to a check's own heading, in the bundle as well", () => {
  const prefix = `https://github.com/${REPOSITORY}/blob/v1/`;
  for (const { helpUri } of SARIF_RULES) {
    count("SARIF rules");
    expect(helpUri.startsWith(prefix)).toBe(true);
    expect(missing(helpUri.slice(prefix.length))).toBeNull();
  }
});

test("what is released is all that was counted", () => {
  const total = Object.values(resolved).reduce((sum, one) => sum + one, 0);
  expect(total).toBeGreaterThan(250);
});

describe("a release for another owner", () => {
  let other: Released;

  beforeAll(() => {
    other = releaseTree("acme/wheel-actions", "v2.3.4");
  });

  test("names that owner and that version everywhere", () => {
    const left = exec("grep", ["-rlF", REPOSITORY, other.folder]).stdout;
    expect(left).toBe("");
    expect(readFileSync(join(other.folder, "README.md"), "utf8")).toContain("acme/wheel-actions");
    const composite = readFileSync(join(other.folder, "action.yml"), "utf8");
    expect(composite).toContain(`uses: acme/wheel-actions/build-variant@${other.parts} # v2.3.4`);
    const document = readdirSync(join(other.folder, "dist"), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".js"))
      .filter((name) =>
        readFileSync(join(other.folder, "dist", name), "utf8").includes(
          "https://github.com/acme/wheel-actions/blob/v2/docs/checks.md",
        ),
      );
    expect(document).toHaveLength(1);
  });

  test("still runs", () => {
    const ran = exec(process.execPath, [join(other.folder, "dist/cli/index.js"), "plan", "--source=sample"]);
    expect(ran.status).toBe(0);
    expect(exec(join(other.folder, "build_wheels.sh"), ["--source=sample", "--dry-run"]).status).toBe(0);
  });

  test("is the same again, commit for commit", () => {
    const again = releaseTree("acme/wheel-actions", "v2.3.4");
    expect([again.parts, again.commit]).toEqual([other.parts, other.commit]);
  });

  test.each([
    [["acme", "v1.0.0"]],
    [["acme/a b", "v1.0.0"]],
    [["-acme/a", "v1.0.0"]],
    [["acme/..", "v1.0.0"]],
    [["acme/wheels", "1.0.0"]],
    [["acme/wheels", "v1.0.0", "3d3c42e"]],
  ])("is refused for %j", (args) => {
    const ran = exec(process.execPath, ["scripts/release-tree.mjs", join(scratch(), "out"), ...args]);
    expect([ran.status, ran.stderr]).toEqual([2, expect.stringContaining("usage: ")]);
  });
});

describe("linters, on the released files as they stand", () => {
  test("actionlint", () => {
    const workflow = join(release.folder, ".github/workflows/build-wheels.yml");
    const ran = exec(tool("actionlint"), ["-color=false", "-shellcheck=", "-pyflakes=", workflow]);
    expect([ran.status, ran.stdout]).toEqual([0, ""]);
  });

  test("zizmor, with nothing allowed", () => {
    const args = ["--offline", "--persona", "pedantic", "--no-config", "--no-progress", release.folder];
    const ran = exec(tool("zizmor"), args);
    expect(ran.status === 0 ? "" : ran.stdout).toBe("");
    expect(ran.stderr + ran.stdout).toContain("No findings to report");
  });
});
