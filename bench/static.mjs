// All static checks of one wheel against the peers that look at wheels, and against objdump over the same libraries:
// clock, CPU time and memory, medians of interleaved rounds. Usage: npm run bench:static [ROUNDS] [WHEEL]; needs dist/, uv
// or pip, objdump. Without WHEEL a published one of about 35 MB, with about 100 MB of libraries, is fetched.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { report } from "./lib/report.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const cli = join(root, "dist", "cli", "index.js");
const rounds = Number(process.argv[2] ?? 5);
const work = mkdtempSync(join(tmpdir(), "bench-static-"));
const PUBLISHED = "scipy==1.16.3";
const SMALL = "lxml==6.0.2";

// Node does not tell what a child took; Python does.
const MEASURE = `
import json, resource, subprocess, sys, time
begin = time.perf_counter()
ran = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
wall = time.perf_counter() - begin
use = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({"wall": wall, "cpu": use.ru_utime + use.ru_stime, "memory": use.ru_maxrss / 1024,
                  "status": ran.returncode, "stderr": ran.stderr.decode(errors="replace")[-500:]}))
`;

function run(command, args) {
  const ran = spawnSync(command, args, { encoding: "utf8", maxBuffer: 1 << 28 });
  if (ran.status !== 0) throw new Error(`${command} ${args.join(" ")}: ${ran.error ?? ran.stderr}`);
  return ran.stdout;
}

/** Peers and this both answer 1 where they don't like a wheel; that is an answer too. */
function measure(command) {
  const one = JSON.parse(run("python3", ["-c", MEASURE, ...command]));
  if (one.status > 1) throw new Error(`${command.join(" ")} ended with ${one.status}: ${one.stderr}`);
  return one;
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

function libraries(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.so(\.[\d.]+)?$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}

function fetchWheel(python, requirement) {
  const folder = mkdtempSync(join(work, "wheel-"));
  const platforms = ["--platform=manylinux_2_28_x86_64", "--platform=manylinux2014_x86_64"];
  const options = ["--no-deps", "--only-binary=:all:", "--python-version=3.11", ...platforms];
  run(python, ["-m", "pip", "download", "-q", ...options, "-d", folder, requirement]);
  return join(folder, readdirSync(folder)[0]);
}

function rowsFor(commands) {
  const taken = Object.fromEntries(Object.keys(commands).map((name) => [name, []]));
  for (let round = 0; round < rounds; round++)
    for (const [name, command] of Object.entries(commands)) taken[name].push(measure(command));
  return Object.fromEntries(
    Object.entries(taken).map(([name, all]) => [
      name,
      {
        wall: median(all.map((one) => one.wall)),
        cpu: median(all.map((one) => one.cpu)),
        memory: Math.max(...all.map((one) => one.memory)),
      },
    ]),
  );
}

try {
  const venv = join(work, "venv");
  run("python3", ["-m", "venv", venv]);
  const python = join(venv, "bin", "python");
  run(python, ["-m", "pip", "install", "-q", "auditwheel", "check-wheel-contents", "twine"]);
  const tool = (name) => join(venv, "bin", name);
  const wheel = process.argv[3] ? resolve(process.argv[3]) : fetchWheel(python, PUBLISHED);
  const unpacked = join(work, "unpacked");
  run("python3", ["-m", "zipfile", "-e", wheel, unpacked]);
  const files = libraries(unpacked);
  const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0);
  const verify = (file) => [process.execPath, cli, "verify", "--no-verdict", "--level=static", file];
  const rows = rowsFor({
    "this, all static checks": verify(wheel),
    "auditwheel show": [tool("auditwheel"), "show", wheel],
    "check-wheel-contents": [tool("check-wheel-contents"), wheel],
    "twine check --strict": [tool("twine"), "check", "--strict", wheel],
    "objdump -d, all libraries": ["objdump", "-d", ...files],
  });
  const own = rows["this, all static checks"];
  const peers = ["auditwheel show", "check-wheel-contents", "twine check --strict"].map((name) => rows[name]);
  const total = (kind) => peers.reduce((sum, row) => sum + row[kind], 0);
  const told = Object.entries(rows).flatMap(([name, { wall, cpu, memory }]) => [
    { name: `${name}: clock`, value: wall, unit: "s", ratio: wall / total("wall") },
    { name: `${name}: CPU time`, value: cpu, unit: "s", ratio: cpu / total("cpu") },
    { name: `${name}: memory`, value: memory, unit: "MiB", ratio: memory / own.memory },
  ]);
  const alone = median(
    Array.from({ length: rounds }, () => {
      const program = join(root, "bench", "audit-alone.ts");
      return JSON.parse(run(process.execPath, ["--import", "tsx", program, ...files])).seconds;
    }),
  );
  const decoder = rows["objdump -d, all libraries"];
  told.push({
    name: "the audit alone, one thread (peer: objdump)",
    value: alone,
    unit: "s",
    ratio: alone / decoder.cpu,
  });
  if (!process.argv[3]) {
    const small = fetchWheel(python, SMALL);
    const { wall } = rowsFor({ small: verify(small) }).small;
    const size = (statSync(small).size / 1e6).toFixed(1);
    told.push({
      name: `${SMALL}, ${size} MB, all static checks: clock`,
      value: wall,
      unit: "s",
      ratio: wall / own.wall,
    });
  }
  const size = (statSync(wheel).size / 1e6).toFixed(1);
  report(
    `${wheel.split("/").at(-1)}: ${size} MB, ${files.length} libraries of ${(bytes / 1e6).toFixed(0)} MB, median of ${rounds}; the ratio is to the three peers together`,
    told,
  );
} finally {
  if (existsSync(work)) rmSync(work, { recursive: true, force: true });
}
