import { join } from "node:path";
import type { Finding } from "../../findings/findings.ts";
import { makeDir } from "../../host/files.ts";
import { sha256Of } from "../../host/hash.ts";
import type { RunResult } from "../../host/process.ts";
import { treeDigests } from "../../host/trees.ts";
import type { Pip } from "../../torch/pip.ts";
import type { Uv } from "../../torch/uv.ts";
import { landingOf } from "../../wheel/landing.ts";
import type { WheelFile } from "../../wheel/wheel-file.ts";

/**
 * What an installation puts where: sha256 by path, which is relative to site-packages for packages and to the environment
 * for all else; null for bytes that each installer writes its own way.
 */
export type Installed = ReadonlyMap<string, string | null>;

const SITE = "site-packages/";
const PROGRAMS = "bin/";

/** What installers add to a dist-info folder, or write anew. Source: recording installed projects specification; uv. */
const OWN_RECORDS = /\.dist-info\/(INSTALLER|RECORD|REQUESTED|direct_url\.json|uv_(cache|build)\.json)$/;

/**
 * What a wheel would install by the format's specification, read from its own entries.
 * @param programs that it makes
 */
export function installedBy({ entries }: WheelFile, programs: readonly string[]): Installed {
  const files = entries.flatMap(({ name, read }): [string, string | null][] => {
    if (name.endsWith("/") || OWN_RECORDS.test(name)) return [];
    const { place, path } = landingOf(name);
    // Where headers go is each installer's own choice.
    if (place === "headers") return [];
    if (place === "programs") return [[`${PROGRAMS}${path}`, null]];
    return [[place === "packages" ? `${SITE}${path}` : path, sha256Of(read())]];
  });
  return new Map([...files, ...programs.map((name): [string, null] => [`${PROGRAMS}${name}`, null])]);
}

/** What lies below a prefix that an installer was given. */
async function installedAt(prefix: string): Promise<Installed> {
  const found = new Map<string, string | null>();
  for (const [path, sha256] of await treeDigests(prefix)) {
    const name = path.replace(/^lib(64)?\/python[^/]+\/(site|dist)-packages\//, SITE);
    if (name.startsWith("include/") || name === ".lock" || OWN_RECORDS.test(name)) continue;
    found.set(name, name.startsWith(PROGRAMS) ? null : sha256);
  }
  return found;
}

/** Files told of one wheel. */
const MOST = 20;

/** Where an installer did other than the wheel's entries say. */
function differences(installer: "uv" | "pip", expected: Installed, found: Installed): Finding[] {
  const all = [...new Set([...expected.keys(), ...found.keys()])];
  return all
    .flatMap((file): Finding[] => {
      const [wanted, made] = [expected.get(file), found.get(file)];
      if (made === wanted) return [];
      const problem = wanted === undefined ? "not-in-wheel" : made === undefined ? "left-out" : "other-bytes";
      return [{ kind: "installs-otherwise", installer, file, problem }];
    })
    .slice(0, MOST);
}

/** A place to install into, and what is installed. */
interface Trial {
  /** A scratch folder. */
  folder: string;
  /** The room's interpreter. */
  python: string;
  wheel: string;
  expected: Installed;
}

/**
 * Installs a wheel by itself into empty folders, by uv and by pip, and holds what each of them wrote against the wheel's
 * entries as they were judged: what is judged must be what is installed.
 * @param pip null where it is not asked
 * @param refusal of what an installer said; throws where it is not the wheel's fault
 */
export async function installAlone(
  uv: Uv,
  pip: Pip | null,
  { folder, python, wheel, expected }: Trial,
  refusal: (result: RunResult, installer: "uv" | "pip") => string,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const words = (prefix: string): string[] => ["--prefix", prefix, "--no-deps", "--no-index", wheel];
  const tries = [
    { installer: "uv", run: (at: string) => uv.run(["pip", "install", "--python", python, ...words(at)]) },
    {
      installer: "pip",
      run: (at: string) =>
        pip?.run([
          ...[
            "--python",
            python,
            "install",
            "--no-compile",
            "--ignore-installed",
            "--no-warn-script-location",
          ],
          ...words(at),
        ]),
    },
  ] as const;
  for (const { installer, run } of tries) {
    const prefix = join(folder, installer);
    await makeDir(prefix);
    const result = await run(prefix);
    if (result === undefined) continue;
    if (result.code !== 0)
      findings.push({ kind: "installer-refuses", installer, message: refusal(result, installer) });
    else findings.push(...differences(installer, expected, await installedAt(prefix)));
  }
  return findings;
}
