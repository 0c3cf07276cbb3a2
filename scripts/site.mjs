// Builds the documents as a site: node scripts/site.mjs [--stage]
// site/pages is a copy of the documents under the names that the site gives them, site/html is made of it; --stage makes
// the copy alone. A dead link or anchor fails it.
// It needs uv, the tests' own (./run_tests.sh makes it) or the one on PATH.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { fileURLToPath } from "node:url";

const GENERATOR = ["mkdocs-material==9.8.2", "mkdocs==1.6.1"];
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const pages = join(root, "site", "pages");

/** Where a document of the project's top stands on the site. */
const NAMES = {
  "README.md": "ship-wheels.md",
  "PYTORCH_CPU_DEPENDENCY.md": "vllm-on-a-cpu.md",
  "PYTORCH_CPU_CHANGES_SUMMARY.md": "what-changed.md",
  "CONTRIBUTING.md": "contributing.md",
  "SECURITY.md": "security.md",
  "CHANGELOG.md": "changes.md",
};

const files = [
  ...Object.keys(NAMES),
  ...readdirSync(join(root, "docs"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes("verdict-vectors"))
    .map((entry) => relative(root, join(entry.parentPath, entry.name))),
];
const decisions = files.filter((path) => path.startsWith("docs/decisions/")).sort();

/** Path on the site of a file of the project; null for one that is not there. */
function placeOf(path) {
  if (path === "docs/decisions") return "decisions.md";
  if (!files.includes(path)) return null;
  return NAMES[path] ?? relative("docs", path);
}

/** A link of a document, as it is written on the site. What is not there is on GitHub, at the release that moves. */
function linkFrom(path, link) {
  if (/^([a-z]+:|#)/.test(link)) return link;
  const [file, anchor] = link.split("#");
  const target = normalize(join(dirname(path), file)).replace(/\/$/, "");
  const place = placeOf(target);
  const end = anchor === undefined ? "" : `#${anchor}`;
  // What leads nowhere stays as it is, for the generator to refuse.
  if (place === null && !existsSync(join(root, target))) return link;
  if (place === null) return `https://github.com/org/vllm-cpu-actions/blob/v1/${target}${end}`;
  return `${relative(dirname(placeOf(path)), place)}${end}`;
}

/** A document with its links as they are on the site; what stands in blocks and code stays. */
const staged = (path) =>
  readFileSync(join(root, path), "utf8").replace(
    /^( *)(`{3,})[\s\S]*?^ *\2$|`[^`\n]*`|(\]\()([^)\s]+)(\))|((?:src|srcset)=")([^"\s]+)(")/gm,
    (whole, _indent, _fence, open, link, close, source, image, quote) =>
      link !== undefined
        ? `${open}${linkFrom(path, link)}${close}`
        : image !== undefined
          ? `${source}${linkFrom(path, image)}${quote}`
          : whole,
  );

rmSync(join(root, "site"), { recursive: true, force: true });
for (const path of files) {
  const place = join(pages, placeOf(path));
  mkdirSync(dirname(place), { recursive: true });
  if (path.endsWith(".md")) writeFileSync(place, staged(path));
  else cpSync(join(root, path), place);
}
const titles = decisions.map((path) => [path, /^# (.+)$/m.exec(readFileSync(join(root, path), "utf8"))?.[1]]);
writeFileSync(
  join(pages, "decisions.md"),
  `# Decisions\n\n${titles.map(([path, title]) => `- [${title}](${placeOf(path)})`).join("\n")}\n`,
);

if (!process.argv.includes("--stage")) {
  const own = join(root, ".test-cache", "tools", "bin", "uv");
  const beside = GENERATOR.flatMap((one) => ["--with", one]);
  const ran = spawnSync(
    existsSync(own) ? own : "uv",
    ["tool", "run", "--from", "mkdocs", ...beside, "mkdocs", "build", "--clean"],
    // A quiet MkDocs does not count warnings, and lets a dead link through.
    { cwd: root, encoding: "utf8", env: { ...process.env, NO_MKDOCS_2_WARNING: "1" } },
  );
  if (ran.error) console.error(`uv was not run: ${ran.error.message}. Install it: pip install uv`);
  else if (ran.status !== 0) console.error(ran.stdout + ran.stderr);
  else console.log(`site/html has ${files.filter((path) => path.endsWith(".md")).length + 1} pages`);
  process.exit(ran.status ?? 1);
}
