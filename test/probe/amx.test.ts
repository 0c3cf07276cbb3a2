import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { TILE_INSTRUCTIONS } from "../../src/verify/checks/catalogue/run.ts";
import { readTileCounts } from "../../src/verify/runtime/tiles.ts";
import { exec, removeScratch, root, scratch, works } from "../support/run.ts";

const fixtures = join(root, "test", "fixtures", "amx");
const sources = ["decode", "execute", "multiply", "signals", "machine"].map((name) =>
  join(root, "src", "probe", "amx", `${name}.c`),
);
const folder = scratch();
const tiles = join(folder, "tiles.so");
const emulator = join(folder, "amx.so");

function compile(compiler: string, output: string, ...words: string[]): void {
  const flags = ["-O2", "-std=gnu11", "-D_GNU_SOURCE", "-shared", "-fPIC", "-pthread", "-Werror"];
  const { status, stderr } = exec(compiler, [...flags, "-o", output, ...words, "-ldl"]);
  if (status !== 0) throw new Error(stderr);
}

const emulate = (output: string, compiler: string, ...words: string[]): void =>
  compile(
    compiler,
    output,
    "-Wall",
    "-Wextra",
    "-fvisibility=hidden",
    "-ffp-contract=off",
    ...words,
    ...sources,
  );

beforeAll(() => {
  compile("gcc", tiles, "-mamx-tile", "-mamx-int8", "-mamx-bf16", join(fixtures, "tiles.c"));
  emulate(emulator, "gcc");
});

afterAll(removeScratch);

/** A Python with a library of ours; its shell tells a signal as 128 and its number. */
const under = (library: string, words: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  exec("sh", ["-c", '"$@"; exit $?', "sh", "env", `LD_PRELOAD=${library}`, "python3", ...words], { env });

const check = (library: string, seed: number, counts: string) =>
  under(library, [join(fixtures, "check.py"), tiles, String(seed), "10"], { CPU_WHEEL_AMX_COUNTS: counts });

const hasTiles = /^flags.* amx_tile( |$)/m.test(readFileSync("/proc/cpuinfo", "utf8"));
const emulated = hasTiles ? describe.skip : describe;
const reason = hasTiles ? "not-run: this CPU has AMX, and raises nothing that could be emulated: " : "";

const compilers = ["gcc", "clang"].filter((name) => works(name, ["--version"]));

emulated.each(compilers)(`${reason}tile instructions, emulated by what %s makes`, (compiler) => {
  const seed = Math.floor(Math.random() * 2 ** 31);

  test(`give what a plain computation gives, in threads and children too (seed ${seed})`, async () => {
    const own = join(folder, `${compiler}.so`);
    emulate(own, compiler);
    const counts = join(folder, `${compiler}.counts`);
    const ran = check(own, seed, counts);
    expect(`${ran.stdout}${ran.stderr}`).toBe("all right\n");
    const counted = await readTileCounts(counts);
    expect(Object.keys(counted)).toEqual([...TILE_INSTRUCTIONS]);
    // Ten rounds, one more multiplication in a thread and one in a child.
    expect(counted).toMatchObject({
      tdpbssd: 11,
      tdpbsud: 10,
      tdpbusd: 10,
      tdpbuud: 10,
      tdpbf16ps: 11,
      tdpfp16ps: 10,
    });
  }, 120_000);
});

(hasTiles ? test.skip : test)(
  `${reason}one wrong sign is seen`,
  () => {
    const wrong = join(folder, "wrong.so");
    emulate(wrong, "gcc", "-DAMX_WRONG_SIGN");
    expect(check(wrong, 1, join(folder, "wrong.counts")).stderr).toMatch(/^tdpbf16ps /);
  },
  60_000,
);

emulated(`${reason}what a CPU with AMX refuses`, () => {
  const call = (which: number, ...more: string[]) =>
    under(emulator, [...more, "-c", `import ctypes; ctypes.CDLL(${JSON.stringify(tiles)}).wrong(${which})`]);

  test.each([
    [0, 139, "a palette that there is not"],
    [1, 139, "reserved bytes"],
    [2, 139, "too many rows"],
    [3, 139, "too long rows"],
    [4, 139, "rows without bytes"],
    [5, 139, "a ninth tile"],
    [6, 132, "a multiplication before any configuration"],
    [7, 132, "sum and left of different height"],
    [8, 132, "sum and right of different width"],
    [9, 132, "left and right of different depth"],
    [10, 139, "a load from nowhere"],
    [11, 139, "a store to what is read-only"],
    [12, 132, "an undefined instruction"],
    [13, 132, "a tile without shape"],
    [14, 132, "one tile as both factors"],
    [15, 132, "VEX.W1"],
    [16, 132, "a prefix before VEX"],
    [17, 132, "a SIGILL that somebody sends"],
  ])("%i: status %i for %s", (which, status) => {
    expect(call(which).status).toBe(status);
  });

  test("is told by faulthandler, which came later", () => {
    const ran = call(12, "-X", "faulthandler");
    expect(ran.status).toBe(132);
    expect(ran.stderr).toContain("Fatal Python error: Illegal instruction");
  });
});

test("the machine says that it has tiles, to who reads /proc/cpuinfo and to who asks the kernel", () => {
  const out = join(folder, "fd3");
  const words = ["-c", 'exec python3 -I "$1" 3>"$2"', "sh", join(root, "src/probe/machine_facts.py"), out];
  const env = { LD_PRELOAD: emulator, CPU_WHEEL_AMX: "amx_tile amx_bf16" };
  expect(exec("sh", words, { env }).status).toBe(0);
  expect(JSON.parse(readFileSync(out, "utf8"))).toEqual({ tilesWork: true });
  const flags = exec("grep", ["-m1", "^flags", "/proc/cpuinfo"], { env });
  expect(flags.stdout).toMatch(/ amx_tile amx_bf16$/m);
});
