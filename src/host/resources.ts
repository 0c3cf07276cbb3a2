import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { wheelsError } from "../errors/wheels-error.ts";

const here = dirname(fileURLToPath(import.meta.url));

function root(): string {
  for (let folder = here; folder !== dirname(folder); folder = dirname(folder)) {
    if (existsSync(join(folder, "variants.yml"))) return folder;
  }
  throw wheelsError("E_INTERNAL", {
    detail: `no variants.yml above ${here}; the installation is incomplete`,
  });
}

/** Path of the default manifest. */
export function defaultManifestPath(): string {
  return join(root(), "variants.yml");
}

/** Path of the bundled source, which `--source=sample` builds. */
export function bundledSourcePath(): string {
  const bundled = join(root(), "dist");
  return here.startsWith(bundled) ? join(bundled, "sample") : join(root(), "test", "fixtures", "sample");
}

/** Path of a Python probe: beside the bundle in a release, in the source tree otherwise. */
export function probePath(name: string): string {
  const bundled = join(root(), "dist");
  return here.startsWith(bundled) ? join(bundled, "probe", name) : join(root(), "src", "probe", name);
}

/** Path of the worker that audits machine code. */
export function auditWorkerPath(): string {
  return join(root(), "dist", "audit-worker", "index.js");
}

/** This product's version, from the file that the release script keeps true. */
export function versionFilePath(): string {
  return join(root(), "dist", "version.json");
}

/** Path of a problem matcher: beside the bundle in a release, in the source tree otherwise. */
export function matcherPath(name: string): string {
  const bundled = join(root(), "dist");
  const folder = here.startsWith(bundled)
    ? join(bundled, "matchers")
    : join(root(), "src", "main", "matchers");
  return join(folder, `${name}.json`);
}

/** Path of the worker that talks to the workflow cache. */
export function cacheWorkerPath(): string {
  return join(root(), "dist", "cache-worker", "index.js");
}
