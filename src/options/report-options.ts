import { SARIF_KINDS } from "../report/sarif.ts";
import type { OptionSpecs } from "./options.ts";

/** Where answers go besides the terminal. */
export const REPORT_OPTIONS = {
  html: {
    kind: "text",
    placeholder: "PATH",
    default: null,
    help: "Write a page per wheel: a folder for <wheel>.report.html, or the file, ending in .html, for one wheel",
  },
  markdown: {
    kind: "text",
    placeholder: "FILE",
    default: null,
    help: "Write what a job's summary shows, all wheels in one file",
  },
  sarif: {
    kind: "text",
    placeholder: "FILE",
    default: null,
    help: "Write a SARIF 2.1.0 file for code scanning, all wheels in one run",
  },
  "sarif-kinds": {
    kind: "text",
    placeholder: "KINDS",
    default: "problems",
    choices: SARIF_KINDS,
    help: "What that file holds: failures and warnings alone, or what passed and was not run as well",
  },
} as const satisfies OptionSpecs;
