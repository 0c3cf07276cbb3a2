import { join } from "node:path";
import { z } from "zod";
import { rootMessageOf } from "../../errors/thrown.ts";
import { isWheelsError, wheelsError } from "../../errors/wheels-error.ts";
import { readBytes, writeFile } from "../../host/files.ts";
import { sha256Of } from "../../host/hash.ts";
import type { Host } from "../../host/host.ts";
import { withLock } from "../../host/lock.ts";
import { pause } from "../../host/network/ask.ts";
import { isTransient } from "../../host/network/backoff.ts";
import { hashOfUrl, type Page } from "../../host/network/http.ts";
import { verdictFileName } from "../../verify/verdict/verdict.ts";
import { CPU_TORCH_INDEX } from "../../wheel/install-commands.ts";
import { RELEASE_LIMITS } from "../gate/rules.ts";
import { openJournal } from "../plan/journal.ts";
import type { Existing } from "../plan/planner.ts";
import { signatureFileName } from "../signing/check.ts";
import { type Asset, assetSchema, githubApi, type Release, releaseSchema } from "./github-api.ts";
import type { Target, TargetSettings } from "./target.ts";
import { torchNeeds } from "./torch-served.ts";

interface Upload {
  name: string;
  path: string;
  sha256: string;
  /** Bytes. */
  size: number;
}

/**
 * The assets of a GitHub release. A release that is not there is made as a draft, filled, and published at the end, so
 * that nobody sees half of it; one that is there is completed.
 */
export function githubReleaseTarget(
  host: Host,
  at: { owner: string; repository: string; tag: string },
  settings: TargetSettings,
): Target {
  const repository = `${at.owner}/${at.repository}`;
  const name = `github-release:${repository}@${at.tag}`;
  const api = githubApi(host, repository);

  // A draft has no tag yet that it could be asked by. Of several the one that is published counts, then the oldest.
  const find = async (): Promise<Release | null> =>
    (await api.list(releaseSchema, "/releases"))
      .filter(({ tag_name: tag }) => tag === at.tag)
      .sort((a, b) => Number(a.draft) - Number(b.draft) || a.id - b.id)[0] ?? null;

  /** Makes the draft; where somebody else did so at the same moment, both go on with the older one. */
  const draft = async (): Promise<Release> => {
    const body = JSON.stringify({ tag_name: at.tag, name: at.tag, draft: true });
    const own = await api.call(releaseSchema, "/releases", { method: "POST", body });
    const first = await find();
    if (first === null || first.id === own.id) return own;
    host.log.info(`  another run has just made a draft of ${at.tag}; this one goes on with it`);
    await api.call(z.null(), `/releases/${own.id}`, { method: "DELETE" });
    return first;
  };

  const assetsOf = (release: Release): Promise<Asset[]> =>
    api.list(assetSchema, `/releases/${release.id}/assets`);

  const digestOf = async (asset: Asset): Promise<string> => {
    const stated = /^sha256:([0-9a-f]{64})$/.exec(asset.digest ?? "")?.[1];
    if (stated) return stated;
    // Assets from before June 2025 have no digest.
    const token = host.env["GITHUB_TOKEN"] || host.env["GH_TOKEN"];
    const headers = {
      accept: "application/octet-stream",
      ...(token ? { authorization: `Bearer ${token}` } : {}),
    };
    return (await hashOfUrl(host, asset.url, headers)).sha256;
  };

  const sendAsset = async (release: Release, upload: Upload): Promise<void> => {
    const base = release.upload_url.replace(/\{.*$/, "");
    for (let tried = 1; ; tried++) {
      let why: string;
      let answer: Page | null = null;
      try {
        const page = await api.once(`${base}?name=${encodeURIComponent(upload.name)}`, {
          method: "POST",
          headers: { "content-type": "application/octet-stream" },
          file: { path: upload.path, size: upload.size },
        });
        if (page.status >= 300 && !isTransient(page.status) && page.status !== 422)
          throw api.failure(`Uploading ${upload.name}`, page);
        why =
          page.status < 300
            ? `${upload.name}: GitHub took it and does not list it`
            : `${upload.name}: GitHub answered ${page.status}`;
        answer = page;
      } catch (thrown) {
        if (isWheelsError(thrown)) throw thrown;
        why = `${upload.name}: ${rootMessageOf(thrown)}`;
      }
      if (await isComplete(release, upload)) return;
      if (!(await pause(host, tried, answer, why)))
        throw wheelsError("E_PUBLISH_FAULT", { file: upload.name, target: name, detail: why });
    }
  };

  /** True where the asset is there with these bytes; what an upload that broke off left is removed. */
  const isComplete = async (release: Release, upload: Upload): Promise<boolean> => {
    const asset = (await assetsOf(release)).find((one) => one.name === upload.name);
    if (!asset) return false;
    if (asset.state === "uploaded" && asset.size > 0) {
      if ((await digestOf(asset)) === upload.sha256) return true;
      throw wheelsError("E_PUBLISH_CONFLICT", { file: upload.name, target: name, next: ".postN" });
    }
    await api.call(z.null(), `/releases/assets/${asset.id}`, { method: "DELETE" });
    return false;
  };

  return {
    name,
    kind: "github-release",
    limits: RELEASE_LIMITS,
    async demandAccess() {
      if (!host.env["GITHUB_TOKEN"] && !host.env["GH_TOKEN"])
        throw wheelsError("E_PUBLISH_CREDENTIALS", { target: name });
    },
    async existing(_projects, wanted) {
      const release = await find();
      const there = new Map<string, Existing>();
      for (const asset of release ? await assetsOf(release) : [])
        if (asset.state === "uploaded" && wanted.has(asset.name))
          there.set(asset.name, { sha256: await digestOf(asset), size: asset.size });
      return there;
    },
    async exclusively(work) {
      const key = sha256Of(Buffer.from(name)).slice(0, 16);
      return withLock(host, join(host.cache, "locks", `${key}.lock`), `the target ${name}`, work);
    },
    async publish(upload, all) {
      const journal = await openJournal(host, settings.folder, name);
      const release = (await find()) ?? (await draft());
      const fresh = new Set(upload.map(({ fileName }) => fileName));
      await host.scratch.withFolder("vllm-cpu-wheels-release", async (scratch) => {
        for (const { fileName, path, sha256, size, verdict, signatures } of all) {
          const proof = join(scratch, verdictFileName(fileName));
          await writeFile(proof, `${JSON.stringify(verdict, null, 2)}\n`);
          const bytes = await readBytes(proof);
          const files: Upload[] = [
            { name: fileName, path, sha256, size },
            { name: verdictFileName(fileName), path: proof, sha256: sha256Of(bytes), size: bytes.length },
          ];
          if (signatures.signature !== null) {
            const signature = join(scratch, signatureFileName(fileName));
            await writeFile(signature, signatures.signature);
            const content = Buffer.from(signatures.signature);
            files.push({
              name: signatureFileName(fileName),
              path: signature,
              sha256: sha256Of(content),
              size: content.length,
            });
          }
          for (const file of files) {
            const known = file.name === fileName && !fresh.has(fileName);
            if (known || (await isComplete(release, file))) continue;
            await journal.note(file.name, file.sha256, "sending");
            await sendAsset(release, file);
            await journal.note(file.name, file.sha256, "sent");
            host.log.info(`  sent ${file.name}`);
          }
        }
      });
      if (release.draft)
        await api.call(releaseSchema, `/releases/${release.id}`, {
          method: "PATCH",
          body: JSON.stringify({ draft: false }),
        });
    },
    async withdraw(files, reason) {
      const release = await find();
      const assets = release ? await assetsOf(release) : [];
      const missing = files.filter((file) => !assets.some((asset) => asset.name === file));
      if (!release || missing.length > 0)
        throw wheelsError("E_WITHDRAW", { target: name, detail: `It has no ${missing.join(", ")}.` });
      for (const file of files) {
        const asset = assets.find((one) => one.name === file);
        await api.call(assetSchema, `/releases/assets/${asset?.id}`, {
          method: "PATCH",
          body: JSON.stringify({ label: `WITHDRAWN: ${file} (${reason})` }),
        });
      }
      const notes = files.map((file) => `- **Withdrawn:** \`${file}\`: ${reason}`);
      const body = JSON.stringify({ body: [release.body ?? "", ...notes].join("\n") });
      await api.call(releaseSchema, `/releases/${release.id}`, { method: "PATCH", body });
    },
    async installHint(candidates) {
      return candidates.map(({ fileName, document }) => {
        const address = `https://github.com/${repository}/releases/download/${encodeURIComponent(at.tag)}/${encodeURIComponent(fileName)}`;
        const torch =
          torchNeeds(document, fileName).length > 0 ? ` --extra-index-url ${CPU_TORCH_INDEX}` : "";
        return `pip install ${address}${torch}`;
      });
    },
  };
}
