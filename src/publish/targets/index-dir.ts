import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { WheelsError, wheelsError } from "../../errors/wheels-error.ts";
import {
  demandWritable,
  exists,
  listDir,
  makeDir,
  readTextIfAny,
  removeParts,
  statPath,
  writeFileAtomic,
} from "../../host/files.ts";
import { sha256Of } from "../../host/hash.ts";
import type { Host } from "../../host/host.ts";
import { withLock } from "../../host/lock.ts";
import { needsKey } from "../../variants/cpu-needs.ts";
import { checkOf } from "../../verify/verdict/check.ts";
import { reportFileName, type Verdict, verdictFileName } from "../../verify/verdict/verdict.ts";
import { TORCH_FAMILY } from "../../wheel/companions.ts";
import { architectureOf } from "../../wheel/names.ts";
import { FOLDER_LIMITS } from "../gate/rules.ts";
import { judgedBytes } from "../gate/store.ts";
import type { ListedFile } from "../plan/index-page.ts";
import type { Candidate } from "../plan/planner.ts";
import { signatureFileName } from "../signing/check.ts";
import { rootHtml } from "./front-page.ts";
import {
  type IndexFile,
  type ProjectPage,
  parseProjectPage,
  projectHtml,
  projectPage,
  rootJson,
} from "./index-pages.ts";
import { type LinkedPage, linkedHtml, linkedPage, parseLinkedPage } from "./linked-pages.ts";
import type { Target, TargetSettings } from "./target.ts";
import { torchLinks } from "./torch-links.ts";
import { pipCommand, torchNeeds, torchPlace } from "./torch-served.ts";
import { tritonLinks } from "./triton-links.ts";
import { variantDocuments } from "./variant-index.ts";
import { verdictPage } from "./verdict-page.ts";

const PAGE = "index.json";
/** Folder of the wheel-variant metadata; it has no page, so it is no project. */
const VARIANTS = "variants";
const VARIANT_PROVIDER = "provider-variant-x86-64";

/** @throws E_OUTPUT_DIR where the page is not one that was written here */
async function readPage(dir: string, project: string): Promise<ProjectPage | null> {
  const path = join(dir, project, PAGE);
  const text = await readTextIfAny(path);
  if (text === null || parseLinkedPage(text) !== null) return null;
  try {
    return parseProjectPage(text);
  } catch (thrown) {
    throw wheelsError(
      "E_OUTPUT_DIR",
      { dir: path, detail: "It is no page of an index that was written here." },
      thrown,
    );
  }
}

/** A page that only links to files of torch's index; null where there is none. */
const readLinked = async (dir: string, project: string): Promise<LinkedPage | null> =>
  parseLinkedPage((await readTextIfAny(join(dir, project, PAGE))) ?? "");

/** What an installation was measured to download; nothing where an index did not tell every size. */
function downloadOf({ predicate }: Verdict): Pick<IndexFile["_proof"], "download"> {
  const { download, plainDownload } = checkOf(predicate.checks, "runtime.resolve")?.evidence ?? {};
  return download?.bytes == null || plainDownload?.bytes == null
    ? {}
    : { download: { bytes: download.bytes, plainBytes: plainDownload.bytes } };
}

function indexFile(
  host: Host,
  candidate: Candidate,
  needs: readonly string[] | undefined,
  servedAt: string | null,
): IndexFile {
  const { fileName, sha256, size, requiresPython, metadata, verdict, proof, signatures } = candidate;
  return {
    filename: fileName,
    url: encodeURIComponent(fileName),
    hashes: { sha256 },
    ...(requiresPython === null ? {} : { "requires-python": requiresPython }),
    size,
    "upload-time": host.now().toISOString(),
    "core-metadata": { sha256: sha256Of(metadata) },
    ...(signatures.provenance === null || servedAt === null
      ? {}
      : { provenance: `${servedAt}/${candidate.project}/${encodeURIComponent(fileName)}.provenance` }),
    _proof: {
      level: verdict.predicate.level,
      status: proof.status,
      lacked: proof.lacked,
      ...(needs === undefined ? {} : { needs: [...needs] }),
      ...downloadOf(verdict),
      torch: torchNeeds(candidate.document, fileName),
      time: verdict.predicate.timeVerified,
      verdict: encodeURIComponent(verdictFileName(fileName)),
      report: encodeURIComponent(reportFileName(fileName)),
      ...(candidate.sbom == null ? {} : { sbom: encodeURIComponent(sbomFileName(fileName)) }),
      ...(signatures.signature === null
        ? {}
        : { signature: encodeURIComponent(signatureFileName(fileName)) }),
    },
  };
}

/** The wheel's SBOM as a file of its own. */
const sbomFileName = (wheel: string): string => `${wheel}.cdx.json`;

/** What lies beside the wheel comes before the wheel is listed, so that a reader finds all that a page names. */
async function placeFiles(dir: string, candidate: Candidate, servedAt: string | null): Promise<void> {
  const folder = join(dir, candidate.project);
  await makeDir(folder);
  await writeFileAtomic(join(folder, candidate.fileName), await judgedBytes(candidate));
  await writeFileAtomic(join(folder, `${candidate.fileName}.metadata`), candidate.metadata);
  await writeFileAtomic(
    join(folder, verdictFileName(candidate.fileName)),
    `${JSON.stringify(candidate.verdict, null, 2)}\n`,
  );
  await writeFileAtomic(join(folder, reportFileName(candidate.fileName)), verdictPage(candidate, servedAt));
  if (candidate.sbom != null)
    await writeFileAtomic(join(folder, sbomFileName(candidate.fileName)), candidate.sbom);
  const { signature, provenance } = candidate.signatures;
  if (signature !== null)
    await writeFileAtomic(join(folder, signatureFileName(candidate.fileName)), signature);
  if (provenance !== null)
    await writeFileAtomic(join(folder, `${candidate.fileName}.provenance`), provenance);
}

/**
 * A static index in a folder, for `file://` or any web server.
 * The JSON pages are the state, and all else is derived from them: a file that no page lists was never published, so
 * that a run which is killed leaves nothing to repair, and the next one writes the pages that are missing.
 */
export function indexDirTarget(host: Host, dir: string, settings: TargetSettings): Target {
  const needsOf = ({ project, fileName }: Candidate): readonly string[] | undefined =>
    settings.needs.get(needsKey(project, architectureOf(fileName) ?? "none"));
  const refuseLink = async (place = dir): Promise<void> => {
    const stat = await statPath(place);
    if (stat?.isSymlink)
      throw wheelsError("E_OUTPUT_DIR", {
        dir: place,
        detail: "It is a symbolic link; a folder of its own must be there.",
      });
    if (stat && !stat.isDirectory)
      throw wheelsError("E_OUTPUT_DIR", { dir: place, detail: "It is no folder." });
  };
  const writeProject = async (project: string, added: readonly Candidate[]): Promise<void> => {
    const before = await readPage(dir, project);
    const names = new Set(added.map(({ fileName }) => fileName));
    const files = [
      ...(before?.files ?? []).filter(({ filename }) => !names.has(filename)),
      ...added.map((one) => indexFile(host, one, needsOf(one), settings.servedAt)),
    ];
    await writePage(project, files);
  };
  const writePage = async (project: string, files: readonly IndexFile[]): Promise<void> => {
    const page = projectPage(project, files);
    await writeFileAtomic(join(dir, project, PAGE), `${JSON.stringify(page, null, 1)}\n`);
    await writeFileAtomic(join(dir, project, "index.html"), projectHtml(page));
  };
  const writeRoot = async (): Promise<void> => {
    const folders = (await listDir(dir)).filter(
      ({ isDirectory, name }) => isDirectory && !name.startsWith("."),
    );
    const pages: ProjectPage[] = [];
    const linked = new Map<string, LinkedPage["files"]>();
    for (const { name } of folders) {
      const page = await readPage(dir, name);
      if (page) pages.push(page);
      else {
        const links = await readLinked(dir, name);
        if (links) linked.set(name, links.files);
      }
    }
    // Once it is there it is kept true, whoever writes to the index.
    if (settings.variantIndex || (await exists(join(dir, VARIANTS)))) {
      await makeDir(join(dir, VARIANTS));
      for (const [name, text] of variantDocuments(pages, VARIANT_PROVIDER))
        await writeFileAtomic(join(dir, VARIANTS, name), text);
    }
    await writeFileAtomic(join(dir, "index.html"), rootHtml(pages, linked, settings.servedAt));
    const names = [...pages.map(({ name }) => name), ...linked.keys()];
    await writeFileAtomic(join(dir, PAGE), rootJson(names.sort()));
  };
  const writeTorchLinks = async (links: ReadonlyMap<string, ListedFile[]>): Promise<void> => {
    for (const [name, files] of links) {
      // Where the index has wheels of its own of that name, their page is theirs.
      if ((await readPage(dir, name)) !== null) continue;
      await makeDir(join(dir, name));
      const page = linkedPage(name, await readLinked(dir, name), files);
      await writeFileAtomic(join(dir, name, PAGE), `${JSON.stringify(page, null, 1)}\n`);
      await writeFileAtomic(join(dir, name, "index.html"), linkedHtml(page));
    }
  };
  const askTorchLinks = async (all: readonly Candidate[]): Promise<Map<string, ListedFile[]>> => {
    if (settings.torchIndex === null) return new Map();
    const triton = tritonLinks(all);
    const own = new Map(triton.length > 0 ? [["triton", triton] as const] : []);
    try {
      return new Map([...(await torchLinks(host, settings.torchIndex, all)), ...own]);
    } catch (thrown) {
      if (!(thrown instanceof WheelsError)) throw thrown;
      host.log.warn(
        `No links to CPU-only torch on this index: ${thrown.what} ${thrown.why} The commands name its index too.`,
      );
      return own;
    }
  };
  let asked: Promise<Map<string, ListedFile[]>> | null = null;
  const findTorchLinks = (all: readonly Candidate[]): Promise<Map<string, ListedFile[]>> => {
    asked ??= askTorchLinks(all);
    return asked;
  };
  /** torch as the index has it, or would have it after this publish. */
  const linkedAfter = async (all: readonly Candidate[]): Promise<Map<string, LinkedPage["files"]>> => {
    const found = await findTorchLinks(all);
    const pages = await Promise.all(
      TORCH_FAMILY.map(async (name) => {
        const before = await readLinked(dir, name);
        return [name, linkedPage(name, before, found.get(name) ?? []).files] as const;
      }),
    );
    return new Map(pages);
  };
  return {
    name: `index:${dir}`,
    kind: "index",
    limits: FOLDER_LIMITS,
    async demandAccess() {
      await refuseLink();
      await demandWritable(dir);
    },
    async existing(projects) {
      await refuseLink();
      for (const project of projects) await refuseLink(join(dir, project));
      const pages = await Promise.all(projects.map((project) => readPage(dir, project)));
      return new Map(
        pages
          .flatMap((page) => page?.files ?? [])
          .map(({ filename, hashes, size }) => [filename, { sha256: hashes.sha256, size }]),
      );
    },
    async exclusively(work) {
      await refuseLink();
      await makeDir(dir);
      return withLock(host, join(dir, ".lock"), `the index ${dir}`, work);
    },
    async publish(upload, all) {
      await removeParts(dir);
      for (const project of new Set(all.map((candidate) => candidate.project)))
        await removeParts(join(dir, project));
      const links = await findTorchLinks(all);
      for (const candidate of upload) {
        if (host.signal.aborted) throw wheelsError("E_INTERRUPTED", { during: "publishing" });
        await placeFiles(dir, candidate, settings.servedAt);
      }
      for (const project of new Set(all.map((candidate) => candidate.project))) {
        await writeProject(
          project,
          upload.filter((candidate) => candidate.project === project),
        );
      }
      await writeTorchLinks(links);
      await writeRoot();
    },
    async withdraw(names, reason) {
      await refuseLink();
      const folders = (await listDir(dir)).filter(
        ({ isDirectory, name }) => isDirectory && !name.startsWith("."),
      );
      const pages = (await Promise.all(folders.map(({ name }) => readPage(dir, name)))).filter(
        (one) => one !== null,
      );
      const known = new Set(pages.flatMap(({ files }) => files).map(({ filename }) => filename));
      const missing = names.filter((name) => !known.has(name));
      if (missing.length > 0)
        throw wheelsError("E_WITHDRAW", {
          target: `index:${dir}`,
          detail: `It has no ${missing.join(", ")}.`,
        });
      for (const { name, files } of pages.filter((one) =>
        one.files.some((file) => names.includes(file.filename)),
      ))
        await writePage(
          name,
          files.map((file) => (names.includes(file.filename) ? { ...file, yanked: reason } : file)),
        );
      await writeRoot();
    },
    async installHint(candidates) {
      const linked = await linkedAfter(candidates);
      const address = settings.servedAt === null ? pathToFileURL(dir).href : `${settings.servedAt}/`;
      return candidates.map(({ project, version, document, fileName }) => {
        const place = torchPlace(fileName, torchNeeds(document, fileName), linked);
        const isHere = place === "local" && settings.servedAt === null;
        return pipCommand(project, version, [address], place === "linked" || isHere ? "linked" : "elsewhere");
      });
    },
  };
}
