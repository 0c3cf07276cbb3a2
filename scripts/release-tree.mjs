// Writes the tree that a release holds: node scripts/release-tree.mjs OUT OWNER/REPO vX[.Y[.Z]] [COMMIT]
// Without COMMIT: the five JavaScript actions with all that they and the documents need, and nothing that refers to
// another action of this repository. With it also what does, the root action and the reusable workflow, and each such
// reference is to that commit.
import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

// Runners fetch it for each action of each job.
const MOST_BYTES = 8 * 1000 * 1000;
const OURS = "org/vllm-cpu-actions";
const DOCUMENTS = [
  "README.md",
  "PYTORCH_CPU_DEPENDENCY.md",
  "PYTORCH_CPU_CHANGES_SUMMARY.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  "CHANGELOG.md",
  "docs",
  "schemas",
  // Documents link to these.
  "src/inwheel/cpu_wheel.py",
  "test/verdict/check.py",
];
const SAMPLE = "test/fixtures/sample";
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [out, repository = "", ref = "", commit] = process.argv.slice(2);
const isName = (text) =>
  /^[A-Za-z0-9][A-Za-z0-9-]{0,38}\/[\w.-]{1,100}$/.test(text) && !/\/\.{1,2}$/.test(text);
if (
  !out ||
  !isName(repository) ||
  !/^v\d+(\.\d+){0,2}$/.test(ref) ||
  (commit !== undefined && !/^[0-9a-f]{40}$/.test(commit))
) {
  console.error(
    "usage: node scripts/release-tree.mjs OUT OWNER/REPO vX[.Y[.Z]] [COMMIT of 40 hexadecimal digits]",
  );
  process.exit(2);
}
const target = resolve(out);
if (existsSync(target) && readdirSync(target).some((name) => name !== ".git")) {
  console.error(`${target} is not empty`);
  process.exit(2);
}
const [major] = ref.split(".");

/** Names this repository as it is called where the release goes, by the tag that moves with its major version. */
const renamed = (text) =>
  text
    .replace(
      new RegExp(`${OURS}((?:/[\\w.-]+)*)@v1\\b`, "g"),
      (_whole, path) => `${repository}${path}@${major}`,
    )
    .replaceAll(`${OURS}/blob/v1/`, `${repository}/blob/${major}/`)
    .replaceAll(OURS, repository);

/** What refers to an action of this repository refers to the very commit that holds it. */
const pinned = (text) =>
  text.replace(
    new RegExp(`uses: ${OURS}/([\\w-]+)@v1$`, "gm"),
    (_whole, name) => `uses: ${repository}/${name}@${commit} # ${ref}`,
  );

function write(path, text) {
  mkdirSync(dirname(join(target, path)), { recursive: true });
  writeFileSync(join(target, path), text);
}

const source = (path) => readFileSync(join(root, path), "utf8");

const tracked = (...paths) =>
  execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard", ...paths], {
    cwd: root,
    encoding: "utf8",
  })
    .split("\0")
    .filter((name) => name !== "" && existsSync(join(root, name)));

mkdirSync(target, { recursive: true });
cpSync(join(root, "dist"), join(target, "dist"), {
  recursive: true,
  filter: (path) => !/\.whl(\.verdict\.json)?$|\/\.[^/]+$/.test(path),
});
for (const entry of readdirSync(join(target, "dist"), { recursive: true, withFileTypes: true })) {
  const path = join(entry.parentPath, entry.name);
  if (!entry.isFile() || !path.endsWith(".js")) continue;
  const text = readFileSync(path, "utf8");
  if (text.includes(OURS)) writeFileSync(path, renamed(text));
}
// What --source=sample builds, without what tools have left in its folder.
for (const name of tracked(SAMPLE))
  cpSync(join(root, name), join(target, "dist", "sample", relative(SAMPLE, name)));
for (const name of readdirSync(join(root, "actions")))
  write(`${name}/action.yml`, source(`actions/${name}/action.yml`).replaceAll("../../dist/", "../dist/"));
for (const name of tracked(...DOCUMENTS)) {
  if (/\.(md|json|ya?ml|svg|txt)$/.test(name)) write(name, renamed(source(name)));
  else cpSync(join(root, name), join(target, name));
}
for (const name of [
  "variants.yml",
  "recipes.yml",
  "policy.yml",
  "LICENSE",
  "build_wheels.sh",
  "test_and_publish.sh",
])
  cpSync(join(root, name), join(target, name));
if (commit !== undefined) {
  write("action.yml", renamed(pinned(source("action.yml"))));
  const workflow = ".github/workflows/build-wheels.yml";
  write(workflow, renamed(pinned(source(workflow))));
}

let bytes = 0;
for (const entry of readdirSync(target, { recursive: true, withFileTypes: true })) {
  const path = join(entry.parentPath, entry.name);
  if (entry.isFile() && !path.includes("/.git/")) bytes += statSync(path).size;
}
if (bytes > MOST_BYTES) {
  rmSync(join(target, "dist"), { recursive: true });
  console.error(`the release tree has ${bytes} bytes; ${MOST_BYTES} is the most`);
  process.exit(1);
}
console.log(`${target}: ${bytes} bytes`);
