// Jest runs this before all tests: the tests run the bundle, and an old one would be tested in place of src/.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { bundleDigest } from "../../scripts/bundle-digest.mjs";

function kept(root) {
  try {
    return JSON.parse(readFileSync(join(root, "dist", "version.json"), "utf8"));
  } catch {
    return {};
  }
}

/**
 * @param {{ rootDir: string }} config Jest's, for all projects
 * @throws {Error} where dist/ is not made of what src/ holds now
 */
export default function refuseOldBundle({ rootDir }) {
  const { version } = JSON.parse(readFileSync(join(rootDir, "package.json"), "utf8"));
  const bundle = kept(rootDir);
  if (bundle.source === bundleDigest(rootDir) && bundle.version === version) return;
  throw new Error(
    "dist/ was not built from what src/ holds now. Type: npm run build (or npm run test:built, which builds and then tests)",
  );
}
