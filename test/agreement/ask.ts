import { join } from "node:path";
import { verifiedFiles, written } from "../support/forge.ts";
import { exec, root } from "../support/run.ts";
import { CASES, type Case, made } from "./cases.ts";

/** Readers that install, and readers that go by a wheel's name and metadata alone. */
export const INSTALLERS = ["pip", "uv", "installer"] as const;
export const INDEXES = ["twine", "packaging"] as const;
export const READERS = [...INSTALLERS, ...INDEXES] as const;
export type Reader = (typeof READERS)[number];

/** Whether a reader looks at what a kind of case is about. */
export function isAsked({ kind }: Case, reader: Reader): boolean {
  if (reader === "installer") return kind !== "METADATA";
  return reader === "pip" || reader === "uv" || kind === "METADATA" || kind === "file name";
}

/** What was said of one wheel. */
export interface Asked extends Case {
  key: string;
  /** Checks of ours that refuse it. */
  refused: string[];
  /** True where `verify` tells that an upload index refuses it. */
  told: boolean;
  /** What each reader said against it; null where it takes the wheel. */
  said: Record<Reader, string | null>;
}

export const keyOf = ({ kind, name }: Case): string => `${kind}: ${name}`;

/** Makes every wheel and asks `verify`, and every reader, about it. */
export function askAll(): Asked[] {
  const paths = written(CASES.map(made));
  const { results } = verifiedFiles(paths, ["--level=static"]);
  const bin = join(root, ".test-cache", "tools", "bin");
  const readers = join(root, "test", "agreement", "readers.py");
  const theirs = exec(join(bin, "python"), [readers, join(bin, "uv"), ...paths]);
  if (theirs.status !== 0) throw new Error(theirs.stderr);
  const said = JSON.parse(theirs.stdout) as Asked["said"][];
  return CASES.map((one, index) => {
    const { checks = [], indexRefuses = [] } = results[index] ?? {};
    const answer = said[index];
    if (results[index]?.wheel !== paths[index] || !answer) throw new Error(`no answer for ${keyOf(one)}`);
    const refused = checks.filter(({ result }) => result === "fail").map(({ id }) => id);
    return { ...one, key: keyOf(one), refused, told: indexRefuses.length > 0, said: answer };
  });
}

/** How our answer on a wheel stands to a reader's. */
export type Relation = "agreed" | "stricter" | "milder" | "not asked";

/** An upload index may be obeyed by what is told of it; whoever installs, by a refusal alone. */
export function relation(asked: Asked, reader: Reader): Relation {
  if (!isAsked(asked, reader)) return "not asked";
  const { refused, told, said } = asked;
  const takes = said[reader] === null;
  if (refused.length > 0) return takes ? "stricter" : "agreed";
  const isIndex = (INDEXES as readonly string[]).includes(reader);
  return takes || (isIndex && told) ? "agreed" : "milder";
}
