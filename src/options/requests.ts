import { localSources, parseHow } from "./how.ts";
import { parseJudging } from "./judging.ts";
import { parseProving } from "./proving.ts";
import { parsePublishing } from "./publishing.ts";
import { parseReports } from "./reports.ts";
import { parseTorch } from "./torch.ts";
import { parseWhat } from "./what.ts";

type From<Parse extends (given: never) => unknown> = Parameters<Parse>[0];
type Build = From<typeof parseWhat> & From<typeof parseHow> & From<typeof parseTorch>;
type Judged = From<typeof parseProving> & From<typeof parseJudging> & From<typeof parseReports>;
type Proof = Judged & From<typeof parseTorch> & { variant: string | null; manifest: string | null };
type Release = Build & Judged & From<typeof parsePublishing>;
type Reproduction = Record<
  | "verdict"
  | "source"
  | "recipe"
  | "onednn-source"
  | "numactl-source"
  | "gperftools-source"
  | "torch-index-url"
  | "manifest",
  string | null
> & { "output-dir": string; "max-jobs": number | null };

/** What a build is asked, by whichever door. @throws E_OPTION_VALUE */
export const parseBuild = (given: Build) => ({
  what: parseWhat(given),
  how: parseHow(given),
  torch: parseTorch(given),
});

/** What a proof is asked. @throws E_OPTION_VALUE */
export const parseProof = (given: Proof) => ({
  variant: given.variant,
  manifest: given.manifest,
  depth: parseProving(given),
  torch: parseTorch(given),
  judging: parseJudging(given),
  reports: parseReports(given),
});

/** What a release is asked. @throws E_OPTION_VALUE */
export const parseRelease = (given: Release) => ({
  ...parseBuild(given),
  depth: parseProving(given),
  judging: parseJudging(given),
  publishing: parsePublishing(given),
  reports: parseReports(given),
});

/** How whoever publishes proves a wheel, without being asked how. @param given its torch is that which an index links */
export function usualProving({ "torch-index-url": index }: { "torch-index-url": string | null }) {
  const { settings } = parseProving({});
  return { settings, torch: parseTorch(index === "none" ? {} : { "torch-index-url": index }) };
}

/** Of what a wheel is built again, beyond what its verdict says. */
export const parseReproduction = (given: Reproduction) => ({
  verdict: given.verdict,
  source: given.source,
  recipe: given.recipe,
  localSources: localSources(given),
  torchIndex: given["torch-index-url"],
  manifest: given.manifest,
  outputDir: given["output-dir"],
  maxJobs: given["max-jobs"],
});
