// What dist/ is made of, as one digest: dist/version.json keeps it, and Jest refuses to test a bundle of other sources.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The bundler decides about bytes of dist/ too, though it is in none of them. */
const BUNDLER = "node_modules/rolldown";

/**
 * The digest of all that goes into the bundle: every file of src/, the script that bundles, and the versions of the
 * packages that may be bundled. The project's own version is kept beside it and is no part of it.
 * @param {string} root the project's folder
 * @returns {string} SHA-256, 64 hexadecimal digits
 */
export function bundleDigest(root) {
  const files = readdirSync(join(root, "src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|py|json)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
  const hash = createHash("sha256");
  for (const name of [...files, "scripts/bundle.mjs", "tsconfig.json"].sort()) {
    const bytes = readFileSync(join(root, name));
    // With its length, so that no two lists of files give one text.
    hash.update(`${name}\0${bytes.length}\0`).update(bytes);
  }
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  for (const name of Object.keys(packages).sort())
    if (name !== "" && (name === BUNDLER || !packages[name].dev))
      hash.update(`${name}@${packages[name].version}\0`);
  return hash.digest("hex");
}
