import { readTextIfAny } from "./files.ts";

/**
 * Bytes of memory that programs can still take: what the kernel says is available, or what is left of the container's
 * share where that is less. Sources: proc(5), MemAvailable; Linux, Documentation/admin-guide/cgroup-v2.rst.
 */
export async function availableMemory(): Promise<number> {
  const number = async (path: string): Promise<number> =>
    Number.parseInt((await readTextIfAny(path)) ?? "", 10);
  const known = /^MemAvailable:\s*(\d+) kB/m.exec((await readTextIfAny("/proc/meminfo")) ?? "")?.[1];
  const machine = known === undefined ? Number.POSITIVE_INFINITY : Number(known) * 1024;
  const left = (await number("/sys/fs/cgroup/memory.max")) - (await number("/sys/fs/cgroup/memory.current"));
  return Number.isNaN(left) ? machine : Math.min(machine, left);
}

/** How often the kernel has killed for want of memory, in this control group or on this machine. Source: cgroup-v2.rst. */
export async function oomKills(): Promise<number> {
  const group = (await readTextIfAny("/sys/fs/cgroup/memory.events")) ?? "";
  const machine = (await readTextIfAny("/proc/vmstat")) ?? "";
  return [group, machine].reduce((sum, text) => sum + Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0), 0);
}
