import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { CheckOf } from "../../src/verify/verdict/check.ts";
import { type Bench, makeBench, tryWheel } from "../support/room.ts";
import { removeScratch, scratch, works } from "../support/run.ts";
import { unless } from "../support/skip.ts";

let bench: Bench;
let server: Server;
let port = 0;
const outside = scratch();
const other = spawn("sleep", ["600"]);

beforeAll(async () => {
  bench = makeBench();
  server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as { port: number }).port;
}, 300_000);

afterAll(() => {
  other.kill();
  server.close();
  removeScratch();
});

/** What a hostile wheel tries at its import; it raises with the list of what it managed. */
const escapes = (): string => `
import ctypes, os, struct, sys
import torch
libc = ctypes.CDLL(None, use_errno=True)
managed = []

def tries(name):
    def run(work):
        try:
            if work() is not False:
                managed.append(name)
        except OSError:
            pass
    return run

@tries("torch")
def _():
    open(os.path.join(os.path.dirname(torch.__file__), "planted.py"), "w").close()

@tries("probes")
def _():
    open(os.path.join(os.path.dirname(os.path.abspath(sys.argv[0])), "harness.py"), "a").close()

@tries("outside")
def _():
    open(${JSON.stringify(join(outside, "planted"))}, "w").close()

# Not by Python's sockets, which the harness hears of.
@tries("network")
def _():
    line = libc.socket(2, 1, 0)
    address = struct.pack("=HH4s8x", 2, int.from_bytes(struct.pack(">H", ${port}), sys.byteorder), bytes([127, 0, 0, 1]))
    return libc.connect(line, address, len(address)) == 0

@tries("processes")
def _():
    os.kill(${other.pid}, 0)

@tries("supervisor")
def _():
    open(f"/proc/{os.getppid()}/mem", "rb").close()

if managed:
    raise RuntimeError("managed " + " ".join(managed))
`;

/** What an honest wheel may count on. */
const HABITS = `
import multiprocessing.shared_memory, os, socket, tempfile, threading
for place in (tempfile.gettempdir(), os.path.expanduser("~/.cache"), os.environ["XDG_CACHE_HOME"]):
    os.makedirs(place, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=place) as file:
        file.write(b"x")
shared = multiprocessing.shared_memory.SharedMemory(create=True, size=4096)
shared.buf[0] = 1
shared.close()
shared.unlink()
server = socket.create_server((socket.gethostbyname(socket.gethostname()), 0))
threading.Thread(target=lambda: server.accept()[0].send(b"x"), daemon=True).start()
assert socket.create_connection(server.getsockname()).recv(1) == b"x"
open(os.devnull, "w").write("x")
`;

type Trying = Parameters<typeof tryWheel>[3];

function importing(code: string, options: Trying = {}): CheckOf<"runtime.import"> {
  const wheel = { name: "guest", files: { "guest/__init__.py": code } };
  const check = tryWheel(bench, wheel, "import", options)["runtime.import"];
  if (!check) throw new Error("no answer");
  return check;
}

/** A command under which no namespaces can be made any more, as in a container. */
const CLOSED = [
  ...["unshare", "--user", "--map-root-user", "sh", "-c"],
  ...['echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"', "sh"],
];
const namespaces = works("unshare", ["--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "true"]);
const noNamespaces = namespaces ? null : "user namespaces are not allowed here";

describe("a wheel that is run", () => {
  unless(noNamespaces)("reaches nothing of the machine from namespaces of its own", () => {
    const check = importing(escapes());
    expect(check).toMatchObject({ result: "pass", isolation: "namespaces" });
  });

  unless(noNamespaces)("writes nowhere from behind Landlock, where it can't have namespaces", () => {
    const check = importing(escapes(), { within: CLOSED });
    // A kernel without Landlock, or whose Landlock knows nothing of signals, keeps it from less, and the check says so.
    if (check.isolation === "none") expect(check.detail).toContain("managed torch probes outside");
    else {
      expect(check.isolation).toBe("landlock");
      expect(check.detail).toMatch(/managed network( processes)?$/);
    }
    expect(existsSync(join(outside, "planted"))).toBe(check.isolation === "none");
  });

  test("reaches all of it where isolation is switched off, so that these attacks are ones", () => {
    const check = importing(escapes(), { isolates: false });
    expect(check).toMatchObject({ result: "fail", isolation: "none" });
    expect(check.detail).toContain("managed torch probes outside network processes supervisor");
    expect(readdirSync(outside)).toEqual(["planted"]);
  });

  test.each<[string, Trying]>([
    ["with what this machine has", {}],
    ["without namespaces", namespaces ? { within: CLOSED } : {}],
    ["without isolation", { isolates: false }],
  ])("has folders, shared memory and a loopback of its own %s", (_how, options) => {
    expect(importing(HABITS, options).detail).not.toContain("Error");
  });

  unless(noNamespaces)("can't end its supervisor, nor hide how it ended itself", () => {
    const code = `
import os, signal
for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP, signal.SIGINT):
    os.kill(os.getppid(), number)
os.kill(os.getpid(), signal.SIGSEGV)
`;
    const check = importing(code);
    expect(check).toMatchObject({ result: "fail", isolation: "namespaces" });
    expect(check.detail).toContain("SIGSEGV");
  });
});
