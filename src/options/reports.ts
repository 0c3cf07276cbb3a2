import { SARIF_KINDS } from "../report/sarif.ts";
import { about, complete, type Values } from "./spec.ts";

/** Where answers go besides the terminal. */
export const REPORTS = about("Reports", {
  html: {
    kind: "text",
    placeholder: "PATH",
    default: null,
    help: "Write a page for each wheel: into a folder as <wheel>.report.html, or for one wheel into a file that ends in .html.",
  },
  markdown: {
    kind: "text",
    placeholder: "FILE",
    default: null,
    help: "Write what a job's summary shows, all wheels in one file.",
  },
  sarif: {
    kind: "text",
    placeholder: "FILE",
    default: null,
    help: "Write a SARIF 2.1.0 file for code scanning, all wheels in one run.",
  },
  "sarif-kinds": {
    kind: "text",
    placeholder: "KINDS",
    default: "problems",
    choices: SARIF_KINDS,
    help: "What the SARIF file holds: problems for failures and warnings alone, all for what passed and was not run as well.",
  },
});

export function parseReports(given: Partial<Values<typeof REPORTS>>) {
  const { html, markdown, sarif, "sarif-kinds": sarifKinds } = complete(REPORTS, given);
  return { html, markdown, sarif, sarifKinds };
}
