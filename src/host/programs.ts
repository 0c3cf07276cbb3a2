import { constants } from "node:fs";
import { access, open, readdir, readFile, stat } from "node:fs/promises";
import { arch } from "node:os";
import { delimiter, resolve } from "node:path";
import { codeOf } from "../errors/thrown.ts";
import { type WheelsError, wheelsError } from "../errors/wheels-error.ts";
import { mountOf } from "./mounts.ts";

/** Bytes that say what kind of program a file is. */
const HEAD = 256;

/** ELF's e_machine and our names of it. Source: gABI, "ELF Header"; Linux, include/uapi/linux/elf-em.h. */
const MACHINES: Readonly<Record<number, string>> = {
  3: "i386",
  8: "mips",
  21: "ppc64",
  22: "s390x",
  40: "arm",
  62: "x86_64",
  183: "aarch64",
  243: "riscv64",
  258: "loongarch64",
};
/** What a kernel runs by itself, by Node's name of the architecture: its own, and its 32-bit sibling. */
const NATIVE: Readonly<Record<string, readonly string[]>> = {
  x64: ["x86_64", "i386"],
  arm64: ["aarch64", "arm"],
};

const FORBIDDEN = "ask its owner for the right to start it, or put another one first on PATH";

async function refusal(path: string): Promise<WheelsError> {
  const mount = await mountOf(path);
  if (mount?.noexec)
    return wheelsError("E_TOOL_NOT_ALLOWED", {
      path,
      detail: `The file system at ${mount.point} is mounted noexec, so nothing on it can be started.`,
      remedy: `Name another folder (--cache-dir, TMPDIR), or on the machine: mount -o remount,exec ${mount.point}`,
    });
  const mode = await stat(path).then(
    (found) => found.mode,
    () => null,
  );
  const detail =
    mode !== null && (mode & 0o111) === 0
      ? `The file has no permission to be executed (mode ${(mode & 0o777).toString(8).padStart(4, "0")}).`
      : "The file, or a folder that it lies in, gives this user no right to it (EACCES).";
  return wheelsError("E_TOOL_NOT_ALLOWED", { path, detail, remedy: `chmod a+x ${path}, or ${FORBIDDEN}.` });
}

/** Where the kernel hands foreign programs to an emulator such as qemu. Source: Linux, admin-guide/binfmt-misc.rst. */
async function hasEmulators(): Promise<boolean> {
  const names = await readdir("/proc/sys/fs/binfmt_misc").catch(() => []);
  return names.some((name) => name !== "register" && name !== "status");
}

async function headOf(path: string): Promise<Buffer | null> {
  try {
    const file = await open(path);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD), 0, HEAD, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (thrown) {
    // A program may be executable and not readable; then the kernel alone knows what it is.
    if (codeOf(thrown) === "EACCES") return null;
    throw thrown;
  }
}

/**
 * Looks at what would be started. Without this a foreign or an empty file would be taken for a shell script by execvp(3),
 * and an empty one "succeeds".
 * @throws E_TOOL_ARCHITECTURE, E_TOOL_BROKEN
 */
async function demandProgram(path: string): Promise<void> {
  const head = await headOf(path);
  if (head === null) return;
  if (head.length === 0) throw wheelsError("E_TOOL_BROKEN", { path, detail: "The file is empty." });
  if (head.subarray(0, 4).toString("latin1") !== "\x7fELF") {
    if (head.includes(0) && !(await hasEmulators()))
      throw wheelsError("E_TOOL_BROKEN", { path, detail: "The file is neither a program nor a script." });
    return;
  }
  const big = head[5] === 2;
  const machine = head.length < 20 ? -1 : big ? head.readUInt16BE(18) : head.readUInt16LE(18);
  const made = MACHINES[machine] ?? `machine ${machine}`;
  const native = NATIVE[arch()];
  if (native === undefined || native.includes(made) || (await hasEmulators())) return;
  throw wheelsError("E_TOOL_ARCHITECTURE", { path, made, has: native[0] ?? arch() });
}

/**
 * Finds the file that would be started, as execvp(3) does: the first on PATH that may be executed.
 * @param path PATH of the program's environment
 * @param cwd folder that relative names are taken from
 * @throws E_TOOL_MISSING, E_TOOL_NOT_ALLOWED, E_TOOL_ARCHITECTURE, E_TOOL_BROKEN
 */
export async function locateProgram(command: string, path: string | undefined, cwd: string): Promise<string> {
  const places = command.includes("/")
    ? [resolve(cwd, command)]
    : (path ?? "/usr/local/bin:/bin:/usr/bin")
        .split(delimiter)
        .map((folder) => resolve(cwd, folder, command));
  let forbidden: string | null = null;
  for (const place of command === "" ? [] : places) {
    try {
      if (!(await stat(place)).isFile()) continue;
      await access(place, constants.X_OK);
      await demandProgram(place);
      return place;
    } catch (thrown) {
      const code = codeOf(thrown);
      if (code === "EACCES" || code === "EPERM") forbidden ??= place;
      else if (!["ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG"].includes(code)) throw thrown;
    }
  }
  throw forbidden === null ? wheelsError("E_TOOL_MISSING", { command }) : await refusal(forbidden);
}

/** What a script's first line, or a program's header, wants to be run by. */
async function interpreterOf(path: string): Promise<string> {
  const head = (await readFile(path).catch(() => Buffer.alloc(0))).subarray(0, 4096).toString("latin1");
  const script = /^#!\s*(\S+)/.exec(head)?.[1];
  if (script !== undefined) return `its first line wants ${script}`;
  const loader = /(\/[\w./-]*ld[\w.-]*\.so[\w.]*)/.exec(head)?.[1];
  return loader === undefined ? "what it is to be run by" : `it wants the loader ${loader}`;
}

/** The error of a folder that a program can't be started in, because there is none; null where there is. */
export async function folderError(cwd: string): Promise<WheelsError | null> {
  const folder = await stat(cwd).catch(() => null);
  if (folder?.isDirectory()) return null;
  return wheelsError("E_FOLDER_UNFIT", {
    use: "the work of a program",
    folder: cwd,
    problem: "it is gone",
    remedy: "Run the same command again from a folder that exists, and let nothing clean up meanwhile.",
  });
}

/**
 * Why the kernel did not start a program that was found.
 * @param thrown what spawn answered
 * @returns E_TOOL_NOT_ALLOWED, E_TOOL_ARCHITECTURE, E_TOOL_BROKEN, E_TOOL_LIMIT or E_FOLDER_UNFIT; null for another error
 */
export async function startError(path: string, cwd: string, thrown: unknown): Promise<WheelsError | null> {
  const detail = String(thrown).replace(/^Error: /, "");
  switch (codeOf(thrown)) {
    case "EACCES":
    case "EPERM":
      return refusal(path);
    case "ENOEXEC":
      return wheelsError("E_TOOL_BROKEN", {
        path,
        detail: "The kernel can't run this kind of file (ENOEXEC).",
      });
    case "ENOENT":
    case "ENOTDIR": {
      const gone = await folderError(cwd);
      if (gone !== null) return gone;
      return wheelsError("E_TOOL_BROKEN", {
        path,
        detail: `What it is run by is missing: ${await interpreterOf(path)}.`,
      });
    }
    case "ETXTBSY":
    case "ELIBBAD":
    case "EIO":
      return wheelsError("E_TOOL_BROKEN", { path, detail });
    case "EAGAIN":
    case "ENOMEM":
    case "EMFILE":
    case "ENFILE":
    case "E2BIG":
      return wheelsError("E_TOOL_LIMIT", { command: path, detail });
    default:
      return null;
  }
}

/** True for the error of a program that is not there, or is there and can't be started: another one may do. */
export function isUnusable({ code }: WheelsError): boolean {
  return ["E_TOOL_MISSING", "E_TOOL_NOT_ALLOWED", "E_TOOL_ARCHITECTURE", "E_TOOL_BROKEN"].includes(code);
}
