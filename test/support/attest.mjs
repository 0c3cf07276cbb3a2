// What stands for actions/attest where no identity can be had: asks the tests' own authority to sign, and says where the bundle is.
import { createHash } from "node:crypto";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

const { SUBJECT, PREDICATE, PREDICATE_TYPE, TEST_SIGNER, RUNNER_TEMP, GITHUB_OUTPUT } = process.env;
const sha256 = createHash("sha256").update(readFileSync(SUBJECT)).digest("hex");
const statement = {
  _type: "https://in-toto.io/Statement/v1",
  subject: [{ name: basename(SUBJECT), digest: { sha256 } }],
  predicateType: PREDICATE_TYPE,
  predicate: JSON.parse(readFileSync(PREDICATE, "utf8")),
};
const answer = await fetch(TEST_SIGNER, { method: "POST", body: JSON.stringify(statement) });
const place = join(RUNNER_TEMP, `attestation-${sha256.slice(0, 12)}.json`);
writeFileSync(place, await answer.text());
appendFileSync(GITHUB_OUTPUT, `bundle-path=${place}\n`);
