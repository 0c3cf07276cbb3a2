// Makes a release: node scripts/release.mjs vX.Y.Z [--repository OWNER/REPO] [--remote NAME] [--push]
// What is tagged is the second of two commits that hold the release tree alone (scripts/release-commits.mjs): the same
// source gives the same commits. vX.Y and vX move to it; vX.Y.Z never moves.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    repository: { type: "string", default: "org/vllm-cpu-actions" },
    remote: { type: "string", default: "origin" },
    notes: { type: "string" },
    push: { type: "boolean", default: false },
  },
});
const [tag = ""] = positionals;

function fail(message) {
  console.error(message);
  process.exit(1);
}

function git(args, options = {}) {
  return execFileSync("git", args, { cwd: root, encoding: "utf8", ...options }).trim();
}

const [, major, minor] =
  /^v(\d+)\.(\d+)\.\d+$/.exec(tag) ?? fail("usage: node scripts/release.mjs vX.Y.Z [--push]");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
if (`v${version}` !== tag)
  fail(`package.json says ${version}; set it to ${tag.slice(1)} and run npm run build first`);
if (git(["status", "--porcelain", "--untracked-files=no"]) !== "")
  fail("the working tree has changes; commit them first");

const changelog = readFileSync(join(root, "CHANGELOG.md"), "utf8");
const [, notes] =
  new RegExp(
    `^## \\[?${version.replaceAll(".", "\\.")}\\]?[^\\n]*\\n([\\s\\S]*?)(?=^## |$(?![\\s\\S]))`,
    "m",
  ).exec(changelog) ?? [];
if (!notes?.trim()) fail(`CHANGELOG.md has no section "## ${version}"`);
execFileSync(process.execPath, [join(root, "scripts/check-dist.mjs")], { stdio: "inherit" });

const [, commit = ""] = execFileSync(
  process.execPath,
  [
    join(root, "scripts/release-commits.mjs"),
    git(["rev-parse", "--absolute-git-dir"]),
    values.repository,
    tag,
    git(["rev-parse", "HEAD"]),
    git(["show", "-s", "--format=%cI", "HEAD"]),
  ],
  { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] },
).split("\n");

const there = git(["ls-remote", "--tags", values.remote, `refs/tags/${tag}`]).split("\t")[0];
if (there && there !== commit)
  fail(`${tag} is ${there} on ${values.remote}; a full tag never moves. Release a new version.`);
if (values.notes) writeFileSync(values.notes, `${notes.trim()}\n`);
console.log(
  `${tag} = ${commit}${there ? " (there already)" : ""}\nv${major}.${minor}, v${major} move to it\n\n${notes.trim()}`,
);
if (values.push) {
  const moving = [`v${major}.${minor}`, `v${major}`].map((name) => `+${commit}:refs/tags/${name}`);
  git(["push", "--atomic", values.remote, `${commit}:refs/tags/${tag}`, ...moving]);
  console.log(`pushed to ${values.remote}`);
}
