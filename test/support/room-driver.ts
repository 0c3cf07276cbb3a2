// Makes a room's environment, or tries a wheel in it, in a Node of its own: Jest's realms have another Error than Node's.
// Usage: tsx room-driver.ts make FOLDER TORCH CACHE | tsx room-driver.ts try REQUEST.json; prints JSON.
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { findingText } from "../../src/findings/findings.ts";
import type { Host } from "../../src/host/host.ts";
import { freePort } from "../../src/host/network/ports.ts";
import { createTerminalHost, createTerminalLog } from "../../src/host/terminal.ts";
import { copyTree } from "../../src/host/trees.ts";
import { installTorch, makeVenv, resolveTorch, torchFacts } from "../../src/torch/install.ts";
import { findPython } from "../../src/torch/python.ts";
import { ensureUv } from "../../src/torch/uv.ts";
import { parseManifest, resolveManifest } from "../../src/variants/manifest.ts";
import type { WheelFacts } from "../../src/verify/facts/facts.ts";
import { onLeastCpu } from "../../src/verify/runtime/least-cpu.ts";
import { type Programs, runPrograms } from "../../src/verify/runtime/programs.ts";
import { openRoom, type Room } from "../../src/verify/runtime/room.ts";
import { emulateTiles } from "../../src/verify/runtime/tiles.ts";
import { factsOf } from "./facts.ts";
import type { Bench, Trial } from "./room.ts";
import { root } from "./run.ts";

function host(cache: string | null = null): Host {
  const log = createTerminalLog({
    info: process.stderr,
    problems: process.stderr,
    debug: false,
    colour: false,
  });
  return createTerminalHost(log, new AbortController().signal, { colour: false, cache });
}

async function make(folder: string, index: string, cache: string): Promise<Bench> {
  const here = host(cache);
  const uv = await ensureUv(here);
  const python = await makeVenv(uv, join(folder, "v"), await findPython(here));
  const source = await resolveTorch(here, uv, python, { index, packages: ["torch"], version: null });
  await installTorch(here, uv, python, source);
  const bytecode = join(folder, "b");
  return { python, uv: uv.path, torch: (await torchFacts(here, python, { bytecode })).torch, bytecode };
}

/** The room of a trial, with tiles where it wants them emulated. */
async function roomOf(here: Host, trial: Trial): Promise<Room> {
  const folder = mkdtempSync(join(tmpdir(), "vcw-room-"));
  const room = await openRoom(here, trial.python, folder, trial.settings);
  // As the clean room has it of what its own programs compiled before the wheel was there.
  await copyTree(trial.bytecode, room.bytecode, () => true);
  if (trial.emulate.length === 0) return room;
  const made = await emulateTiles(here, room, trial.emulate);
  if ("why" in made) throw new Error(made.why.map(findingText).join("; "));
  return { ...room, emulation: made.emulation };
}

async function tryWheel(trial: Trial): Promise<unknown> {
  const here = host();
  const bytes = readFileSync(trial.wheel);
  const facts: WheelFacts = { ...factsOf(basename(trial.wheel), bytes), audits: [] };
  const programs: Programs = {
    room: await roomOf(here, trial),
    facts,
    level: trial.level,
    before: trial.torch,
    flags: new Set(trial.flags),
    challenge: trial.challenge,
    hindrance: null,
    promised: trial.promised,
    mustUse: trial.mustUse,
    port: await freePort(),
  };
  const checks = await runPrograms(here, programs);
  if (!trial.settings.leastCpu) return checks;
  const variants = resolveManifest([
    parseManifest(readFileSync(join(root, "variants.yml"), "utf8"), "variants.yml"),
  ]);
  return onLeastCpu(here, programs, variants.get(trial.variant) ?? null, checks);
}

const [command, first = "", second = "", third = ""] = process.argv.slice(2);
const answer =
  command === "make"
    ? await make(first, second, third)
    : await tryWheel(JSON.parse(readFileSync(first, "utf8")) as Trial);
process.stdout.write(JSON.stringify(answer));
