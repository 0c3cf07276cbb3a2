// Takes in a source and copies it as a build does, in a Node of its own: Jest's realms have another Error than Node's.
// Usage: tsx source-driver.ts SOURCE CACHE COPY [--dirty] [--patch]; prints JSON.
import { hideChanges } from "../../src/build/source/checkout.ts";
import { completeSource, obtainSource } from "../../src/build/source/obtain.ts";
import { copySource, openSource, projectFolder, sourceDigest } from "../../src/build/source/source.ts";
import { addTomlComments } from "../../src/build/source/source-check.ts";
import { WheelsError } from "../../src/errors/wheels-error.ts";
import { createTerminalHost, createTerminalLog } from "../../src/host/terminal.ts";
import type { Uv } from "../../src/torch/uv.ts";
import type { CopiedSource, RefusedSource } from "./sources.ts";

const [label = "", cache = "", copy = "", ...flags] = process.argv.slice(2);
const log = createTerminalLog({
  info: process.stderr,
  problems: process.stderr,
  debug: false,
  colour: false,
});
const host = createTerminalHost(log, new AbortController().signal, { colour: false, cache });
/** Only a release of a package index needs it. */
const uv: Uv = {
  path: "uv",
  version: "0",
  pip: { indexUrl: null, extraIndexUrls: [], findLinks: [], cert: null },
  counted: [],
  run: () => Promise.reject(new Error("no release is asked for here")),
};

async function main(): Promise<CopiedSource | RefusedSource> {
  try {
    const named = await completeSource(host, await openSource(host, label), flags.includes("--dirty"));
    const source = await obtainSource(host, uv, named, [], false);
    const digest = await sourceDigest(host, source, []);
    await copySource(host, source, copy, []);
    const project = projectFolder(source, copy);
    if (flags.includes("--patch")) {
      const facts = { distribution: "x", version: "", torchVersion: "2", companions: [], direct: [] };
      await addTomlComments(project, facts);
      if (source.checkout !== null) await hideChanges(host, project, ["pyproject.toml"]);
    }
    return { copy: project, digest, version: source.version, commit: source.checkout?.commit ?? null };
  } catch (thrown) {
    if (!(thrown instanceof WheelsError)) throw thrown;
    return { code: thrown.code, why: thrown.why, remedy: thrown.remedy };
  }
}

process.stdout.write(JSON.stringify(await main()));
