import { formatBytes } from "../host/units.ts";
import { htmlDocument, timeHtml } from "../report/html-document.ts";
import { code, count, facts, section, text } from "../report/html-parts.ts";
import { letterOf } from "./answer.ts";
import type { Comparison } from "./document.ts";

const MOST_ROWS = 60;
const MOST_NAMES = 100;

/** A table whose first column names the row and whose others are wheels. */
function grid(caption: string, first: string, wheels: number, rows: readonly (readonly string[])[]): string {
  const heads = [first, ...Array.from({ length: wheels }, (_none, index) => letterOf(index))];
  const more = rows.length - MOST_ROWS;
  return `<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table>
<caption>${caption}</caption>
<thead><tr>${heads.map((head, index) => `<th scope="col"${index > 0 ? ' class="number"' : ""}>${head}</th>`).join("")}</tr></thead>
<tbody>
${rows
  .slice(0, MOST_ROWS)
  .map(
    ([name, ...cells]) =>
      `<tr><th scope="row">${name}</th>${cells.map((cell) => `<td class="number">${cell}</td>`).join("")}</tr>`,
  )
  .join("\n")}
</tbody>
</table></div>${more > 0 ? `<p>${count(more)} more left out.</p>` : ""}`;
}

function codeCells(codes: readonly (string | null)[]): string[] {
  const known = [...new Set(codes.filter((one) => one !== null))];
  return codes.map((one) =>
    one === null ? "–" : `code ${known.indexOf(one) + 1} <small><code>${one.slice(0, 8)}</code></small>`,
  );
}

function list(items: readonly string[]): string {
  const more = items.length - MOST_NAMES;
  if (items.length === 0) return "<p>None.</p>";
  return `<ul>${items
    .slice(0, MOST_NAMES)
    .map((item) => `<li>${item}</li>`)
    .join("\n")}</ul>${more > 0 ? `<p>${count(more)} more left out.</p>` : ""}`;
}

const letters = (wheels: readonly number[]): string => wheels.map(letterOf).join(" ");

/** A comparison as a page of its own. Texts from the wheels are hostile, as in a report. */
export function comparisonHtml(
  { answer, wheels, libraries, isa, folders, metadata, files }: Comparison,
  { version, time }: { version: string; time: Date },
): string {
  const differing = Object.entries(isa).filter(([, counts]) => counts.some((one) => one !== counts[0]));
  const sections = [
    section(
      "wheels",
      "Wheels",
      facts(
        wheels.map(({ wheel, sha256, size, variant, claimed }, index): [string, string] => [
          letterOf(index),
          `${code(wheel, 300)}<br>${formatBytes(size)}${variant === null ? "" : `, ${code(variant)} promises ${claimed.map((one) => code(one)).join(", ") || "nothing"}`}<br><small>sha256 ${sha256}</small>`,
        ]),
      ),
    ),
    section(
      "libraries",
      "Machine code",
      grid(
        "Libraries; equal numbers are equal code",
        "Library",
        wheels.length,
        libraries.map(({ path, codeSha256, equal, movedFrom }) => [
          `${text(path, 200)} <small class="${equal ? "good" : "missing"}">${equal ? "equal" : movedFrom === undefined ? "differs" : `equal to ${text(movedFrom, 200)}`}</small>`,
          ...codeCells(codeSha256),
        ]),
      ),
    ),
    section(
      "isa",
      "Instructions by feature",
      differing.length === 0
        ? "<p>Every feature has the same number of instructions in all.</p>"
        : grid(
            "Features whose numbers differ",
            "Feature",
            wheels.length,
            differing.map(([feature, counts]) => [code(feature, 60), ...counts.map(count)]),
          ),
    ),
    section(
      "sizes",
      "Sizes by folder",
      grid(
        "Compressed",
        "Folder",
        wheels.length,
        folders.map(({ path, packed }) => [
          code(path === "" ? "(top)" : `${path}/`, 200),
          ...packed.map((bytes) => (bytes === null ? "–" : formatBytes(bytes))),
        ]),
      ),
    ),
    section(
      "metadata",
      "METADATA lines that not every wheel has",
      list(
        metadata.map(
          ({ header, value, wheels: having }) => `${letters(having)}: ${code(`${header}: ${value}`, 400)}`,
        ),
      ),
    ),
    section(
      "files",
      "Other files",
      `<p>${count(files.equal)} are equal. These are not:</p>${list([
        ...files.different.map((path) => `differs: ${code(path, 300)}`),
        ...files.notInAll.map(({ path, wheels: having }) => `only in ${letters(having)}: ${code(path, 300)}`),
      ])}`,
    ),
  ];
  const body = `<h1>Is each variant worth its own wheel?</h1>
<p class="verdict answer">${text(answer, 4000)}</p>
<p>${timeHtml(time)}</p>
${sections.join("\n")}`;
  return htmlDocument(`Comparison of ${wheels.length} wheels`, body, {
    version,
    note: "Machine code is compared by the sha256 of the executable parts of each library.",
  });
}
