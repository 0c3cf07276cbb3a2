import { wheelsError } from "../errors/wheels-error.ts";
import { ENGINE_MODES, type EngineMode, LEVELS } from "../verify/verdict/verdict.ts";
import { normalizeName } from "../wheel/names.ts";
import { about, complete, type Values, words } from "./spec.ts";

/** How far wheels are proven, and how they are run for it. */
export const PROVING = {
  ...about("How far to prove it", {
    level: {
      kind: "text",
      placeholder: "LEVEL",
      default: "kernels",
      choices: LEVELS,
      byHand: true,
      help: "How far the proof goes: static reads the wheel, import loads it, kernels runs its operators, engine makes tokens.",
    },
    without: {
      kind: "text",
      placeholder: "NAMES",
      default: null,
      help: "Required packages to install the wheel without, with a comma between them; the verdict warns of it.",
    },
    emulator: {
      kind: "text",
      placeholder: "COMMAND",
      default: null,
      help: "A command under which the wheel is run, such as sde64 -spr -- or qemu-x86_64 -cpu max; the verdict records it as emulated.",
    },
    "least-cpu": {
      kind: "flag",
      help: "Run import and kernels of a wheel for AVX2 once more on qemu-x86_64 -cpu Haswell, which has nothing beyond AVX2.",
    },
    isolation: {
      kind: "text",
      placeholder: "HOW",
      default: "auto",
      choices: ["auto", "none"],
      help: "Whether the wheel that is run is kept from the rest of the machine: auto does what the machine allows, and the verdict says what that was.",
    },
    "engine-modes": {
      kind: "text",
      placeholder: "MODES",
      default: "eager,compiled",
      help: "How the engine is started at --level=engine: eager, compiled as `vllm serve` does by default (it takes a C++ compiler and Python's headers), or both.",
    },
    "speed-reference": {
      kind: "text",
      placeholder: "WHEEL",
      default: null,
      help: "Measure the engine's tokens a second in turn with those of this wheel, a file or NAME==VERSION such as the last release; needs --level=engine.",
    },
    "speed-least": {
      kind: "text",
      placeholder: "RATIO",
      default: "0.9",
      help: "The least share of the reference's tokens a second that passes.",
    },
  }),
  ...about("Limits", {
    limit: {
      kind: "count",
      placeholder: "SECONDS",
      default: 600,
      help: "The seconds after which an import, a kernel or an engine is stopped; the verdict tells where it hung.",
    },
  }),
};

function parseSpeed(reference: string | null, text: string): { reference: string; least: number } | null {
  const least = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || least > 1)
    throw wheelsError("E_OPTION_VALUE", {
      option: "--speed-least",
      value: text,
      expected: "a number from 0 to 1, such as 0.9",
    });
  return reference === null ? null : { reference, least };
}

function parseModes(text: string): EngineMode[] {
  const given = words(text);
  const modes = ENGINE_MODES.filter((mode) => given.includes(mode));
  if (modes.length === 0 || given.some((mode) => !ENGINE_MODES.some((one) => one === mode)))
    throw wheelsError("E_OPTION_VALUE", {
      option: "--engine-modes",
      value: text,
      expected: `${ENGINE_MODES.join(" or ")}, or both with a comma between them`,
    });
  return modes;
}

/** @throws E_OPTION_VALUE where `without` is no list of packages, or names torch itself */
export function parseProving(given: Partial<Values<typeof PROVING>>) {
  const values = complete(PROVING, given);
  const without = words(values.without);
  const wrong = without.find((name) => !/^[A-Za-z0-9]([\w.-]*[A-Za-z0-9])?$/.test(name));
  if (wrong !== undefined || without.some((name) => normalizeName(name) === "torch"))
    throw wheelsError("E_OPTION_VALUE", {
      option: "--without",
      value: values.without ?? "",
      expected: "package names, torch not among them",
    });
  const emulator = values.emulator?.split(/\s+/).filter((word) => word !== "") ?? [];
  return {
    level: values.level,
    settings: {
      limit: values.limit,
      without: without.map(normalizeName),
      emulator,
      leastCpu: values["least-cpu"],
      isolates: values.isolation === "auto",
      modes: parseModes(values["engine-modes"]),
      speed: parseSpeed(values["speed-reference"], values["speed-least"]),
    },
  };
}
