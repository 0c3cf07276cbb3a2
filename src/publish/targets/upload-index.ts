import { createHash } from "node:crypto";
import { join } from "node:path";
import { WheelsError, wheelsError } from "../../errors/wheels-error.ts";
import type { Host } from "../../host/host.ts";
import { withLock } from "../../host/lock.ts";
import { pause } from "../../host/network/ask.ts";
import { isTrustTrouble, namedAuthorities, untrusted } from "../../host/network/certificates.ts";
import { clockError, isClockTrouble } from "../../host/network/clock.ts";
import { trustEnv } from "../../host/network/trust-env.ts";
import { shownUrl } from "../../host/network/urls.ts";
import { meaning, run, tail } from "../../host/process.ts";
import { publishingSettings, withoutForeignSettings } from "../../host/tool-settings.ts";
import { findPython } from "../../torch/python.ts";
import { type FoundUv, findUv, locateUv } from "../../torch/uv.ts";
import { PYPI_LIMITS, UPLOAD_LIMITS, withGranted } from "../gate/rules.ts";
import { judgedBytes } from "../gate/store.ts";
import { type Journal, openJournal } from "../plan/journal.ts";
import { existingAt } from "../plan/listing.ts";
import type { Candidate, Existing } from "../plan/planner.ts";
import { attestationFileName } from "../signing/check.ts";
import { canIdentify, shownClaims } from "./claims.ts";
import type { Target, TargetSettings } from "./target.ts";
import { pipCommand, torchNeeds } from "./torch-served.ts";
import { type UploadOutcome, uploadOutcome } from "./upload-outcome.ts";

/** Uploads at a time: they wait for the network most of the time. */
const AT_ONCE = 6;
const SECRETS = ["UV_PUBLISH_TOKEN", "UV_PUBLISH_PASSWORD", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"];

const keyOf = (projects: readonly string[], wanted: ReadonlySet<string>): string =>
  JSON.stringify([projects.toSorted(), [...wanted].sort()]);

/** Where an upload server has its simple index: beside its upload path, as warehouse and pypiserver have it. */
function guessIndex(uploadUrl: string): string {
  return `${uploadUrl.replace(/\/+$/, "").replace(/\/legacy$/, "")}/simple`;
}

/** A workflow secret that does not exist gives an empty variable, which uv takes for a token. */
function withoutEmpty(host: Host): Record<string, undefined> {
  const names = Object.keys(host.env).filter(
    (name) => name.startsWith("UV_PUBLISH_") && host.env[name] === "",
  );
  return Object.fromEntries(names.map((name) => [name, undefined]));
}

/** uv sends an attestation with its wheel where both are named. */
const filesOf = ({ path, signatures }: Candidate): string[] =>
  signatures.isAttested ? [path, attestationFileName(path)] : [path];

/** uv knows attestations from the version on that has an option against them. @throws E_TOOL_INSTALL */
async function demandAttesting(host: Host, uv: string): Promise<void> {
  const result = await host.ask(uv, ["publish", "--help"], {
    env: withoutForeignSettings(host.env),
    isSecret: true,
  });
  const stdout = meaning(result, { 0: result.stdout }, (detail) =>
    wheelsError("E_TOOL_FAILED", {
      tool: "uv",
      doing: "telling its options",
      detail,
      remedy: "Install uv anew, or take it off PATH: another one is installed then.",
    }),
  );
  if (!stdout.includes("--no-attestations"))
    throw wheelsError("E_TOOL_INSTALL", {
      tool: "uv with attestations",
      detail: "This uv does not know *.publish.attestation files; update it.",
    });
}

/** The simple index that pip takes by itself, which is the one that uv publishes to by itself. */
async function defaultIndex(host: Host): Promise<string> {
  const program = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)";
  const python = await findPython(host);
  const result = await host.ask(python, ["-I", "-c", program], { env: withoutForeignSettings(host.env) });
  const url = result.stdout.trim();
  if (result.code !== 0 || !URL.canParse(url))
    throw wheelsError("E_INDEX_READ", {
      index: "pypi",
      detail: `pip does not tell its index; name it with --check-url. ${tail(result, 2)}`.trim(),
    });
  return url;
}

/**
 * An index that takes uploads, through `uv publish`.
 * @param uploadUrl null for uv's own default, which is PyPI
 */
export function uploadIndexTarget(host: Host, uploadUrl: string | null, settings: TargetSettings): Target {
  const name = uploadUrl === null ? "pypi" : shownUrl(uploadUrl);
  const index = async (): Promise<string> =>
    settings.checkUrl ??
    host.env["UV_PUBLISH_CHECK_URL"] ??
    (uploadUrl === null ? await defaultIndex(host) : guessIndex(uploadUrl));
  const ask = async (projects: readonly string[], wanted: ReadonlySet<string>) =>
    existingAt(host, await index(), projects, wanted);
  let early: { key: string; answer: ReturnType<typeof ask> } | null = null;
  let earlyUv: Promise<FoundUv | null> = Promise.resolve(null);
  const hasSecret = Boolean(host.env["UV_PUBLISH_TOKEN"] || host.env["UV_PUBLISH_PASSWORD"]);

  const isThere = async ({ project, fileName, sha256 }: Candidate): Promise<boolean> => {
    const there = (await existingAt(host, await index(), [project], new Set([fileName]))).get(fileName);
    if (there && there.sha256 !== sha256)
      throw wheelsError("E_PUBLISH_CONFLICT", { file: fileName, target: name, next: ".postN" });
    return there !== undefined;
  };

  const sendOnce = async (uv: string, candidate: Candidate): Promise<UploadOutcome> => {
    const trusted = !hasSecret && canIdentify(host) ? "always" : "never";
    const where = uploadUrl === null ? [] : ["--publish-url", uploadUrl];
    const result = await run(
      host,
      uv,
      ["publish", "--no-config", "--trusted-publishing", trusted, ...where, ...filesOf(candidate)],
      {
        env: {
          ...withoutForeignSettings(host.env),
          ...publishingSettings(host.env),
          ...withoutEmpty(host),
          ...(await trustEnv(host)),
          UV_HTTP_RETRIES: "0",
          UV_NO_PROGRESS: "1",
        },
      },
    );
    return uploadOutcome(
      result,
      SECRETS.map((variable) => host.env[variable] ?? ""),
    );
  };

  const denied = async (file: string, detail: string): Promise<never> => {
    const claims = !hasSecret && canIdentify(host) ? await shownClaims(host) : [];
    throw wheelsError("E_PUBLISH_DENIED", { file, target: name, detail, claims });
  };

  const send = async (uv: string, journal: Journal, candidate: Candidate): Promise<void> => {
    const { fileName, sha256 } = candidate;
    const sent = journal.sent(fileName);
    if (sent !== null && sent !== sha256)
      throw wheelsError("E_PUBLISH_CONFLICT", {
        file: fileName,
        target: `${name} (by the journal)`,
        next: ".postN",
      });
    if (sent === sha256) {
      host.log.info(`  ${fileName}: sent by an earlier run; the index does not list it yet`);
      return;
    }
    await journal.note(fileName, sha256, "sending");
    await judgedBytes(candidate);
    for (let tried = 1; ; tried++) {
      const outcome = await sendOnce(uv, candidate);
      if (outcome.kind === "taken") break;
      if (outcome.kind === "fault" && isClockTrouble(outcome.detail))
        throw clockError(host, name, outcome.detail);
      if (outcome.kind === "fault" && isTrustTrouble(outcome.detail))
        throw untrusted(name, outcome.detail, namedAuthorities(host.env));
      if (outcome.kind === "denied") await denied(fileName, outcome.detail);
      // A fault after the last byte looks like one before it: only the index knows.
      if (outcome.kind !== "rejected" && (await isThere(candidate))) {
        host.log.info(`  ${fileName}: ${outcome.detail.slice(0, 120)}; but the index has it`);
        break;
      }
      if (
        outcome.kind !== "fault" ||
        !(await pause(host, tried, null, `${fileName}: ${outcome.detail.slice(0, 160)}`))
      )
        throw wheelsError(outcome.kind === "fault" ? "E_PUBLISH_FAULT" : "E_PUBLISH_REJECTED", {
          file: fileName,
          target: name,
          detail: outcome.detail,
        });
    }
    await journal.note(fileName, sha256, "sent");
    host.log.info(`  sent ${fileName}`);
  };

  return {
    name,
    kind: uploadUrl === null ? "pypi" : "url",
    limits: withGranted(
      uploadUrl === null ? PYPI_LIMITS : UPLOAD_LIMITS,
      settings.fileLimit,
      settings.projectLimit,
    ),
    async demandAccess() {
      if (!hasSecret && !canIdentify(host)) throw wheelsError("E_PUBLISH_CREDENTIALS", { target: name });
    },
    announce(projects, wanted) {
      early = { key: keyOf(projects, wanted), answer: ask(projects, wanted) };
      early.answer.catch(() => undefined);
    },
    // An early answer is good enough: no lock keeps others from the index, and what it has by then it says itself.
    existing(projects, wanted) {
      return early?.key === keyOf(projects, wanted) ? early.answer : ask(projects, wanted);
    },
    async exclusively(work) {
      const key = createHash("sha256").update(name).digest("hex").slice(0, 16);
      // While the index is asked what it has, uv is looked for; it is installed only where there is something to send.
      earlyUv = findUv(host);
      earlyUv.catch(() => undefined);
      return withLock(host, join(host.cache, "locks", `${key}.lock`), `the target ${name}`, work);
    },
    async publish(upload) {
      if (upload.length === 0) return;
      const { path: uv } = (await earlyUv) ?? (await locateUv(host));
      if (upload.some(({ signatures }) => signatures.isAttested)) await demandAttesting(host, uv);
      const journal = await openJournal(host, settings.folder, name);
      const stage = host.log.stage(`Uploading ${upload.length} ${upload.length === 1 ? "wheel" : "wheels"}`);
      const queue = [...upload];
      let done = 0;
      const worker = async (): Promise<void> => {
        for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
          await send(uv, journal, next);
          stage.progress(++done, upload.length);
        }
      };
      const ends = await Promise.allSettled(
        Array.from({ length: Math.min(AT_ONCE, queue.length) }, async () => {
          try {
            await worker();
          } catch (thrown) {
            // What is under way is let finish; nothing new is begun.
            queue.length = 0;
            throw thrown;
          }
        }),
      );
      const failed = ends.find((end) => end.status === "rejected");
      if (failed) {
        stage.failed();
        throw failed.reason;
      }
      stage.done();
      // What it lists by now must be what was judged; what it does not list yet, it has confirmed by its answer.
      const listed = await ask(
        [...new Set(upload.map(({ project }) => project))],
        new Set(upload.map(({ fileName }) => fileName)),
      ).catch((thrown: unknown) => {
        if (!(thrown instanceof WheelsError) || thrown.code === "E_INTERRUPTED") throw thrown;
        host.log.warn(`What ${name} has received could not be asked: ${thrown.what} ${thrown.why}`);
        return new Map<string, Existing>();
      });
      for (const { fileName, sha256 } of upload) {
        const there = listed.get(fileName);
        if (there && there.sha256 !== sha256)
          throw wheelsError("E_PUBLISH_CONFLICT", { file: fileName, target: name, next: ".postN" });
      }
    },
    async withdraw() {
      throw wheelsError("E_WITHDRAW", {
        target: name,
        detail: "An upload index has no interface for it; its web page has: Manage, Releases, Options, Yank.",
      });
    },
    async installHint(candidates) {
      const indexes = uploadUrl === null ? [] : [shownUrl(settings.checkUrl ?? guessIndex(uploadUrl))];
      return candidates.map(({ project, version, document, fileName }) =>
        pipCommand(
          project,
          version,
          indexes,
          torchNeeds(document, fileName).length > 0 ? "elsewhere" : "linked",
        ),
      );
    },
  };
}
