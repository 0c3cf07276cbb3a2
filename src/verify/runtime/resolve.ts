import { join, posix, relative } from "node:path";
import { z } from "zod";
import type { Finding } from "../../findings/findings.ts";
import { listDir, readTextIfAny, writeFile } from "../../host/files.ts";
import type { Host } from "../../host/host.ts";
import { type RunResult, tail } from "../../host/process.ts";
import { treeMarks } from "../../host/trees.ts";
import { isGpuLocalVersion, isGpuPackage } from "../../torch/gate.ts";
import type { TorchSource } from "../../torch/install.ts";
import { type Pip, pipOf } from "../../torch/pip.ts";
import { findPython } from "../../torch/python.ts";
import type { Uv } from "../../torch/uv.ts";
import { failureOf, troubleOf } from "../../torch/uv-trouble.ts";
import { TORCH_FAMILY } from "../../wheel/companions.ts";
import { attempt } from "../../wheel/format-error.ts";
import { normalizeName } from "../../wheel/names.ts";
import { parseRecord } from "../../wheel/record.ts";
import type { CheckAnswer } from "../verdict/check.ts";
import { downloadSizes, NEVER } from "./download-size.ts";
import { type Installed, installAlone } from "./installers.ts";
import { type ReadBack, readBack } from "./read-back.ts";

interface Installation {
  wheel: string;
  distribution: string;
  /** Whether a contract says what it is to be. */
  isVariant: boolean;
  torch: TorchSource;
  without: readonly string[];
  strays: readonly string[];
  /** Files that would run at every start of Python, and may not. */
  startup: readonly string[];
  /** What it would install by its own entries; null where they can't be read. */
  installs: Installed | null;
  /** What Python's readers should see in it; null where it can't be read. */
  reads: ReadBack | null;
  /** The environment as it was before. */
  before: Environment;
}

/** An environment that nothing of the wheel was in yet. */
export interface Environment {
  folder: string;
  /** Its packages. */
  site: string;
  /** Of each file, by path relative to the folder; see treeMarks. */
  marks: ReadonlyMap<string, string>;
  distributions: readonly Recorded[];
}

/** Looks at an environment before the wheel comes. @param folder of the environment */
export const environmentAt = async (folder: string, site: string): Promise<Environment> => ({
  folder,
  site,
  marks: await treeMarks(folder),
  distributions: await recorded(site),
});

/** An installed distribution, and what it says is its own. */
interface Recorded {
  /** As NAME-VERSION. */
  title: string;
  /** Normalised. */
  name: string;
  /** Relative to site-packages. */
  files: string[];
}

/** What is installed there. Source: binary distribution format, RECORD. */
async function recorded(site: string): Promise<Recorded[]> {
  const found: Recorded[] = [];
  for (const { name: folder } of await listDir(site)) {
    const [, title = "", name = ""] = /^((.+?)-[^-]+)\.dist-info$/.exec(folder) ?? [];
    if (title === "") continue;
    const text = (await readTextIfAny(join(site, folder, "RECORD"))) ?? "";
    // One that can't be read is another distribution's: the wheel's own was.
    const files = (attempt(() => parseRecord(text)) ?? []).map(({ path }) => posix.normalize(path));
    found.push({ title, name: normalizeName(name), files });
  }
  return found;
}

/** What one installer says it would do; null for one that was not asked. */
interface Plan {
  /** name==version */
  packages: string[];
  /** Why the installer would not do it; null where it would. */
  refusal: string | null;
}

/** The packages that uv's dry run would add. */
function wouldInstall(output: string): string[] {
  return [...output.matchAll(/^ \+ (\S+)/gm)].map((match) => match[1] ?? "");
}

/** What uv is told; the folder keeps what it must read for that. */
async function uvArguments(
  folder: string,
  python: string,
  { wheel, torch, without }: Pick<Installation, "wheel" | "torch" | "without">,
): Promise<string[]> {
  const only = ["--only-binary", ":all:"];
  const args = ["pip", "install", "--python", python, ...only, wheel, `torch==${torch.torchVersion}`];
  if (without.length === 0) return args;
  const overrides = join(folder, "overrides.txt");
  await writeFile(overrides, without.map((name) => `${name}; ${NEVER}\n`).join(""));
  return [...args, "--overrides", overrides];
}

/**
 * Installs what is not judged beside the torch that is there.
 * @param what `wheel` may be NAME==VERSION, too, which comes from the user's index
 * @returns why uv refuses; null where it was installed
 * @throws E_TOOL_FAILED, E_DISK_FULL, E_FOLDER_UNFIT, E_TOOL_LIMIT
 */
export async function installUnjudged(
  host: Host,
  uv: Uv,
  python: string,
  what: Pick<Installation, "wheel" | "torch" | "without">,
): Promise<string | null> {
  return host.scratch.withFolder("vcw-install", async (folder) => {
    const real = await uv.run(await uvArguments(folder, python, what));
    return real.code === 0 ? null : ofTheWheel(real, "uv", uv.counted);
  });
}

const reportSchema = z.object({
  install: z.array(z.object({ metadata: z.object({ name: z.string(), version: z.string() }) })),
});

/** pip's plan for the same environment. Source: pip documentation, "Installation Report". */
async function pipPlan(pip: Pip, python: string, installation: Installation): Promise<Plan | null> {
  // pip has no way to leave a requirement out.
  if (installation.without.length > 0) return null;
  const words = ["install", "--dry-run", "--quiet", "--report", "-", "--only-binary", ":all:"];
  const result = await pip.run(["--python", python, ...words, installation.wheel]);
  // A pip that is older than these options is not asked.
  if (/no such option/.test(result.stderr)) return null;
  if (result.code !== 0) return { packages: [], refusal: ofTheWheel(result, "pip", pip.counted) };
  const { install } = reportSchema.parse(JSON.parse(result.stdout));
  return { packages: install.map(({ metadata }) => `${metadata.name}==${metadata.version}`), refusal: null };
}

/**
 * What an installer holds against the wheel. That an index can't be reached, or that the machine can't, is not the
 * wheel's fault and no answer.
 * @throws E_TOOL_FAILED, E_DISK_FULL, E_FOLDER_UNFIT, E_TOOL_LIMIT
 */
function ofTheWheel(result: RunResult, tool: "uv" | "pip", counted: readonly string[]): string {
  const trouble = troubleOf(result);
  if (trouble.kind === "machine" || trouble.kind === "unreachable")
    throw failureOf(result, tool, "installing the wheel", counted);
  return tail(result);
}

/** Why a plan must not be carried out. */
function planFindings(installer: "uv" | "pip", plan: Plan, torch: TorchSource): Finding[] {
  if (plan.refusal !== null) return [{ kind: "installer-refuses", installer, message: plan.refusal }];
  const gpu = plan.packages.filter((pin) => isGpuPackage(pin) || isGpuLocalVersion(pin));
  const other = plan.packages.find((pin) => normalizeName(pin.split("==")[0] ?? "") === "torch");
  return [
    ...(gpu.length > 0 ? [{ kind: "brings-gpu-packages" as const, packages: gpu }] : []),
    ...(other === undefined
      ? []
      : [{ kind: "replaces-torch" as const, expected: torch.torchVersion, found: other }]),
  ];
}

/** Files told of one wheel. */
const MOST_SHARED = 20;

/** What became of the files that were there before. */
interface Left {
  /** Those that nothing has touched, relative to the environment. */
  kept: string[];
  replaced: Finding[];
}

/**
 * Files of an environment that installing the wheel, and what it requires, changed or took away. A distribution that was there
 * may give way to another release of itself, where that is required: installers take its dist-info folder away then, which
 * no wheel can do that only adds files. What came in its place does not answer for torch; torch and its companions, who do, may not.
 */
async function leftOf({ folder, site, marks, distributions }: Environment): Promise<Left> {
  const after = await treeMarks(folder);
  const there = new Set((await listDir(site)).map(({ name }) => name));
  const gaveWay = new Set<string>();
  for (const { title, name, files } of distributions) {
    if (TORCH_FAMILY.includes(name) || there.has(`${title}.dist-info`)) continue;
    for (const path of files) gaveWay.add(relative(folder, join(site, path)));
  }
  const changed = [...marks].flatMap(([path, mark]) => (after.get(path) === mark ? [] : [path]));
  const touched = new Set(changed);
  return {
    kept: [...marks.keys()].filter((path) => !touched.has(path)),
    replaced: changed
      .filter((path) => !gaveWay.has(path))
      .slice(0, MOST_SHARED)
      .map((file) => ({ kind: "replaced-file", file })),
  };
}

/**
 * Files that the wheel and another distribution in the environment both say are theirs: installers let whichever comes
 * last win.
 */
async function filesOfOthers(site: string, distribution: string): Promise<Finding[]> {
  const own = normalizeName(distribution);
  const owners = new Map<string, string[]>();
  let mine: readonly string[] = [];
  for (const { title, name, files } of await recorded(site)) {
    if (name === own) mine = files;
    else for (const path of files) owners.set(path, [...(owners.get(path) ?? []), title]);
  }
  return mine
    .flatMap((file) =>
      (owners.get(file) ?? []).map((one): Finding => ({ kind: "file-of-another", file, distribution: one })),
    )
    .slice(0, MOST_SHARED);
}

/**
 * Installs the wheel beside the torch that is there, as its users do: pip's and uv's plans first, then really, by uv.
 * @param python the room's interpreter
 * @returns the answer, and the files that were there before and that nothing has touched
 */
export async function installWheel(
  host: Host,
  uv: Uv,
  python: string,
  installation: Installation,
): Promise<{ answer: CheckAnswer<"runtime.resolve">; kept: readonly string[] }> {
  const { torch, without, strays, startup } = installation;
  let kept: readonly string[] = [...installation.before.marks.keys()];
  const answer = await host.scratch.withFolder(
    "vcw-install",
    async (folder): Promise<CheckAnswer<"runtime.resolve">> => {
      const args = await uvArguments(folder, python, installation);
      const dry = await uv.run([...args, "--dry-run"]);
      const uvPlan: Plan = {
        packages: wouldInstall(`${dry.stdout}\n${dry.stderr}`),
        refusal: dry.code === 0 ? null : ofTheWheel(dry, "uv", uv.counted),
      };
      const pip = await pipOf(host, await findPython(host));
      const plan = uvPlan.refusal === null && pip.isThere ? await pipPlan(pip, python, installation) : null;
      const evidence = {
        torch: torch.torchVersion,
        uv: uvPlan.packages,
        pip: plan?.packages ?? null,
        without: [...without],
      };
      const objections: Finding[] = [
        ...strays.map((file) => ({ kind: "stray-file" as const, file })),
        ...startup.map((file) => ({ kind: "startup-file" as const, file })),
        ...planFindings("uv", uvPlan, torch),
        ...(plan ? planFindings("pip", plan, torch) : []),
      ];
      if (objections.length > 0) return { result: "fail", findings: objections, evidence };
      const { installs, reads } = installation;
      const read = reads ? await readBack(host, python, installation.wheel, reads) : [];
      if (read.length > 0) return { result: "fail", findings: read, evidence };
      const refusal = (said: RunResult, tool: "uv" | "pip"): string =>
        ofTheWheel(said, tool, tool === "uv" ? uv.counted : pip.counted);
      const trial = installs && { folder, python, wheel: installation.wheel, expected: installs };
      // A pip that has no plan is too old for these options, too.
      const alone = trial ? await installAlone(uv, plan && pip, trial, refusal) : [];
      if (alone.length > 0) return { result: "fail", findings: alone, evidence };
      const { cpu, plain } = await downloadSizes(host, uv, python, installation);
      const real = await uv.run(args);
      if (real.code !== 0) {
        const message = ofTheWheel(real, "uv", uv.counted);
        return {
          result: "fail",
          findings: [{ kind: "installer-refuses", installer: "uv", message }],
          evidence,
        };
      }
      const { kept: left, replaced } = await leftOf(installation.before);
      kept = left;
      if (replaced.length > 0) return { result: "fail", findings: replaced, evidence };
      const shared = await filesOfOthers(installation.before.site, installation.distribution);
      // A variant's wheel has its own files alone; of others' it is told.
      if (shared.length > 0)
        return { result: installation.isVariant ? "fail" : "warn", findings: shared, evidence };
      return {
        result: without.length > 0 ? "warn" : "pass",
        findings: without.length > 0 ? [{ kind: "left-out-packages", packages: [...without] }] : [],
        evidence: { ...evidence, download: cpu, plainDownload: plain },
      };
    },
  );
  return { answer, kept };
}
