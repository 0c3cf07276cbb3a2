import { basename, join } from "node:path";
import picomatch from "picomatch";
import type { ExitCode } from "../../../errors/entry.ts";
import { wheelsError } from "../../../errors/wheels-error.ts";
import { exists, makeDir, readBytes, writeFile } from "../../../host/files.ts";
import * as answers from "../../../jobs/answers.ts";
import type { ACTIONS } from "../../../options/actions.ts";
import type { Values } from "../../../options/options.ts";
import { FormatError } from "../../../wheel/format-error.ts";
import { readZip } from "../../../wheel/zip-reader.ts";
import type { GitHub } from "../github.ts";
import { publishSummary } from "../summary.ts";
import { wheelPaths } from "./paths.ts";

const KNOWN = /^[A-Za-z0-9._!+-]+\.whl(\.verdict\.json|\.verdict\.sigstore\.json|\.publish\.attestation)?$/;

/**
 * Takes wheels, verdicts and signatures out of an artifact's archive. The archive is another job's, so hostile: it is read with
 * the wheel reader's limits, and of its names only plain ones of these kinds count.
 * @throws E_ARTIFACT
 */
async function unpack(archive: string, name: string, folder: string): Promise<string[]> {
  const failed = (detail: string, cause?: unknown): never => {
    throw wheelsError("E_ARTIFACT", { doing: "Unpacking", name, detail }, cause);
  };
  try {
    const wheels: string[] = [];
    for (const entry of readZip(await readBytes(archive))) {
      if (!KNOWN.test(entry.name))
        return failed(
          `It holds ${JSON.stringify(entry.name)}, which is neither a wheel nor its verdict or signature.`,
        );
      const path = join(folder, entry.name);
      if (await exists(path)) return failed(`It holds ${entry.name} twice.`);
      await writeFile(path, entry.read());
      if (entry.name.endsWith(".whl")) wheels.push(path);
    }
    return wheels;
  } catch (thrown) {
    return thrown instanceof FormatError ? failed(thrown.message, thrown) : Promise.reject(thrown);
  }
}

async function fromArtifacts(github: GitHub, patterns: string): Promise<string[]> {
  const { downloadArtifacts } = await import("../artifacts.ts");
  const wanted = picomatch(patterns.split(/\s+/).filter((word) => word !== ""));
  const archives = await downloadArtifacts(github.host, join(github.temp, "archives"), wanted);
  const wheels: string[] = [];
  for (const [name, archive] of archives) {
    const folder = join(github.temp, "artifacts", basename(join(archive, "..")));
    await makeDir(folder);
    wheels.push(...(await unpack(archive, name, folder)));
  }
  return wheels;
}

/** The publish-wheel action. @throws E_PUBLISH_NOTHING, E_ARTIFACT, every refusal of the publish command */
export async function publish(
  github: GitHub,
  inputs: Values<(typeof ACTIONS)["publish-wheel"]["inputs"]>,
): Promise<ExitCode> {
  const { wheels, artifacts, ...rest } = inputs;
  github.output("refused", "[]");
  const paths =
    wheels === null ? await fromArtifacts(github, artifacts) : await wheelPaths(github.host, wheels);
  if (paths.length === 0 && rest.expect === null)
    throw wheelsError("E_PUBLISH_NOTHING", {
      where: wheels === null ? `This run, in artifacts named ${artifacts},` : wheels,
    });
  const answer = await answers.publish(
    github.publishingHost(),
    { ...rest, "cache-dir": null, json: false, help: false },
    paths,
    (refusals) =>
      github.output("refused", JSON.stringify(refusals.map(({ code, what, why }) => ({ code, what, why })))),
  );
  github.output("published", JSON.stringify(answer.document.published));
  github.output("skipped", JSON.stringify(answer.document.skipped));
  github.host.log.info(answer.text);
  await github.summarize(publishSummary(answer.document));
  return answer.exit;
}
