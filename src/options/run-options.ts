import { wheelsError } from "../errors/wheels-error.ts";
import type { RunSettings } from "../verify/runtime/settings.ts";
import { normalizeName } from "../wheel/names.ts";
import type { OptionSpecs, Values } from "./options.ts";

/** Options that say how a wheel is run. */
export const RUN_OPTIONS = {
  limit: {
    kind: "count",
    placeholder: "SECONDS",
    default: 600,
    help: "Stop an import, kernel or engine after so long, and tell where it hung",
  },
  without: {
    kind: "text",
    placeholder: "NAMES",
    default: null,
    help: "Required packages to install the wheel without, comma between them; the verdict warns of it",
  },
  emulator: {
    kind: "text",
    placeholder: "COMMAND",
    default: null,
    help: "Run the wheel under an emulator: sde64 -spr --, or qemu-x86_64 -cpu max; recorded as emulated",
  },
  "least-cpu": {
    kind: "flag",
    help: "Run import and kernels of an AVX2 wheel once more on qemu-x86_64 -cpu Haswell, which has nothing beyond AVX2",
  },
} as const satisfies OptionSpecs;

/** @throws E_OPTION_VALUE where `without` is no list of packages, or names torch itself */
export function runSettings(options: Values<typeof RUN_OPTIONS>): RunSettings {
  const without = options.without?.split(/[\s,]+/).filter((name) => name !== "") ?? [];
  const wrong = without.find((name) => !/^[A-Za-z0-9]([\w.-]*[A-Za-z0-9])?$/.test(name));
  if (wrong !== undefined || without.some((name) => normalizeName(name) === "torch")) {
    throw wheelsError("E_OPTION_VALUE", {
      option: "--without",
      value: options.without ?? "",
      expected: "package names, torch not among them",
    });
  }
  const emulator = options.emulator?.split(/\s+/).filter((word) => word !== "") ?? [];
  return {
    limit: options.limit,
    without: without.map(normalizeName),
    emulator,
    leastCpu: options["least-cpu"],
  };
}
