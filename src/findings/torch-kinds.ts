import { z } from "zod";
import { kind, some } from "./kind.ts";

const CPU_INDEX = "https://download.pytorch.org/whl/cpu";

const CPU_REMEDY = (): string =>
  `Install torch and its companions from one CPU-only index: --index-url ${CPU_INDEX}`;

/** What an environment holds beside CPU-only torch. */
export const TORCH_KINDS = {
  "torch-unimportable": kind(
    { message: z.string() },
    ({ message }) => `torch can't be imported: ${message}`,
    CPU_REMEDY,
  ),
  "gpu-torch": kind(
    {
      found: z.string().describe("torch's version"),
      backends: z
        .array(z.object({ name: z.string(), version: z.string() }))
        .describe("As torch.version has them"),
      libraries: z.array(z.string()).describe("GPU libraries that it ships"),
    },
    ({ found, backends, libraries }) =>
      `torch ${found}${backends.map(({ name, version }) => `, torch.version.${name} = ${version}`).join("")}${
        libraries.length > 0 ? `, ships ${some(libraries, 10)}` : ""
      }`,
    CPU_REMEDY,
  ),
  "several-torches": kind(
    { found: z.array(z.string()).describe("Versions that are installed") },
    ({ found }) => `torch is installed ${found.length} times (${found.join(", ")})`,
    CPU_REMEDY,
  ),
  "several-openmp": kind(
    { files: z.array(z.string()).describe("OpenMP runtimes that are loaded") },
    ({ files }) => `${files.length} OpenMP runtimes are loaded: ${files.join(", ")}`,
    CPU_REMEDY,
  ),
  "unlabelled-torch": kind(
    { found: z.string().describe("torch's version") },
    ({ found }) => `torch ${found}, no +cpu, but no GPU backend either`,
  ),
  "cuda-available": kind({}, () => "torch.cuda.is_available() is True", CPU_REMEDY),
  "gpu-package": kind(
    { package: z.string(), found: z.string().describe("Its version") },
    ({ package: name, found }) => `${name} ${found} is installed`,
    CPU_REMEDY,
  ),
  "broken-companion": kind(
    { package: z.string(), found: z.string().describe("Its version"), message: z.string() },
    ({ package: name, found, message }) => `${name} ${found}: ${message}`,
    (all) => {
      const broken = all.map((one) => one.package).join(" ");
      return `Take ${broken} from where torch comes from: pip install --force-reinstall --no-deps ${broken} --index-url ${CPU_INDEX} (or, where nothing needs them: pip uninstall -y ${broken}).`;
    },
  ),
  "broken-interpreter": kind(
    { path: z.string().describe("The environment's Python"), problem: z.string() },
    ({ problem }) => `the environment's interpreter is broken: ${problem}`,
    () => "Make the environment anew: vllm-cpu-wheels setup FOLDER.",
  ),
};
