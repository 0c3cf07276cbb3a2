// Bundles src/ into dist/: one folder an entry, shared chunks beside them. Usage: node scripts/bundle.mjs [OUT]
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { bundleDigest } from "./bundle-digest.mjs";

// iced-x86 is CommonJS and finds its wasm through __dirname; other packages define that name themselves.
const FOLDER_OF_MODULE =
  'import { dirname as __pathDirname } from "node:path"; import { fileURLToPath as __fileURLToPath } from "node:url"; const __dirname = __pathDirname(__fileURLToPath(import.meta.url));';
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const out = resolve(process.argv[2] ?? join(root, "dist"));
/** Source file by entry. */
const ENTRIES = {
  cli: "faces/cli/start",
  plan: "faces/action/entries/plan",
  "setup-cpu-torch": "faces/action/entries/setup-cpu-torch",
  "build-variant": "faces/action/entries/build-variant",
  "verify-torch-cpu": "faces/action/entries/verify-torch-cpu",
  "publish-wheel": "faces/action/entries/publish-wheel",
  post: "faces/action/entries/post",
  "audit-worker": "verify/facts/audit-worker",
  "cache-worker": "faces/action/entries/cache-worker",
};
const NAMES = Object.keys(ENTRIES);

for (const folder of [...NAMES, "chunks", "probe", "inwheel", "matchers", "licenses"]) {
  await rm(join(out, folder), { recursive: true, force: true });
}

const bundle = await rolldown({
  cwd: root,
  input: Object.fromEntries(
    Object.entries(ENTRIES).map(([name, file]) => [`${name}/index`, `src/${file}.ts`]),
  ),
  platform: "node",
  external: [/^node:/],
  // @actions/core without its OIDC client needs no HTTP client, which is most of its weight.
  treeshake: { moduleSideEffects: [{ test: /node_modules\/@actions\//, sideEffects: false }] },
  logLevel: "warn",
});
const { output } = await bundle.write({
  dir: out,
  format: "esm",
  entryFileNames: "[name].js",
  chunkFileNames: "chunks/[name].js",
  minify: { compress: true, mangle: true, codegen: { removeWhitespace: true } },
  comments: false,
  banner: (chunk) => (chunk.moduleIds.some((id) => id.includes("iced-x86")) ? FOLDER_OF_MODULE : ""),
});
await bundle.close();

// iced-x86 reads its wasm from the folder of the chunk that holds it.
const wasmHolder = output.find((chunk) => chunk.type === "chunk" && chunk.code.includes("iced_x86_bg.wasm"));
if (wasmHolder) {
  await copyFile(
    join(root, "node_modules/iced-x86/iced_x86_bg.wasm"),
    join(out, dirname(wasmHolder.fileName), "iced_x86_bg.wasm"),
  );
}

// The demangler's own entry imports its wasm as a module, which Node does not take; the worker reads it itself.
await copyFile(
  join(root, "node_modules/gecko-profiler-demangle/index_bg.wasm"),
  join(out, "audit-worker", "demangler.wasm"),
);

for (const folder of ["probe", "probe/amx"]) {
  await mkdir(join(out, folder), { recursive: true });
  for (const name of (await readdir(join(root, "src", folder))).sort()) {
    if (/\.(py|c|h)$/.test(name)) await copyFile(join(root, "src", folder, name), join(out, folder, name));
  }
}
await mkdir(join(out, "inwheel"), { recursive: true });
await copyFile(join(root, "src/inwheel/cpu_wheel.py"), join(out, "inwheel", "cpu_wheel.py"));
await mkdir(join(out, "matchers"), { recursive: true });
for (const name of (await readdir(join(root, "src/faces/action/matchers"))).sort())
  await copyFile(join(root, "src/faces/action/matchers", name), join(out, "matchers", name));
await copyFile(join(root, "scripts", "dist-readme.md"), join(out, "README.md"));
const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
await writeFile(join(out, "version.json"), `${JSON.stringify({ version, source: bundleDigest(root) })}\n`);

// Licences of what is inside the bundle travel with it.
const packages = new Set();
for (const chunk of output) {
  for (const id of chunk.type === "chunk" ? chunk.moduleIds : []) {
    const match = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules)/.exec(id);
    if (match) packages.add(match[1]);
  }
}
await mkdir(join(out, "licenses"), { recursive: true });
for (const name of [...packages].sort()) {
  const folder = join(root, "node_modules", name);
  const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file
    ? await readFile(join(folder, file), "utf8")
    : `${JSON.parse(await readFile(join(folder, "package.json"), "utf8")).license}\n`;
  await writeFile(join(out, "licenses", `${name.replaceAll("/", "__")}.txt`), text.replaceAll("\r\n", "\n"));
}
