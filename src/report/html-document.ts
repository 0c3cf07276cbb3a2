import { createHash } from "node:crypto";
import { escapeHtml } from "./html.ts";
import { text } from "./html-parts.ts";
import { REPORT_STYLE } from "./html-style.ts";

const styleHash = createHash("sha256").update(REPORT_STYLE).digest("base64");

/** Nothing is loaded and nothing runs, whatever a wheel has got into the page. */
const POLICY = `default-src 'none'; style-src 'sha256-${styleHash}'; img-src data:; base-uri 'none'; form-action 'none'`;

/** A whole page: one file that needs no script, no font and no server. @param title as text */
export function htmlDocument(title: string, body: string, foot: { version: string; note: string }): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>${escapeHtml(title)}</title>
<style>${REPORT_STYLE}</style>
</head>
<body>
<main>
${body}
<footer>
<p>Made by vllm-cpu-wheels ${text(foot.version)}. ${foot.note}</p>
</footer>
</main>
</body>
</html>
`;
}

/** A moment, to the minute. */
export const timeHtml = (time: Date): string =>
  `<time datetime="${time.toISOString()}">${time.toISOString().slice(0, 16).replace("T", " ")} UTC</time>`;
