import { randomBytes } from "node:crypto";
import { link, readFile, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { codeOf } from "../errors/thrown.ts";
import { WheelsError, wheelsError } from "../errors/wheels-error.ts";
import { exists, isMissing, makeDir, readTextIfAny, writing } from "./files.ts";
import type { Host } from "./host.ts";

const POLL_MS = 250;
/** Others may read who holds it; a lock that they could write to would be theirs to break, whatever the umask. */
const LOCK_MODE = 0o644;

interface Holder {
  pid: number;
  host: string;
  /** Kernel start time of the process, so that a reused pid is not taken for the holder. */
  started: string;
}

async function startTime(pid: number): Promise<string> {
  const stat = await readTextIfAny(`/proc/${pid}/stat`);
  // Field 22 of proc(5) stat; the command name before it may itself hold spaces and parentheses.
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}

async function readHolder(path: string): Promise<Holder | null> {
  try {
    const holder: unknown = JSON.parse(await readFile(path, "utf8"));
    if (typeof holder !== "object" || holder === null) return null;
    const { pid, host, started } = holder as Partial<Holder>;
    return typeof pid === "number" && typeof host === "string" && typeof started === "string"
      ? { pid, host, started }
      : null;
  } catch (thrown) {
    if (isMissing(thrown) || thrown instanceof SyntaxError) return null;
    throw thrown;
  }
}

async function isAlive(holder: Holder): Promise<boolean> {
  if (holder.host !== hostname()) return true;
  return (await exists(`/proc/${holder.pid}`)) && (await startTime(holder.pid)) === holder.started;
}

async function tryCreate(path: string): Promise<boolean> {
  return writing(path, () => create(path));
}

/** Makes the lock with its holder's name in one step, so that a holder killed at once leaves no nameless lock. */
async function create(path: string): Promise<boolean> {
  const holder: Holder = { pid: process.pid, host: hostname(), started: await startTime(process.pid) };
  const text = JSON.stringify(holder);
  const temporary = join(dirname(path), `.${randomBytes(6).toString("hex")}.part`);
  try {
    await writeFile(temporary, text, { mode: LOCK_MODE });
    await link(temporary, path);
    return true;
  } catch (thrown) {
    if (codeOf(thrown) === "EEXIST") return false;
    // Who holds a lock here may clear away what killed runs left, and takes this for such a thing.
    if (isMissing(thrown) && (await exists(dirname(path)))) return await create(path);
    // A file system without hard links: two steps, then.
    if (["EPERM", "ENOTSUP", "ENOSYS", "EMLINK"].includes(codeOf(thrown)) && (await exists(temporary)))
      return await createInTwoSteps(path, text);
    throw thrown;
  } finally {
    await rm(temporary, { force: true });
  }
}

async function createInTwoSteps(path: string, text: string): Promise<boolean> {
  try {
    await writeFile(path, text, { flag: "wx", mode: LOCK_MODE });
    return true;
  } catch (thrown) {
    if (codeOf(thrown) === "EEXIST") return false;
    throw thrown;
  }
}

/**
 * Runs `work` while holding a lock file; a lock whose holder is dead (kill -9, reboot) is taken over.
 * A file of this kind, and not flock(2), because Node has no flock and network file systems differ in it.
 * @param path the lock file, beside what it guards
 * @param what what is locked, for the error
 * @param options how long to wait for another holder, milliseconds; 0 where left out
 * @throws E_BUSY where another process holds it, E_INTERRUPTED, E_FOREIGN_OWNER, E_OUTPUT_DIR
 */
export async function withLock<T>(
  host: Host,
  path: string,
  what: string,
  work: () => Promise<T>,
  options: { waitMs?: number } = {},
): Promise<T> {
  await makeDir(dirname(path));
  const deadline = host.monotonic() + (options.waitMs ?? 0);
  for (let holder = await acquire(host, path); holder !== null; holder = await acquire(host, path)) {
    if (host.signal.aborted) throw wheelsError("E_INTERRUPTED", { during: `waiting for ${what}` });
    if (host.monotonic() >= deadline) throw wheelsError("E_BUSY", { what, holder, lock: path });
    await sleep(POLL_MS);
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

/** Takes the lock; or says who holds it. */
async function acquire(host: Host, path: string): Promise<string | null> {
  if (await tryCreate(path)) return null;
  const holder = await readHolder(path);
  if (holder === null) return "a holder that is just writing its name";
  if (await isAlive(holder)) return `process ${holder.pid} on ${holder.host}`;
  // Of several that see a dead holder one at a time takes over, or the second would remove the first one's new lock.
  const guard = `${path}.takeover`;
  const busy = await acquire(host, guard);
  if (busy !== null) return busy;
  try {
    const now = await readHolder(path);
    if (now?.pid === holder.pid && now.started === holder.started) {
      host.log.debug(`taking over ${path} from process ${holder.pid}, which is gone`);
      await rm(path, { force: true });
    }
    return (await tryCreate(path)) ? null : "another run";
  } finally {
    await rm(guard, { force: true });
  }
}

/** Does work under a lock that nobody holds. @returns what it gives; null where somebody holds the lock. @throws what work throws */
export async function whileFree<T>(host: Host, path: string, work: () => Promise<T>): Promise<T | null> {
  return withLock(host, path, path, work).catch((thrown: unknown) => {
    if (thrown instanceof WheelsError && thrown.code === "E_BUSY") return null;
    throw thrown;
  });
}
