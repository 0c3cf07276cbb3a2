import { createHash } from "node:crypto";
import type { Host } from "../../host/host.ts";
import { glibcVersion } from "../../host/machine.ts";
import type { TorchSource } from "../../torch/install.ts";
import { COMPAT } from "../floor/compat.ts";
import { ZIG } from "../floor/floor-kit.ts";
import { type DependencyOrigin, identityOf, librariesOf } from "../source/dependencies.ts";
import type { BuildNeeds } from "../source/source-check.ts";
import type { CompileRequest } from "./compile-request.ts";
import type { Pin } from "./requirements.ts";
import type { Toolchain } from "./toolchain.ts";

/** A key of the inputs, which a log for maintainers tells, so that a miss can be explained. */
function digest(host: Host, name: string, value: unknown): string {
  const text = JSON.stringify(value);
  host.log.debug(`The key of the ${name} holds ${text}`);
  return createHash("sha256").update(text).digest("hex").slice(0, 20);
}

/** All that decides what is compiled. */
export interface Inputs {
  request: CompileRequest;
  compiler: Toolchain;
  torch: TorchSource;
  python: string;
  /** Of all that is built of the source. */
  sourceDigest: string;
  pins: Pin[];
  needs: BuildNeeds;
  dependencies: ReadonlyMap<string, DependencyOrigin>;
}

/** Everything that decides what is compiled, the unit left out: builds that differ in it alone share a folder. */
export function slotKey(
  host: Host,
  { request, compiler, torch, python, sourceDigest, pins, needs, dependencies }: Inputs,
): string {
  const { found } = request;
  const sourced = librariesOf(found.recipe, request.floor).sourced.map(({ source }) => source);
  return digest(host, "build environment", [
    3,
    sourceDigest,
    found.recipe.name,
    needs,
    pins,
    [...dependencies].map(([name, origin]) => [name, identityOf(origin)]),
    torch.index,
    torch.pins,
    python,
    compiler,
    glibcVersion(),
    request.floor === null ? null : [request.floor, ZIG.version, COMPAT],
    sourced,
  ]);
}

/** The unit and all else that decides the bytes of the compiled wheel. */
export function compiledKey(host: Host, slot: string, { request }: Inputs): string {
  const { unit, patches, found, keepDebug, epoch } = request;
  const texts = unit.patches.map((name) => patches[name]);
  return digest(host, "compile", [
    slot,
    unit,
    texts,
    found.recipe.cmakeArguments,
    keepDebug,
    epoch,
    request.source.version,
    request.buildEnvironment,
    // cmake looks for packages beside every folder of it.
    host.env["PATH"] ?? "",
  ]);
}
