import { z } from "zod";
import { kind } from "./kind.ts";

const requirement = z.string().describe("The line Requires-Dist, as METADATA has it");

/** What METADATA can do to whoever installs the wheel. */
export const METADATA_KINDS = {
  "unreadable-requirement": kind(
    { requirement },
    ({ requirement: line }) =>
      `METADATA requires ${JSON.stringify(line.slice(0, 120))}, which no installer can read`,
    () => "Write every requirement as NAME[EXTRAS] SPECIFIERS; MARKER, in ASCII, on one line.",
  ),
  "torch-not-required": kind(
    {},
    () => "the wheel's libraries are torch extensions, yet METADATA requires no torch",
    () => "Add torch to the project's dependencies.",
  ),
  "torch-by-url": kind(
    { requirement },
    ({ requirement: line }) =>
      `${line} names a file; indexes refuse wheels with direct references, and installers can't choose`,
    () => "Require torch==X, the exact release that the wheel was built against.",
  ),
  "torch-local-version": kind(
    { requirement, pinned: z.string().nullable() },
    ({ requirement: line }) => `${line} can't be resolved on the default index, which has no local versions`,
    ([first]) =>
      first?.pinned
        ? `Require torch==${first.pinned.split("+")[0]}; an installed ${first.pinned} satisfies it.`
        : "Require torch==X, the exact release that the wheel was built against, without a local part.",
  ),
  "torch-unpinned": kind(
    { requirement },
    ({ requirement: line }) => `${line}: a plain install takes the newest torch, CUDA build and other ABI`,
    () => "Require the exact torch that the wheel was built against.",
  ),
  "no-install-instructions": kind({}, () => "the description does not say how to get CPU-only torch"),
};
