// Writes the tree that release tags point at: node scripts/release-tree.mjs OUT OWNER/REPO REF
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
const MOST_BYTES = 6 * 1000 * 1000;
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [out, repository, ref] = process.argv.slice(2);
if (!out || !/^[\w.-]+\/[\w.-]+$/.test(repository ?? "") || !/^v\d+(\.\d+){0,2}$/.test(ref ?? "")) {
  console.error("usage: node scripts/release-tree.mjs OUT OWNER/REPO vX[.Y[.Z]]");
  process.exit(2);
}
const target = resolve(out);
if (existsSync(target) && readdirSync(target).some((name) => name !== ".git")) {
  console.error(`${target} is not empty`);
  process.exit(2);
}
mkdirSync(target, { recursive: true });

cpSync(join(root, "dist"), join(target, "dist"), {
  recursive: true,
  filter: (path) => !/\.whl(\.verdict\.json)?$|\/\.[^/]+$/.test(path),
});
// What --source=sample builds, without what tools have left in its folder.
const SAMPLE = "test/fixtures/sample";
for (const name of execFileSync("git", ["ls-files", "-z", SAMPLE], { cwd: root, encoding: "utf8" }).split(
  "\0",
)) {
  if (name !== "") cpSync(join(root, name), join(target, "dist", "sample", relative(SAMPLE, name)));
}
for (const name of readdirSync(join(root, "actions"))) {
  const text = readFileSync(join(root, "actions", name, "action.yml"), "utf8");
  mkdirSync(join(target, name));
  writeFileSync(join(target, name, "action.yml"), text.replaceAll("../../dist/", "../dist/"));
}
const composite = readFileSync(join(root, "action.yml"), "utf8");
writeFileSync(
  join(target, "action.yml"),
  composite.replace(/uses: org\/vllm-cpu-actions\/([\w-]+)@v1$/gm, `uses: ${repository}/$1@${ref}`),
);
for (const name of ["variants.yml", "recipes.yml", "policy.yml", "LICENSE"])
  cpSync(join(root, name), join(target, name));

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
