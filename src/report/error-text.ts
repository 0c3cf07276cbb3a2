import type { WheelsError } from "../errors/wheels-error.ts";

/** An error below its first line, for a terminal. */
export const errorDetail = ({ why, remedy }: WheelsError): string =>
  `  why:    ${why.replaceAll("\n", "\n          ")}\n  remedy: ${remedy}\n`;

/** Where an error came from, for whoever debugs. */
export const errorStack = ({ stack, cause }: WheelsError): string =>
  `${stack}\n${cause instanceof Error ? cause.stack : ""}\n`;

const quoted = (text: string): string =>
  text
    .replace(/[&<>]/g, (char) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[char] ?? char)
    .replaceAll("\n", "<br>");

/** An error as the head of a job's summary. */
export const errorMarkdown = ({ code, what, why, remedy }: WheelsError): string =>
  `### ❌ ${quoted(what)}\n\n**Why:** ${quoted(why)}\n\n**Remedy:** ${quoted(remedy)}\n\n<sub>${code}</sub>\n`;
