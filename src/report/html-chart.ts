import { formatBytes } from "../host/units.ts";
import { ISA_FEATURES } from "../variants/features.ts";
import type { FirstUse, WheelContents } from "../verify/facts/contents.ts";
import { checkOf } from "../verify/verdict/check.ts";
import type { Result } from "../verify/verdict/result.ts";
import { code, count, many, text } from "./html-parts.ts";

/** Decades that the axis names; the largest real libraries have some ten million instructions. */
const DECADES = 7;
const DECADE_NAMES = ["1", "10", "100", "1k", "10k", "100k", "1M", "10M"];
/** A single instruction is seen too. */
const LEAST_PERCENT = 1.5;
/** Features and libraries drawn of one wheel; a hostile one may have thousands. */
const MOST_FEATURES = 60;
const MOST_LIBRARIES = 40;
const MOST_FOLDERS = 25;
const MOST_USES = 60;

const percent = (value: number): string => `${Math.min(100, Math.max(0, value)).toFixed(2)}%`;

/** Where a count lies on the axis, logarithmic; percent. */
const position = (instructions: number): number =>
  instructions < 1 ? 0 : Math.max(LEAST_PERCENT, (Math.log10(instructions) / DECADES) * 100);

const grid = Array.from({ length: DECADES - 1 }, (_none, index) => {
  const at = percent(((index + 1) / DECADES) * 100);
  return `<line class="grid" x1="${at}" x2="${at}" y1="0" y2="100%"/>`;
}).join("");

/** A bar as wide as its cell; the figure beside it says the same in words. */
const bar = (share: number, kind: string, lines = ""): string =>
  `<svg class="bar" aria-hidden="true" focusable="false">${lines}<rect class="${kind}" x="0" y="15%" height="70%" width="${percent(share)}" rx="2"/></svg>`;

const axis = `<svg class="axis" role="img" aria-label="Logarithmic scale from 1 to ten million instructions">${DECADE_NAMES.flatMap(
  (name, index) => {
    // Every other name on a narrow screen still tells that the scale is logarithmic.
    if (index % 2 === 1) return [];
    const at = percent((index / DECADES) * 100);
    const anchor = index === 0 ? "start" : index === DECADES ? "end" : "middle";
    return [`<text x="${at}" y="70%" text-anchor="${anchor}">${name}</text>`];
  },
).join("")}</svg>`;

const rank = new Map<string, number>(ISA_FEATURES.map((name, index) => [name, index]));

const byRank = ([a]: [string, number], [b]: [string, number]): number =>
  (rank.get(a) ?? ISA_FEATURES.length) - (rank.get(b) ?? ISA_FEATURES.length) || (a < b ? -1 : 1);

/** `${path}:${feature}` of what `isa.contained` found beyond the contract. */
function outsideOf({ checks }: Result): Set<string> {
  const findings = checkOf(checks, "isa.contained")?.findings ?? [];
  return new Set(
    findings.flatMap((one) => (one.kind === "beyond-contract" ? [`${one.file}:${one.feature}`] : [])),
  );
}

function usesList(uses: readonly FirstUse[]): string {
  if (uses.length === 0) return "";
  const items = uses.slice(0, MOST_USES).map(({ feature, instruction, address, symbol }) => {
    const place = `${code(instruction)} at ${code(address)}${symbol ? ` in ${code(symbol, 300)}` : ""}`;
    return `<li>${code(feature)}: ${place}</li>`;
  });
  return `<details><summary>First instruction of each feature</summary><ul>${items.join("\n")}</ul></details>`;
}

function libraryChart(
  library: Result["isa"]["files"][number],
  claimed: ReadonlySet<string>,
  outside: ReadonlySet<string>,
  uses: readonly FirstUse[],
): string {
  const { path, bytes, method, found } = library;
  const features = Object.entries(found).sort(byRank).slice(0, MOST_FEATURES);
  if (features.length === 0)
    return `<h3>${text(path, 300)}</h3><p>Not decoded (${text(method)}); the checks say why.</p>`;
  const rows = features.map(([feature, instructions]) => {
    const isOutside = outside.has(`${path}:${feature}`);
    const kind = isOutside ? "outside" : claimed.has(feature) ? "promised" : "within";
    const word = isOutside ? "beyond" : claimed.has(feature) ? "promised" : "";
    return `<tr><th scope="row">${code(feature, 60)}${word ? `<small class="${kind}">${word}</small>` : ""}</th><td class="wide">${bar(position(instructions), kind, grid)}</td><td class="number">${count(instructions)}</td></tr>`;
  });
  return `<table class="chart">
<caption>${text(path, 300)} <small>${formatBytes(bytes)} of code, ${method === "symbols" ? "decoded by functions" : `decoded: ${text(method)}`}</small></caption>
<thead><tr><th scope="col">Feature</th><th scope="col" class="wide">${axis}</th><th scope="col" class="number">Count</th></tr></thead>
<tbody>
${rows.join("\n")}
</tbody>
</table>
${usesList(uses)}`;
}

/** What the name promises, and how much of it is there. */
function promises({ isa }: Result): string {
  if (isa.claimed.length === 0)
    return "<p>No variant of the manifest has this name, so nothing is promised.</p>";
  const items = isa.claimed.map((feature) => {
    const instructions = isa.found[feature] ?? 0;
    return instructions > 0
      ? `<li>${code(feature)}: ${many(instructions, "instruction")}</li>`
      : `<li class="missing">${code(feature)}: promised, and there is none</li>`;
  });
  return `<p>The variant's name promises:</p><ul>${items.join("")}</ul>`;
}

/** Instructions by library and ISA feature. */
export function isaChart(result: Result): string {
  const { files, claimed } = result.isa;
  if (files.length === 0) return result.wheel === null ? "" : "<p>There is no library in the wheel.</p>";
  const outside = outsideOf(result);
  const largest = files.toSorted((a, b) => b.bytes - a.bytes);
  const usesIn = (library: string): FirstUse[] =>
    (result.firstUses ?? []).filter(({ path }) => path === library);
  const charts = largest
    .slice(0, MOST_LIBRARIES)
    .map((library) => libraryChart(library, new Set(claimed), outside, usesIn(library.path)));
  const more = files.length - MOST_LIBRARIES;
  return [
    promises(result),
    '<p class="key"><span class="swatch promised"></span> promised <span class="swatch within"></span> within the contract <span class="swatch outside"></span> beyond the contract. An instruction that takes two features counts for both.</p>',
    ...charts,
    ...(more > 0 ? [`<p>${many(more, "smaller library", "smaller libraries")} left out here.</p>`] : []),
  ].join("\n");
}

/** Compressed sizes by folder. */
export function folderChart(contents: WheelContents | undefined, size: number | undefined): string {
  if (!contents || contents.folders.length === 0) return "";
  const shown = contents.folders.slice(0, MOST_FOLDERS);
  const largest = Math.max(1, ...shown.map(({ packed }) => packed));
  const rows = shown.map(
    ({ path, files, bytes, packed }) =>
      `<tr><th scope="row">${code(path === "" ? "(top)" : `${path}/`, 200)}<small>${many(files, "file")}, ${formatBytes(bytes)} unpacked</small></th><td class="wide">${bar((packed / largest) * 100, "within")}</td><td class="number">${formatBytes(packed)}</td></tr>`,
  );
  const more = contents.folders.length - shown.length;
  return `<table class="chart">
<caption>${many(contents.files, "file")}, ${formatBytes(contents.unpacked)} unpacked${size === undefined ? "" : `, ${formatBytes(size)} as a wheel`}</caption>
<thead><tr><th scope="col">Folder</th><th scope="col" class="wide"><span class="quiet">Bar</span></th><th scope="col" class="number">Packed</th></tr></thead>
<tbody>
${rows.join("\n")}
</tbody>
</table>${more > 0 ? `\n<p>${many(more, "smaller folder")} left out here.</p>` : ""}`;
}
