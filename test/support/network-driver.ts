// Sends requests as this project's host does, outside Jest, whose realm has an Error of its own. Reads cases from stdin.
import { readFileSync } from "node:fs";
import { asWheelsError } from "../../src/errors/wheels-error.ts";
import { request } from "../../src/host/network/http.ts";
import { readPipConfig } from "../../src/host/network/pip-config.ts";
import { trustEnv } from "../../src/host/network/trust-env.ts";
import { type Heard, hostWith, type NetworkCase } from "./network-host.ts";

async function hear({ env, url }: NetworkCase): Promise<Heard> {
  const host = hostWith(env);
  const heard: Heard = { status: null, error: null, programs: {} };
  try {
    heard.status = (await request(host, url)).status;
    const { cert } = await readPipConfig(host, "python3", host.env);
    heard.programs = await trustEnv(host, cert);
  } catch (thrown) {
    heard.error = asWheelsError(thrown).toJSON();
  }
  return heard;
}

const heard: Heard[] = [];
for (const one of JSON.parse(readFileSync(0, "utf8")) as NetworkCase[]) heard.push(await hear(one));
process.stdout.write(JSON.stringify(heard));
// What programs are told of lives as long as this process, and a signal's listener alone does not keep it.
const alive = setInterval(() => undefined, 1000);
process.once("SIGTERM", () => clearInterval(alive));
