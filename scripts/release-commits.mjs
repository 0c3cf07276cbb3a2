// Makes the two commits of a release: node scripts/release-commits.mjs GIT-FOLDER OWNER/REPO vX.Y.Z SOURCE-COMMIT TIME
// Prints both, one a line. The first has no parent and holds the actions that refer to no other; the second comes after
// it and refers to it by its full hash, which no commit can do to itself. They are made of nothing that changes, so that
// the same source gives the same commits.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = dirname(fileURLToPath(import.meta.url));
const IDENTITY = { NAME: "vllm-cpu-actions release", EMAIL: "release@invalid" };
const [gitFolder, repository, tag, source, time] = process.argv.slice(2);
if (!gitFolder || !repository || !tag || !source || !time) {
  console.error("usage: node scripts/release-commits.mjs GIT-FOLDER OWNER/REPO vX.Y.Z SOURCE-COMMIT TIME");
  process.exit(2);
}

const git = (args, env = {}, cwd = folder) =>
  execFileSync("git", ["--git-dir", gitFolder, ...args], {
    cwd,
    encoding: "utf8",
    env: { ...process.env, ...env },
  }).trim();

function identity() {
  const entries = Object.entries({ ...IDENTITY, DATE: time });
  return Object.fromEntries(
    entries.flatMap(([name, value]) => [
      [`GIT_AUTHOR_${name}`, value],
      [`GIT_COMMITTER_${name}`, value],
    ]),
  );
}

/** @param {string | null} parent the commit that the tree's references are to */
function commit(place, parent, message) {
  const tree = join(place, "tree");
  const args = [join(folder, "release-tree.mjs"), tree, repository, tag, ...(parent ? [parent] : [])];
  try {
    execFileSync(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] });
  } catch (thrown) {
    process.exit(thrown.status ?? 1);
  }
  const index = { GIT_INDEX_FILE: join(place, "index"), GIT_WORK_TREE: tree };
  git(["-c", "core.autocrlf=false", "add", "--all", "--force", "."], index, tree);
  const object = git(["write-tree"], index);
  rmSync(tree, { recursive: true });
  rmSync(join(place, "index"));
  return git(
    [
      "commit-tree",
      object,
      ...(parent ? ["-p", parent] : []),
      "-m",
      `${message}\n\nSource-Commit: ${source}`,
    ],
    identity(),
  );
}

const place = mkdtempSync(join(tmpdir(), "release-"));
try {
  const parts = commit(place, null, `Actions of ${tag}`);
  console.log(parts);
  console.log(commit(place, parts, `Release ${tag}`));
} finally {
  rmSync(place, { recursive: true, force: true });
}
