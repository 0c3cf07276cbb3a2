import { closest } from "fastest-levenshtein";
import type { z } from "zod";
import { wheelsError } from "../errors/wheels-error.ts";
import { normalizeName } from "../wheel/names.ts";
import { closure, type IsaFeature, lacking } from "./features.ts";
import {
  manifestSchema,
  type RawManifest,
  type RawVariant,
  type RuntimeDispatch,
  type UnnamedCode,
} from "./manifest-schema.ts";
import { type Position, readYaml } from "./yaml.ts";

/** The ISA contract of a variant; both lists are closed under implication. */
export interface IsaContract {
  mayUse: IsaFeature[];
  /** As the manifest names them: the features that must occur, not what they imply. */
  mustUse: IsaFeature[];
  dispatch: RuntimeDispatch[];
  unnamedCode: UnnamedCode[];
}

/** A named wheel flavour, resolved: nothing inherited is left open. */
export interface Variant {
  name: string;
  distribution: string;
  description: string;
  architecture: "x86_64" | "aarch64";
  isa: IsaContract;
  /** Packages and modules that its wheels may install, beside those named after its distribution; null for any. */
  packages: string[] | null;
  runnerLabels: string[];
  environment: Record<string, string>;
  compilerFloor: { gcc?: string | undefined; clang?: string | undefined };
}

/** A manifest text with what is needed to point at its lines. */
export interface ManifestDocument {
  file: string;
  raw: RawManifest;
  position: (path: readonly PropertyKey[]) => Position;
}

const HINT = "Correct this line; docs/manifest.md describes every key.";

function fail(
  document: Pick<ManifestDocument, "file" | "position">,
  path: readonly PropertyKey[],
  problem: string,
  hint = HINT,
): never {
  throw wheelsError("E_MANIFEST", { file: document.file, ...document.position(path), problem, hint });
}

/** zod's issue in words that name the nearest known key or value. */
function explain(issue: z.core.$ZodIssue): { path: PropertyKey[]; problem: string; hint: string } {
  const at = issue.path.map(String).join(".");
  if (issue.code === "unrecognized_keys") {
    const key = issue.keys[0] ?? "";
    return {
      path: [...issue.path, key],
      problem: `unknown key ${key}${at ? ` in ${at}` : ""}`,
      hint: `Known keys are in schemas/variants.schema.json. ${HINT}`,
    };
  }
  if (issue.code === "invalid_value" && issue.values.length > 5) {
    const known = issue.values.map(String);
    const value = typeof issue.input === "string" ? issue.input : "";
    return {
      path: issue.path,
      problem: `${value || "this value"} is no ISA feature (${at})`,
      hint: value ? `Did you mean ${closest(value, known)}?` : HINT,
    };
  }
  if (issue.code === "invalid_key") {
    return { path: issue.path, problem: `${at}: ${issue.issues[0]?.message ?? issue.message}`, hint: HINT };
  }
  return { path: issue.path, problem: `${at || "manifest"}: ${issue.message}`, hint: HINT };
}

/**
 * Parses and schema-checks one manifest text.
 * @param file name for error messages
 * @throws E_MANIFEST with line and column
 */
export function parseManifest(text: string, file: string): ManifestDocument {
  const { data, positionOf: position } = readYaml(text, file, (at, problem, cause) => {
    throw wheelsError("E_MANIFEST", { file, ...at, problem, hint: HINT }, cause);
  });
  const parsed = manifestSchema.safeParse(data, { reportInput: true });
  if (parsed.success) return { file, raw: parsed.data, position };
  const [issue] = parsed.error.issues;
  if (!issue) throw parsed.error;
  const { path, problem, hint } = explain(issue);
  return fail({ file, position }, path, problem, hint);
}

interface Layered {
  raw: RawVariant;
  /** The document that last said something about this variant. */
  document: ManifestDocument;
}

const union = <T>(first: readonly T[] | undefined, second: readonly T[] | undefined): T[] => [
  ...new Set([...(first ?? []), ...(second ?? [])]),
];

/** `over` on top of `base`: scalars replaced, lists united, maps merged key by key. */
function layer(base: RawVariant, over: RawVariant): RawVariant {
  return {
    ...base,
    ...over,
    isa: {
      "may-use": union(base.isa?.["may-use"], over.isa?.["may-use"]),
      "must-use": union(base.isa?.["must-use"], over.isa?.["must-use"]),
      "run-time-dispatch": union(base.isa?.["run-time-dispatch"], over.isa?.["run-time-dispatch"]),
      "unnamed-code": union(base.isa?.["unnamed-code"], over.isa?.["unnamed-code"]),
    },
    ...(base.packages || over.packages ? { packages: union(base.packages, over.packages) } : {}),
    "runner-labels": union(base["runner-labels"], over["runner-labels"]),
    build: {
      environment: { ...base.build?.environment, ...over.build?.environment },
      compiler: { ...base.build?.compiler, ...over.build?.compiler },
    },
  };
}

/** What a child of `extends` takes over: everything but the parent's own name for itself. */
function inheritable(parent: RawVariant): RawVariant {
  const { distribution: _distribution, extends: _extends, description: _description, ...rest } = parent;
  return rest;
}

/**
 * Resolves manifests into variants. A later document overrides or adds to an earlier one, variant by variant.
 * @param documents default manifest first, then the user's
 * @returns variants by name, in the order they are first named
 * @throws E_MANIFEST for cycles, unknown parents, missing settings, duplicate distributions, impossible contracts
 */
export function resolveManifest(documents: readonly ManifestDocument[]): Map<string, Variant> {
  const layers = new Map<string, Layered>();
  for (const document of documents) {
    for (const [name, raw] of Object.entries(document.raw.variants)) {
      const earlier = layers.get(name);
      layers.set(name, { raw: earlier ? layer(earlier.raw, raw) : raw, document });
    }
  }
  const variants = new Map<string, Variant>();
  const distributions = new Map<string, string>();
  for (const [name, { document }] of layers) {
    const variant = finish(name, inherit(name, layers, []), document);
    // One distribution has wheels of several platforms; two of one platform would take each other's place.
    const normalised = `${normalizeName(variant.distribution)} for ${variant.architecture}`;
    const other = distributions.get(normalised);
    if (other !== undefined) {
      fail(
        document,
        ["variants", name, "distribution"],
        `${name} and ${other} have one distribution name, ${normalised}`,
      );
    }
    distributions.set(normalised, name);
    variants.set(name, variant);
  }
  return variants;
}

function inherit(name: string, layers: ReadonlyMap<string, Layered>, trail: readonly string[]): RawVariant {
  const own = layers.get(name);
  if (!own) throw wheelsError("E_INTERNAL", { detail: `variant ${name} is not layered` });
  const parent = own.raw.extends;
  if (parent === undefined) return layer({}, own.raw);
  const path = ["variants", name, "extends"];
  if (trail.includes(name)) {
    fail(own.document, path, `extends goes in a circle: ${[...trail, name].join(" → ")}`);
  }
  if (!layers.has(parent)) {
    const nearest = closest(parent, [...layers.keys()]);
    fail(
      own.document,
      path,
      `${name} extends ${parent}, which is not in the manifest`,
      `Did you mean ${nearest}?`,
    );
  }
  return layer(inheritable(inherit(parent, layers, [...trail, name])), own.raw);
}

function finish(name: string, raw: RawVariant, document: ManifestDocument): Variant {
  const at = ["variants", name];
  if (raw.description === undefined) fail(document, at, `${name} has no description`);
  if (raw.architecture === undefined) fail(document, at, `${name} has no architecture`);
  const mayUse = closure(raw.isa?.["may-use"] ?? []);
  if (mayUse.length === 0) fail(document, at, `${name} has no ISA contract (isa.may-use)`);
  const mustUse = raw.isa?.["must-use"] ?? [];
  const outside = lacking(mustUse, new Set<string>(mayUse));
  if (outside.length > 0) {
    fail(
      document,
      [...at, "isa", "must-use"],
      `${name} must use ${outside.join(", ")}, which it may not use`,
    );
  }
  return {
    name,
    distribution: raw.distribution ?? name,
    description: raw.description,
    architecture: raw.architecture,
    isa: {
      mayUse,
      mustUse,
      dispatch: raw.isa?.["run-time-dispatch"] ?? [],
      unnamedCode: raw.isa?.["unnamed-code"] ?? [],
    },
    packages: raw.packages ?? null,
    runnerLabels: raw["runner-labels"] ?? [],
    environment: raw.build?.environment ?? {},
    compilerFloor: raw.build?.compiler ?? {},
  };
}

/**
 * Picks variants by a request: `all`, a name, or a comma list; duplicates collapse.
 * @throws E_VARIANT_UNKNOWN with the nearest name
 */
export function selectVariants(variants: ReadonlyMap<string, Variant>, request: string): Variant[] {
  const known = [...variants.keys()];
  const names = request
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  const picked = new Set<Variant>();
  for (const name of names.length > 0 ? names : [request]) {
    if (name === "all") {
      for (const variant of variants.values()) picked.add(variant);
      continue;
    }
    const variant = variants.get(name);
    if (!variant)
      throw wheelsError("E_VARIANT_UNKNOWN", {
        name: name || "(empty)",
        nearest: nearestName(name, known),
        known,
      });
    picked.add(variant);
  }
  return [...picked];
}

/** Scripts of before name a variant by its last word, which letters alone would lead to another. */
function nearestName(name: string, known: readonly string[]): string {
  if (name === "") return "";
  return known.find((one) => one.endsWith(`-${name}`)) ?? closest(name, known);
}

/**
 * The variant whose distribution has this normalised name, if any; of several that of the wheel's platform.
 * @param platforms platform tags of the wheel
 */
export function variantOfDistribution(
  variants: Iterable<Variant>,
  normalised: string,
  platforms: readonly string[],
): Variant | null {
  const named = [...variants].filter(({ distribution }) => normalizeName(distribution) === normalised);
  const fitting = named.find(({ architecture }) => platforms.some((tag) => tag.endsWith(`_${architecture}`)));
  return fitting ?? named[0] ?? null;
}
