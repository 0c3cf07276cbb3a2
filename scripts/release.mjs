// Makes a release: node scripts/release.mjs vX.Y.Z [--repository OWNER/REPO] [--remote NAME] [--push]
// The tag's commit has no parent and holds the release tree alone; it is made of the source commit's time and nothing
// else that changes, so that the same source gives the same commit. vX.Y and vX move to it; vX.Y.Z never moves.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
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

const folder = mkdtempSync(join(tmpdir(), "release-"));
try {
  const tree = join(folder, "tree");
  execFileSync(process.execPath, [join(root, "scripts/release-tree.mjs"), tree, values.repository, tag], {
    stdio: "inherit",
  });
  const index = { env: { ...process.env, GIT_INDEX_FILE: join(folder, "index"), GIT_WORK_TREE: tree } };
  git(["--git-dir", git(["rev-parse", "--absolute-git-dir"]), "add", "--all", "--force", "."], {
    ...index,
    cwd: tree,
  });
  const object = git(["write-tree"], index);
  const source = git(["rev-parse", "HEAD"]);
  const time = git(["show", "-s", "--format=%cI", "HEAD"]);
  const identity = { NAME: "vllm-cpu-actions release", EMAIL: "release@invalid", DATE: time };
  const env = { ...process.env };
  for (const [name, value] of Object.entries(identity)) {
    env[`GIT_AUTHOR_${name}`] = value;
    env[`GIT_COMMITTER_${name}`] = value;
  }
  const commit = git(["commit-tree", object, "-m", `Release ${tag}\n\nSource-Commit: ${source}`], { env });

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
} finally {
  rmSync(folder, { recursive: true, force: true });
}
