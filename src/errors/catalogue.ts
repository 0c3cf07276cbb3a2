import { BUILD } from "./build-errors.ts";
import { GENERAL } from "./general-errors.ts";
import { POLICY } from "./policy-errors.ts";
import { PROGRAM } from "./program-errors.ts";
import { PUBLISH } from "./publish-errors.ts";
import { SOURCE } from "./source-errors.ts";
import { TORCH } from "./torch-errors.ts";
import { VERIFY } from "./verify-errors.ts";

/**
 * Every error a user can cause, as data. Codes are permanent: they are never renamed or reused.
 * `docs/errors.md` is generated from it.
 */
export const CATALOGUE = {
  ...GENERAL,
  ...PROGRAM,
  ...TORCH,
  ...BUILD,
  ...SOURCE,
  ...POLICY,
  ...PUBLISH,
  ...VERIFY,
} as const;

export type ErrorCode = keyof typeof CATALOGUE;

export type ErrorParams<C extends ErrorCode> = Parameters<(typeof CATALOGUE)[C]["text"]>[0];
