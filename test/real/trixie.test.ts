import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { VerifyResult } from "../../src/verify/verify.ts";
import { exec, removeScratch, root, scratch, torchFolder, wheels, works } from "../support/run.ts";
import { checksById } from "../support/wheel.ts";

/** A root folder of Debian trixie with g++ 14 and glibc 2.41; made by debootstrap where none is named. */
const given = process.env["TEST_TRIXIE"];
const isRoot = process.getuid?.() === 0;
const reason = !isRoot
  ? "only root may chroot"
  : given === undefined && !works("debootstrap", ["--version"])
    ? "debootstrap is not there"
    : null;
const trixie = given ?? join(scratch(), "trixie");
const mounted: string[] = [];

/** The same path in the folder, until the end of the test. */
function bind(path: string): void {
  const place = join(trixie, path);
  mkdirSync(place, { recursive: true });
  if (exec("mount", ["--bind", path, place]).status === 0) mounted.push(place);
}

beforeAll(() => {
  if (reason) return;
  const packages = "ca-certificates,g++,git,libnuma-dev,patchelf";
  if (given === undefined)
    exec("debootstrap", ["--variant=minbase", `--include=${packages}`, "trixie", trixie]);
  const python = exec("python3", ["-c", "import sys; print(sys.base_prefix)"]).stdout.trim();
  // Folders of packages that this machine's own settings name.
  const pip = ["/etc/pip.conf"].filter((path) => existsSync(path)).map((path) => readFileSync(path, "utf8"));
  const named = [...pip, process.env["PIP_FIND_LINKS"] ?? ""].join("\n").match(/\/[\w./-]+/g) ?? [];
  const folders = named.filter((path) => existsSync(path) && statSync(path).isDirectory());
  for (const path of new Set(["/proc", "/dev", root, torchFolder, python, ...folders])) bind(path);
  cpSync(process.execPath, join(trixie, "usr", "local", "bin", "node"));
  // How this machine reaches package indexes.
  for (const path of [
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/pip.conf",
    "/etc/ssl/certs/ca-certificates.crt",
  ])
    if (existsSync(path)) cpSync(path, join(trixie, path), { dereference: true });
}, 900_000);

afterAll(() => {
  for (const place of mounted.reverse()) exec("umount", [place]);
  removeScratch();
});

(reason ? describe.skip : describe)(`${reason ? `not-run: ${reason}: ` : ""}on a newer distribution`, () => {
  test("a wheel for glibc 2.28 is built, and its kernels are proven on this one", () => {
    const out = join("/tmp", "vcw-trixie");
    const python = exec("python3", ["-c", "import sys; print(sys.executable)"]).stdout.trim();
    const build = [
      join(root, "dist", "cli", "index.js"),
      "build",
      "--variant=vllm-cpu",
      "--source=sample",
      "--glibc=2.28",
      `--torch-index-url=${torchFolder}`,
      `--output-dir=${out}`,
      `--cache-dir=${out}/cache`,
    ];
    const PATH = [dirname(python), "/usr/local/bin", "/usr/sbin", "/usr/bin", "/bin"].join(":");
    const built = exec("chroot", [trixie, "/usr/local/bin/node", ...build], { cwd: "/", env: { PATH } });
    expect(built.status === 0 ? "" : built.stdout + built.stderr).toBe("");
    const made = join(trixie, out);
    const [name = ""] = readdirSync(made).filter((file) => file.endsWith(".whl"));
    const [, minor] = /manylinux_2_(\d+)_/.exec(name) ?? [];
    expect(Number(minor)).toBeLessThanOrEqual(28);
    const wheel = join(scratch(), name);
    cpSync(join(made, name), wheel);
    const own = readFileSync("/etc/os-release", "utf8");
    process.stdout.write(`${name} of trixie, proven on ${/PRETTY_NAME="(.*)"/.exec(own)?.[1]}\n`);
    const words = ["--level=kernels", "--no-verdict", "--json"];
    const ran = wheels(["verify", wheel, `--torch-index-url=${torchFolder}`, ...words]);
    const { results } = JSON.parse(ran.stdout) as { results: VerifyResult[] };
    const checks = checksById(results[0]?.checks ?? []);
    for (const id of ["platform.glibc", "runtime.resolve", "runtime.import", "runtime.kernels"] as const)
      expect([id, checks[id]?.result]).toEqual([id, "pass"]);
  }, 900_000);
});
