// Fails where dist/ is not, byte for byte, what src/ builds; files left over from an earlier build count too.
import { execFileSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** What a build writes into its default output folder, which is this one: .gitignore names the same. */
const OUTPUT = /\.whl$|\.verdict\.json$|\.report\.html$|\.sarif$|\.lock$/;

async function tree(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && !OUTPUT.test(entry.name));
  const pairs = files.map(async (entry) => {
    const path = join(entry.parentPath, entry.name);
    return [path.slice(folder.length + 1), await readFile(path, "base64")];
  });
  return new Map(await Promise.all(pairs));
}

const fresh = await mkdtemp(join(tmpdir(), "dist-"));
try {
  execFileSync(process.execPath, [join(root, "scripts/bundle.mjs"), fresh], { stdio: "inherit" });
  const [built, committed] = await Promise.all([tree(fresh), tree(join(root, "dist"))]);
  const names = [...new Set([...built.keys(), ...committed.keys()])].sort();
  const wrong = names.filter((name) => built.get(name) !== committed.get(name));
  if (wrong.length > 0) {
    console.error(`dist/ is not what src/ builds; run npm run build. Differing: ${wrong.join(", ")}`);
    process.exitCode = 1;
  } else {
    console.log(`dist/ is what src/ builds: ${names.length} files`);
  }
} finally {
  await rm(fresh, { recursive: true, force: true });
}
