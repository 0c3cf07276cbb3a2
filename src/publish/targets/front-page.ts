import { escapeHtml } from "../../report/html.ts";
import { closure } from "../../variants/features.ts";
import { CPU_TORCH_INDEX } from "../../wheel/install-commands.ts";
import { compareVersions, isVersion } from "../../wheel/version.ts";
import { FRONT_SCRIPT, FRONT_STYLE } from "./front-page-assets.ts";
import {
  choicesOf,
  FAMILIES,
  type Glance,
  glanceOf,
  inWords,
  nameOf,
  needsText,
  shellLine,
} from "./front-page-choices.ts";
import { type IndexFile, type ProjectPage, proofText, versionOf } from "./index-pages.ts";
import type { LinkedPage } from "./linked-pages.ts";
import { pipCommand } from "./torch-served.ts";

/** Stands in commands until the page's script puts the page's own address in its place. */
const HERE = "ADDRESS-OF-THIS-PAGE";

/**
 * Leads to a file, and is no anchor: readers of an index take every anchor of this page for a project, by its text.
 * Source: PEP 503, "there must be a single anchor element per project".
 */
const leadTo = (url: string, text: string): string =>
  `<form action="${escapeHtml(url)}"><button>${text}</button></form>`;

/** The same for one of a wheel's papers; who only hears the page is told of which wheel. */
const paper = (url: string | undefined, what: string, { filename }: IndexFile): string =>
  url === undefined ? "" : leadTo(url, `${what}<span class="quiet"> of ${escapeHtml(filename)}</span>`);

function row(project: string, file: IndexFile): string {
  const base = `${encodeURIComponent(project)}/`;
  const { verdict, report, sbom, time, level, needs } = file._proof;
  const papers = [
    paper(report && base + report, "report", file),
    paper(base + verdict, "verdict", file),
    paper(sbom && base + sbom, "SBOM", file),
  ];
  const state = file.yanked === undefined ? file._proof.status : "withdrawn";
  return `<tr>
<th scope="row">${leadTo(base + file.url, escapeHtml(file.filename))}</th>
<td data-label="Needs">${escapeHtml(needs === undefined ? "not stated" : needsText(needs))}</td>
<td data-label="Proof"><span class="${escapeHtml(state)}">${escapeHtml(proofText(file))}</span></td>
<td data-label="Level">${escapeHtml(level)}</td>
<td data-label="Proven">${escapeHtml(time.slice(0, 10))}</td>
<td data-label="Size">${inWords(file.size)}</td>
<td data-label="sha256"><code title="${file.hashes.sha256}">${file.hashes.sha256.slice(0, 12)}…</code></td>
<td data-label="Report">${papers.join("")}</td>
</tr>`;
}

/** The least demanding first, then the newest: the order in which people look for theirs. */
function inOrder(projects: readonly ProjectPage[]): [string, IndexFile][] {
  const weight = ({ _proof: { needs } }: IndexFile): number => needs?.length ?? 0;
  const newer = (a: string, b: string): number => (isVersion(a) && isVersion(b) ? compareVersions(b, a) : 0);
  return projects
    .flatMap(({ name, files }) => files.map((file): [string, IndexFile] => [name, file]))
    .sort(
      ([one, a], [other, b]) =>
        weight(a) - weight(b) || one.localeCompare(other, "en") || newer(versionOf(a), versionOf(b)),
    );
}

const glanceRow = ({ cpu, choice }: Glance, address: string): string => `<tr>
<th scope="row">${escapeHtml(cpu)}</th>
<td data-label="Your wheel">${escapeHtml(choice.name)} ${escapeHtml(choice.version)}</td>
<td data-label="Your command"><code data-here>${escapeHtml(pipCommand(choice.name, choice.version, [address], choice.torch))}</code></td>
</tr>`;

const option = ({ name, has }: (typeof FAMILIES)[number]): string =>
  `<option value="${escapeHtml(closure(has).join(" "))}">${escapeHtml(name)}</option>`;

const block = (id: string, title: string): string =>
  `<div class="command"><h3>${title}</h3><button type="button" data-copy="${id}">Copy<span class="quiet"> the ${title} lines</span></button><pre id="${id}" tabindex="0"></pre></div>`;

/**
 * The index's first page: PEP 503's list of projects for machines, and for people their CPU's command, a picker and a
 * table of what is proven. It asks no other server for anything; the tables and the list need no script.
 * @param linked files by project, of the pages that link torch
 * @param servedAt https address of the index, without a slash at its end; null where it is not known
 */
export function rootHtml(
  projects: readonly ProjectPage[],
  linked: ReadonlyMap<string, LinkedPage["files"]>,
  servedAt: string | null,
): string {
  const choices = choicesOf(projects, linked);
  const rows = inOrder(projects).map(([name, file]) => row(name, file));
  const names = [...projects.map(({ name }) => name), ...linked.keys()].sort();
  const title = `${nameOf(projects.map(({ name }) => name))}: CPU wheels`;
  const address = servedAt === null ? HERE : `${servedAt}/`;
  const glance = glanceOf(choices);
  // `<` could end the script element from inside a string.
  const data = JSON.stringify(choices).replaceAll("<", "\\u003c");
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="pypi:repository-version" content="1.1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>${escapeHtml(title)}</title>
<style>${FRONT_STYLE}</style>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
<p>Each wheel below was proven to be what its name says: these bytes, these instructions, CPU-only PyTorch.</p>
<section aria-labelledby="glance-title"${glance.length === 0 ? " hidden" : ""}>
<h2 id="glance-title">Your CPU, your command</h2>
<table id="glance">
<caption class="quiet">Each kind of CPU with its wheel and command</caption>
<thead><tr><th scope="col">CPU</th><th scope="col">Your wheel</th><th scope="col">Your command</th></tr></thead>
<tbody>
${glance.map((one) => glanceRow(one, address)).join("\n")}
</tbody>
</table>
${servedAt === null ? `<noscript><p>Put the address of this page in place of ${HERE}.</p></noscript>` : ""}
</section>
<section id="picker" aria-labelledby="picker-title" hidden>
<h2 id="picker-title">Commands for your tool</h2>
<p><label for="family">Choose your CPU</label>
<select id="family"><option value="">Choose one of ${FAMILIES.length} kinds of CPU</option>${FAMILIES.map(option).join("")}</select></p>
<p><label for="cpuinfo">or paste the output of <code>cat /proc/cpuinfo</code> or <code>lscpu</code></label>
<textarea id="cpuinfo" rows="4" spellcheck="false" autocomplete="off"></textarea></p>
<p id="answer" role="status" aria-live="polite"></p>
<div id="commands" hidden>
<p id="saved"></p>
${block("pip", "pip")}
${block("uv", "uv")}
${block("requirements", "requirements.txt")}
${block("dockerfile", "Dockerfile")}
</div>
</section>
<section aria-labelledby="shell-title">
<h2 id="shell-title">Ask the machine itself</h2>
<p>This shell line prints the name of the wheel for the machine that runs it:</p>
<div class="command"><button type="button" data-copy="shell" hidden>Copy<span class="quiet"> the shell line</span></button><pre id="shell" tabindex="0">${escapeHtml(shellLine(choices))}</pre></div>
</section>
<section aria-labelledby="table-title">
<h2 id="table-title">Wheels and their proof</h2>
<table id="wheels">
<caption class="quiet">All wheels, the least demanding first</caption>
<thead><tr><th scope="col">Wheel</th><th scope="col">Needs</th><th scope="col">Proof</th><th scope="col">Level</th><th scope="col">Proven</th><th scope="col">Size</th><th scope="col">sha256</th><th scope="col">Report</th></tr></thead>
<tbody>
${rows.join("\n")}
</tbody>
</table>
</section>
<section aria-labelledby="projects-title">
<h2 id="projects-title">Projects</h2>
<ul>
${names.map((name) => `<li><a href="${escapeHtml(name)}/">${escapeHtml(name)}</a></li>`).join("\n")}
</ul>
</section>
</main>
<script type="application/json" id="choices" data-torch="${CPU_TORCH_INDEX}" data-address="${HERE}">${data}</script>
<script>${FRONT_SCRIPT}</script>
</body>
</html>
`;
}
