import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));

function root(): string {
  for (let folder = here; folder !== dirname(folder); folder = dirname(folder)) {
    if (existsSync(join(folder, "variants.yml"))) return folder;
  }
  // No error of the catalogue, whose texts would be loaded before the first line is printed; it becomes E_INTERNAL.
  throw new Error(`no variants.yml above ${here}; the installation is incomplete`);
}

/** Path of the default manifest. */
export function defaultManifestPath(): string {
  return join(root(), "variants.yml");
}

/** A folder that stands in dist/ where this runs from a bundle, and in the source tree otherwise. */
function shipped(name: string, source: string): string {
  const bundled = join(root(), "dist");
  return here.startsWith(bundled) ? join(bundled, name) : join(root(), source);
}

/** Path of the default policy. */
export function defaultPolicyPath(): string {
  return join(root(), "policy.yml");
}

/** Path of the recipes. */
export function recipesPath(): string {
  return join(root(), "recipes.yml");
}

/** Path of the bundled source, which `--source=sample` builds: a release holds no tests, so it has it in dist/. */
export function bundledSourcePath(): string {
  const released = join(root(), "dist", "sample");
  return existsSync(released) ? released : join(root(), "test", "fixtures", "sample");
}

/** Folder of the probes. */
export function probeFolder(): string {
  return shipped("probe", "src/probe");
}

/** Path of the module that a variant's wheel is given. */
export function inWheelPath(): string {
  return join(shipped("inwheel", "src/inwheel"), "cpu_wheel.py");
}

/** Path of a problem matcher. */
export function matcherPath(name: string): string {
  return join(shipped("matchers", "src/faces/action/matchers"), `${name}.json`);
}

/** Path of the worker that audits machine code. */
export function auditWorkerPath(): string {
  return join(root(), "dist", "audit-worker", "index.js");
}

/** Path of the demangler's module, beside the worker that uses it. */
export function demanglerPath(): string {
  return join(root(), "dist", "audit-worker", "demangler.wasm");
}

/** This product's version, from the file that the release script keeps true. */
export function versionFilePath(): string {
  return join(root(), "dist", "version.json");
}

/** Path of the worker that talks to the workflow cache. */
export function cacheWorkerPath(): string {
  return join(root(), "dist", "cache-worker", "index.js");
}
