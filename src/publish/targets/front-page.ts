import { escapeHtml } from "../../report/html.ts";
import { closure, type IsaFeature } from "../../variants/features.ts";
import { FRONT_SCRIPT, FRONT_STYLE } from "./front-page-assets.ts";
import { type IndexFile, type ProjectPage, proofText, versionOf } from "./index-pages.ts";

/** CPU families as people know them, with what they have. Sources: Intel and AMD product documentation. */
const FAMILIES: readonly { name: string; has: readonly IsaFeature[] }[] = [
  { name: "Intel Haswell, Broadwell · AMD Zen 1 to Zen 3", has: ["x86-64-v3"] },
  { name: "Intel Skylake-SP (Xeon Scalable, 1st generation)", has: ["x86-64-v4"] },
  { name: "Intel Cascade Lake, Ice Lake (2nd and 3rd generation)", has: ["x86-64-v4", "avx512_vnni"] },
  {
    name: "Intel Cooper Lake · AMD Zen 4, Zen 5",
    has: ["x86-64-v4", "avx512_vnni", "avx512_bf16"],
  },
  {
    name: "Intel Sapphire Rapids and newer (4th generation on)",
    has: ["x86-64-v4", "avx512_vnni", "avx512_bf16", "amx_tile", "amx_bf16", "amx_int8"],
  },
];

/** Features worth asking for in a shell line; the others come with them. */
const TELLING = /^(avx|amx|fma|asimd|i8mm|bf16)/;

interface Choice {
  name: string;
  version: string;
  needs: string[];
  /** What an installation downloads, in words; empty where it was not measured. */
  saved: string;
}

/** The newest release of each project that has not been withdrawn, the most demanding first. */
function choicesOf(projects: readonly ProjectPage[]): Choice[] {
  return projects
    .flatMap(({ name, versions, files }) => {
      const standing = new Set(files.filter((file) => file.yanked === undefined).map(versionOf));
      const version = versions.findLast((one) => standing.has(one));
      const proofs = files
        .filter((file) => versionOf(file) === version && file.yanked === undefined)
        .map((file) => file._proof);
      const distinct = new Map<string, Choice>();
      for (const { needs, download } of version === undefined ? [] : proofs)
        if (needs !== undefined)
          distinct.set(needs.join(), { name, version: version ?? "", needs, saved: savedText(download) });
      return [...distinct.values()];
    })
    .sort((a, b) => b.needs.length - a.needs.length || (a.name < b.name ? -1 : 1));
}

/** A line for a POSIX shell that prints the name of the wheel for the machine it runs on. */
export function shellLine(choices: readonly Pick<Choice, "name" | "needs">[]): string {
  const tests = choices.map(({ name, needs }) => {
    const telling = needs.filter((need) => TELLING.test(need));
    return `if h ${telling.join(" ")}; then echo ${name}; el`;
  });
  return [
    'f=" $(sed -nE "s/^(flags|Features)[^:]*://p" /proc/cpuinfo | head -n1) "',
    'h() { for x; do case "$f" in *" $x "*) ;; *) return 1 ;; esac; done; }',
    tests.length === 0 ? "echo none" : `${tests.join("")}se echo none; fi`,
  ].join("; ");
}

function inWords(bytes: number): string {
  const [unit, name] =
    bytes < 1024 ** 2 ? [1024, "KiB"] : bytes < 1024 ** 3 ? [1024 ** 2, "MiB"] : [1024 ** 3, "GiB"];
  return `${(bytes / unit).toFixed(1)} ${name}`;
}

function savedText(download: IndexFile["_proof"]["download"]): string {
  if (download === undefined || download.plainBytes <= download.bytes) return "";
  const percent = Math.round((1 - download.bytes / download.plainBytes) * 100);
  return `Downloads ${inWords(download.bytes)} in all, torch included; without this index it would be ${inWords(download.plainBytes)} with CUDA builds: ${percent} % saved, as measured when the wheel was proven.`;
}

function row(project: string, file: IndexFile): string {
  const base = `${encodeURIComponent(project)}/`;
  const { verdict, report, time, level } = file._proof;
  const state = file.yanked === undefined ? file._proof.status : "withdrawn";
  return `<tr>
<th scope="row"><a href="${escapeHtml(base + file.url)}">${escapeHtml(file.filename)}</a></th>
<td data-label="Proof"><span class="${escapeHtml(state)}">${escapeHtml(proofText(file))}</span></td>
<td data-label="Level">${escapeHtml(level)}</td>
<td data-label="Proven">${escapeHtml(time.slice(0, 10))}</td>
<td data-label="Size">${inWords(file.size)}</td>
<td data-label="sha256"><code title="${file.hashes.sha256}">${file.hashes.sha256.slice(0, 12)}…</code></td>
<td data-label="Report">${report === undefined ? "" : `<a href="${escapeHtml(base + report)}">report<span class="quiet"> of ${escapeHtml(file.filename)}</span></a>, `}<a href="${escapeHtml(base + verdict)}">verdict<span class="quiet"> of ${escapeHtml(file.filename)}</span></a></td>
</tr>`;
}

const option = ({ name, has }: (typeof FAMILIES)[number]): string =>
  `<option value="${escapeHtml(closure(has).join(" "))}">${escapeHtml(name)}</option>`;

const block = (id: string, title: string): string =>
  `<div class="command"><h3>${title}</h3><button type="button" data-copy="${id}">Copy<span class="quiet"> the ${title} lines</span></button><pre id="${id}" tabindex="0"></pre></div>`;

/**
 * The index's first page: PEP 503's list of projects for machines, and for people a picker and a table of what is
 * proven. It asks no other server for anything; the table and the list need no script.
 */
export function rootHtml(projects: readonly ProjectPage[], linked: readonly string[]): string {
  const choices = choicesOf(projects);
  const rows = projects.flatMap(({ name, files }) => files.toReversed().map((file) => row(name, file)));
  const names = [...projects.map(({ name }) => name), ...linked].sort();
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
<title>CPU wheels of vLLM</title>
<style>${FRONT_STYLE}</style>
</head>
<body>
<main>
<h1>CPU wheels of vLLM</h1>
<p>Each wheel below was proven to be what its name says: these bytes, these instructions, CPU-only PyTorch.</p>
<section id="picker" aria-labelledby="picker-title" hidden>
<h2 id="picker-title">Which wheel is mine?</h2>
<p><label for="family">Choose your CPU</label>
<select id="family"><option value="">—</option>${FAMILIES.map(option).join("")}</select></p>
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
<p>This line prints the name of the wheel for the machine that it runs on:</p>
<div class="command"><button type="button" data-copy="shell" hidden>Copy<span class="quiet"> the shell line</span></button><pre id="shell" tabindex="0">${escapeHtml(shellLine(choices))}</pre></div>
</section>
<section aria-labelledby="table-title">
<h2 id="table-title">Wheels and their proof</h2>
<table>
<thead><tr><th scope="col">Wheel</th><th scope="col">Proof</th><th scope="col">Level</th><th scope="col">Proven</th><th scope="col">Size</th><th scope="col">sha256</th><th scope="col">Report</th></tr></thead>
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
<script type="application/json" id="choices">${data}</script>
<script>${FRONT_SCRIPT}</script>
</body>
</html>
`;
}
