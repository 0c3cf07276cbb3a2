/** Process exit codes; the contract is in README.md ("Exit codes"). */
export const EXIT = {
  ok: 0,
  checkFailed: 1,
  badInput: 2,
  machineCannot: 3,
  toolFailed: 4,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export interface ErrorText {
  /** What happened, one sentence. */
  what: string;
  /** Why it happened or why it matters. */
  why: string;
  /** What to type or change. */
  remedy: string;
  /** The line of the user's file that is at fault; lines and columns count from 1. */
  place?: { file: string; line: number; column: number };
}

export interface ErrorEntry<P> {
  exit: ExitCode;
  title: string;
  text: (params: P) => ErrorText;
}

/** One entry of the catalogue, its texts typed by what they need. */
export function entry<P>(exit: ExitCode, title: string, text: (params: P) => ErrorText): ErrorEntry<P> {
  return { exit, title, text };
}
