import type { Host } from "../../host/host.ts";
import { glibcVersion } from "../../host/machine.ts";
import { shownUrl } from "../../host/network/urls.ts";
import type { Inputs } from "../compile/keys.ts";

/** Says what is about to be built, and by what: whoever reads a log later finds it at its top. */
export function announce(host: Host, inputs: Inputs): void {
  const { request, compiler, torch, python, sourceDigest, dependencies } = inputs;
  const { source, found, buildEnvironment } = request;
  const { checkout, origin } = source;
  const identity =
    checkout !== null
      ? `commit ${checkout.commit}`
      : origin?.digest["sha256"] !== undefined
        ? `sha256 ${origin.digest["sha256"]}`
        : `content ${sourceDigest}`;
  const added = Object.entries(buildEnvironment).map(([name, value]) => `${name}=${value}`);
  const beside = [...dependencies].map(([name, one]) =>
    one.kind === "git" ? `${name} at commit ${one.ref.commit}` : `${name} of ${one.path}`,
  );
  for (const line of [
    `Source: ${shownUrl(source.label)}, ${identity}; version ${source.version ?? "as its build backend computes it"}`,
    `Recipe: ${found.recipe.name}; torch ${torch.torchVersion} of ${shownUrl(torch.index)}; Python ${python}`,
    `Compiler: ${compiler.family} ${compiler.version}, ${compiler.cxx.join(" ")}, for ${compiler.target}; glibc ${glibcVersion()}${request.floor === null ? "" : `, built for ${request.floor}`}`,
    ...(beside.length > 0 ? [`Beside it: ${beside.join(", ")}`] : []),
    `Environment: the default${added.length > 0 ? `, and ${added.join(" ")}` : ""}`,
  ])
    host.log.info(line);
}
