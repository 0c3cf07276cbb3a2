import type { Variant } from "./manifest.ts";

/**
 * The ISA flags that a Linux cpuinfo text reports ("flags" on x86, "Features" on Arm), of all processors together:
 * a flag counts only if every processor has it, since a thread may run on any of them.
 */
export function cpuFlags(cpuinfo: string): Set<string> {
  const lists = [...cpuinfo.matchAll(/^(?:flags|Features)\s*:(.*)$/gm)].map((match) =>
    (match[1] ?? "").trim().split(/\s+/),
  );
  const [first = [], ...rest] = lists.map((list) => new Set(list));
  return new Set([...first].filter((flag) => rest.every((other) => other.has(flag))));
}

/** The processor's marketing name, or an empty string. */
export function cpuModel(cpuinfo: string): string {
  return /^model name\s*:\s*(.*)$/m.exec(cpuinfo)?.[1]?.trim() ?? "";
}

/**
 * A cpuinfo text of a machine that has exactly these features. Build systems that read `cat /proc/cpuinfo`
 * (vLLM, cmake/cpu_extension.cmake) are shown this one instead of the host's.
 */
export function contractCpuinfo(
  unit: { name: string; features: readonly string[] },
  architecture: Variant["architecture"],
): string {
  const flags = unit.features.filter((feature) => feature !== "x86-64");
  const lines =
    architecture === "x86_64"
      ? [
          "vendor_id\t: vllm-cpu-actions",
          `model name\t: the contract of ${unit.name}`,
          `flags\t\t: fpu mmx sse sse2 lm ${flags.join(" ")}`,
        ]
      : [`Features\t: fp ${flags.join(" ")}`];
  return `processor\t: 0\n${lines.join("\n")}\n\n`;
}
