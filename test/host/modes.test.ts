import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import { copyAtomic, makeDir, writeFile, writeFileAtomic } from "../../src/host/files.ts";
import { withLock } from "../../src/host/lock.ts";
import { createScratch } from "../../src/host/scratch.ts";
import { quietHost } from "../support/network-host.ts";
import { proved } from "../support/publish.ts";
import { cli, exec, type Ran, removeScratch, scratch } from "../support/run.ts";

const host = quietHost();
const usual = process.umask();
const servers: ChildProcess[] = [];

afterEach(() => {
  process.umask(usual);
  for (const server of servers.splice(0)) server.kill();
});
afterAll(removeScratch);

const modeOf = (path: string): string => (statSync(path).mode & 0o7777).toString(8);

/** Modes of all below a folder, by kind. */
function modesBelow(folder: string): { files: Set<string>; folders: Set<string> } {
  const found = { files: new Set<string>(), folders: new Set([modeOf(folder)]) };
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }))
    (entry.isDirectory() ? found.folders : found.files).add(modeOf(join(entry.parentPath, entry.name)));
  return found;
}

const under = (umask: string, args: readonly string[]): Ran =>
  exec("sh", ["-c", `umask ${umask} && exec "$@"`, "sh", process.execPath, cli, ...args]);

/** A folder that other users can get to, as a web server's is. */
function openFolder(): string {
  const folder = scratch();
  chmodSync(folder, 0o755);
  return folder;
}

/** Python's web server, which becomes another user once it listens. @returns its URL */
async function serveAs(uid: number, folder: string): Promise<string> {
  const program = `
import functools, http.server, os, sys
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
os.setgroups([]); os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[2]))
print(server.server_port, flush=True)
server.serve_forever()
`;
  const server = spawn("python3", ["-c", program, folder, String(uid)], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  servers.push(server);
  const port = await new Promise<string>((resolve) =>
    server.stdout?.once("data", (chunk: Buffer) => resolve(chunk.toString().trim())),
  );
  return `http://127.0.0.1:${port}/`;
}

const NOBODY = 65534;
const isRoot = process.getuid?.() === 0;
const asRoot = isRoot ? test : test.skip;

describe.each(["077", "027", "000"])("under umask %s", (umask) => {
  asRoot(
    `a web server of another user gives out a published index, and pip installs from it${isRoot ? "" : ": not-run: not root"}`,
    async () => {
      const index = join(openFolder(), "deep", "index");
      const wheel = proved(scratch());
      const ran = under(umask, ["publish", wheel, `--to=index:${index}`, `--cache-dir=${scratch()}`]);
      expect([ran.status, ran.stderr]).toEqual([0, expect.any(String)]);
      expect(modesBelow(join(index, ".."))).toEqual({ files: new Set(["644"]), folders: new Set(["755"]) });
      const url = await serveAs(NOBODY, index);
      const [name = ""] = readdirSync(index, { withFileTypes: true })
        .filter((entry) => entry.isDirectory() && entry.name !== "variants")
        .map((entry) => entry.name);
      expect(name).not.toBe("");
      const to = scratch();
      const args = ["-m", "pip", "download", "--no-deps", "--isolated", "--no-cache-dir", "--dest", to];
      const platform = ["--platform", "manylinux_2_36_x86_64", "--only-binary", ":all:"];
      const got = exec("python3", [...args, ...platform, "--index-url", url, name], {
        env: { NO_PROXY: "*" },
      });
      expect([got.status, readdirSync(to).length]).toEqual([0, 1]);
    },
    60_000,
  );

  test("a verdict and a report are for others to read, and the cache is nobody else's to write", () => {
    const folder = openFolder();
    const wheel = proved(folder);
    const cache = join(folder, "cache");
    const ran = under(umask, [
      "verify",
      wheel,
      "--level=static",
      `--cache-dir=${cache}`,
      `--sarif=${join(folder, "out", "result.sarif")}`,
      "--json",
    ]);
    expect(JSON.parse(ran.stdout)).toHaveProperty("results");
    expect(modeOf(`${wheel}.verdict.json`)).toBe("644");
    expect(modeOf(join(folder, "out"))).toBe("755");
    expect(modeOf(join(folder, "out", "result.sarif"))).toBe("644");
  });

  test("what is written is for others to read, and a scratch folder and a secret for nobody", async () => {
    const folder = scratch();
    process.umask(Number.parseInt(umask, 8));
    const made = join(folder, "a", "b");
    await makeDir(made);
    await writeFileAtomic(join(made, "page"), "text");
    await copyAtomic(join(made, "page"), join(made, "copy"));
    await writeFile(join(made, "program"), "#!/bin/sh\n", 0o755);
    await writeFile(join(folder, "secret"), "password", 0o600);
    expect([made, join(folder, "a")].map(modeOf)).toEqual(["755", "755"]);
    expect(["page", "copy", "program"].map((name) => modeOf(join(made, name)))).toEqual([
      "644",
      "644",
      "755",
    ]);
    expect(modeOf(join(folder, "secret"))).toBe("600");
    await createScratch(folder).withFolder("room", async (room) => expect(modeOf(room)).toBe("700"));
    const lock = join(folder, "x.lock");
    await withLock(host, lock, "x", async () => expect(statSync(lock).mode & 0o022).toBe(0));
  });
});

test("a folder that is there keeps its own permissions", async () => {
  const folder = join(scratch(), "private");
  mkdirSync(folder, { mode: 0o700 });
  await makeDir(join(folder, "below"));
  expect([modeOf(folder), modeOf(join(folder, "below"))]).toEqual(["700", "755"]);
});

test("programs that are run inherit a umask of ours", () => {
  const folder = openFolder();
  const bin = join(folder, "bin");
  mkdirSync(bin);
  const seen = join(folder, "seen");
  exec("sh", [
    "-c",
    `printf '#!/bin/sh\\numask >> %s\\nexit 1\\n' "${seen}" > ${bin}/c++ && chmod 755 ${bin}/c++`,
  ]);
  exec(
    "sh",
    ["-c", 'umask 077 && exec "$@"', "sh", process.execPath, cli, "doctor", `--torch-index-url=${folder}`],
    {
      env: { CXX: join(bin, "c++"), PIP_INDEX_URL: "http://127.0.0.1:9/", PIP_CONFIG_FILE: "/dev/null" },
    },
  );
  expect(new Set(readFileSync(seen, "utf8").trim().split("\n"))).toEqual(new Set(["0022"]));
});
