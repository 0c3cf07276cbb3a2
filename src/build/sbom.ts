import { sha256Of } from "../host/hash.ts";
import { shownUrl } from "../host/network/urls.ts";
import { FormatError } from "../wheel/format-error.ts";
import type { WheelFile } from "../wheel/wheel-file.ts";
import type { Inputs } from "./compile/keys.ts";
import { librariesOf, pinnedSources } from "./source/dependencies.ts";

/** What auditwheel writes of the packages that grafted libraries come from; taken over into ours. */
export const AUDITWHEEL_FILE = "sboms/auditwheel.cdx.json";

interface Component {
  type: "library" | "file" | "application";
  "bom-ref"?: string;
  name: string;
  version?: string;
  description?: string;
  purl?: string;
  hashes?: { alg: "SHA-256"; content: string }[];
  externalReferences?: { type: "vcs"; url: string }[];
  components?: Component[];
}

/** A library that the repair has put into the wheel. */
export interface Grafted {
  /** Path in the wheel. */
  path: string;
  /** Hexadecimal. */
  sha256: string;
}

/** package URL of a repository's commit. Source: purl-spec, types github and generic. */
function purlOf(name: string, repository: string, commit: string): string {
  const [, project] = /^https:\/\/github\.com\/([^/]+\/[^/]+?)(?:\.git)?$/.exec(repository) ?? [];
  return project === undefined
    ? `pkg:generic/${encodeURIComponent(name)}?vcs_url=${encodeURIComponent(`git+${shownUrl(repository)}@${commit}`)}`
    : `pkg:github/${project.toLowerCase()}@${commit}`;
}

/** Sources of other projects that are compiled in, or of which a grafted library was built. */
function compiledIn(
  inputs: Inputs,
  grafted: readonly Grafted[],
): { components: Component[]; named: Set<string> } {
  const { recipe } = inputs.request.found;
  const { sourced } = librariesOf(recipe, inputs.request.floor);
  const named = new Set<string>();
  const components = Object.entries(pinnedSources(recipe, inputs.request.floor)).map(
    ([name, { repository, ref }]): Component => {
      const origin = inputs.dependencies.get(name);
      const built = sourced.find(({ source }) => source.project === name);
      const files = built === undefined ? [] : grafted.filter(({ path }) => isOf(path, built.library));
      for (const { path } of files) named.add(path);
      return {
        type: "library",
        "bom-ref": `source:${name}`,
        name,
        version: ref,
        description: built === undefined ? "Compiled into the libraries" : "Built for this wheel and bundled",
        ...(origin?.kind === "git" ? { purl: purlOf(name, repository, origin.ref.commit) } : {}),
        externalReferences: [{ type: "vcs", url: repository }],
        ...(files.length > 0 ? { components: files.map(fileComponent) } : {}),
      };
    },
  );
  return { components, named };
}

/** True for a grafted library, whose name auditwheel gives a hash: libnuma-1a2b3c4d.so.1.0.0. */
const isOf = (path: string, library: string): boolean =>
  path.slice(path.lastIndexOf("/") + 1).startsWith(`lib${library}-`);

const fileComponent = ({ path, sha256 }: Grafted): Component => ({
  type: "file",
  "bom-ref": `file:${path}`,
  name: path,
  hashes: [{ alg: "SHA-256", content: sha256 }],
});

/** The components that auditwheel names; none where it wrote nothing. @throws FormatError */
function auditwheelComponents(text: string | null): Component[] {
  if (text === null) return [];
  try {
    const { components = [] } = JSON.parse(text) as { components?: Component[] };
    return components;
  } catch {
    throw new FormatError(AUDITWHEEL_FILE, "it is no JSON");
  }
}

/**
 * What a wheel is made of, as CycloneDX 1.6: the sources that are compiled in, the libraries that are bundled, what
 * the compiler links statically. Equal arguments give equal text: it has neither a serial number nor a time.
 * Sources: PEP 770; CycloneDX 1.6, JSON reference.
 * @param wheel name and version that it will have
 * @param auditwheel text of what auditwheel wrote; null for nothing
 * @param tool version of this product
 * @throws FormatError
 */
export function sbomOf(
  inputs: Inputs,
  wheel: { name: string; version: string },
  grafted: readonly Grafted[],
  auditwheel: string | null,
  tool: string,
): string {
  const purl = `pkg:pypi/${wheel.name}@${encodeURIComponent(wheel.version)}`;
  const { request, compiler } = inputs;
  const { components, named } = compiledIn(inputs, grafted);
  const runtime: Component = {
    type: "library",
    "bom-ref": "compiler-runtime",
    name: compiler.family === "gcc" ? "libgcc" : "compiler-rt",
    version: compiler.version,
    description: `What ${compiler.family} links statically; libstdc++ and libgomp are not bundled${request.floor === null ? "" : `, but for hidden functions that the libstdc++ of glibc ${request.floor}'s time lacks`}`,
  };
  const others = grafted.filter(({ path }) => !named.has(path)).map(fileComponent);
  const all = [...components, ...others, ...auditwheelComponents(auditwheel), runtime];
  const { patches } = request.unit;
  const commit = request.source.checkout?.commit;
  const document = {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      tools: { components: [{ type: "application", name: "vllm-cpu-wheels", version: tool }] },
      component: {
        type: "library",
        "bom-ref": purl,
        name: wheel.name,
        version: wheel.version,
        purl,
        ...(patches.length === 0 && commit === undefined
          ? {}
          : {
              pedigree: {
                ...(commit === undefined ? {} : { commits: [{ uid: commit }] }),
                ...(patches.length === 0
                  ? {}
                  : { notes: `Patched by the recipe ${request.found.recipe.name}: ${patches.join(", ")}` }),
              },
            }),
      },
    },
    components: all,
    dependencies: [{ ref: purl, dependsOn: all.flatMap((one) => one["bom-ref"] ?? []) }],
  };
  return `${JSON.stringify(document, null, 1)}\n`;
}

/** The grafted libraries of a repaired wheel. */
export function graftedIn(wheel: WheelFile): Grafted[] {
  return wheel.entries
    .filter(({ name, isFolder }) => !isFolder && /^[^/]+\.libs\//.test(name))
    .map(({ name, read }) => ({ path: name, sha256: sha256Of(read()) }));
}
