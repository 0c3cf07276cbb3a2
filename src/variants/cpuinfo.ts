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
 * A cpuinfo text of a machine that has exactly the variant's contract. Build systems that read
 * `cat /proc/cpuinfo` (vLLM up to 0.16, cmake/cpu_extension.cmake) are shown this one instead of the host's.
 */
export function contractCpuinfo(variant: Variant): string {
  const flags = variant.isa.mayUse.filter((feature) => feature !== "x86-64");
  const x86 = variant.architecture === "x86_64";
  const lines = x86
    ? [
        "vendor_id\t: vllm-cpu-actions",
        `model name\t: ${variant.name} contract`,
        `flags\t\t: fpu mmx sse sse2 lm ${flags.join(" ")}`,
      ]
    : [`Features\t: fp ${flags.join(" ")}`];
  return `processor\t: 0\n${lines.join("\n")}\n\n`;
}
