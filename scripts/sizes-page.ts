/** What `measure-sizes.ts` writes: bytes, and the command and day that they come from. */
export interface Measurements {
  /** YYYY-MM-DD */
  date: string;
  command: string;
  platform: string;
  /** Packages left out because the CPU index could not be asked for them. */
  without: string[];
  installs: {
    id: string;
    what: string;
    packages: number;
    /** How many of them are of the CUDA stack. */
    gpu: number;
    /** Bytes of all wheels. */
    download: number;
    /** Bytes of all their files. */
    unpacked: number;
  }[];
}

const number = (value: number): string => String(value).replace(/\B(?=(\d{3})+$)/g, ",");

/** Bytes as the documents show them: MB of 10⁶ bytes, without decimals. */
export const megabytes = (bytes: number): string => `${number(Math.round(bytes / 1e6))} MB`;

/** How much less the first is than the second, in whole per cent. */
export const lessBy = (small: number, large: number): string => `${Math.round(100 * (1 - small / large))} %`;

/** docs/measurements-sizes.md */
export function sizesPage({ date, command, platform, without, installs }: Measurements): string {
  const [cpu, plain, vllm, vllmPlain] = installs;
  if (!cpu || !plain || !vllm || !vllmPlain) throw new Error("four installs are measured");
  return [
    "# Measured: what an installation costs",
    "",
    `Measured on ${date} for ${platform}, by`,
    "",
    "<!-- test: skip asks the package index for 350 files; what it writes changes with every release there -->",
    "```sh",
    command,
    "```",
    "",
    "All digits are in [measurements-sizes.json](measurements-sizes.json). Download is the sum of all wheels; unpacked is the",
    "sum of the files in them, as their zip directories tell. MB are 10⁶ bytes.",
    "",
    "| installation | packages | of the CUDA stack | download | unpacked |",
    "| --- | --- | --- | --- | --- |",
    ...installs.map(
      (one) =>
        `| ${one.what} | ${one.packages} | ${one.gpu} | ${megabytes(one.download)} | ${megabytes(one.unpacked)} |`,
    ),
    "",
    `CPU-only torch downloads ${lessBy(cpu.download, plain.download)} less than the default one, a whole vLLM`,
    `${lessBy(vllm.download, vllmPlain.download)} less.`,
    ...(without.length > 0
      ? [
          "",
          `Left out of all four: ${without.join(", ")}. The CPU index could not be asked for them from that machine.`,
        ]
      : []),
    "",
  ].join("\n");
}
