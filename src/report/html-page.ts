import { formatBytes } from "../host/units.ts";
import { definitionOf } from "../verify/checks/catalogue.ts";
import { type Check, checkOf, isProblem } from "../verify/verdict/check.ts";
import type { Result } from "../verify/verdict/result.ts";
import { LEVELS } from "../verify/verdict/verdict.ts";
import { escapeHtml } from "./html.ts";
import { folderChart, isaChart } from "./html-chart.ts";
import { htmlDocument, timeHtml } from "./html-document.ts";
import { badge, code, facts, lines, many, section, text } from "./html-parts.ts";
import { titleOf } from "./markdown.ts";
import { isToldByDetail, type Told, toldOf } from "./told.ts";
import { verdictText } from "./verdict-text.ts";

/** What the page says beyond the answers. */
export interface PageFacts {
  /** Shell lines that install the wheel. */
  install: readonly string[];
  /** The verifier's version. */
  version: string;
  /** Null where nobody knows. */
  time: Date | null;
}

/** Characters of evidence that a page shows of one check; the verdict has all of it. */
const MOST_EVIDENCE = 8000;
/** Characters of evidence that are shown without being asked for. */
const MOST_OPEN = 1500;
/** Characters of a check's own sentence; what it found is told one by one below it. */
const MOST_DETAIL = 600;
const MOST_REQUIREMENTS = 300;

const LEVEL_TEXT = {
  static: "The wheel's bytes were read; nothing of it was run.",
  import: "Its bytes were read, and it was imported in a clean room.",
  kernels: "Its bytes were read, it was imported, and its operators were compared with plain torch.",
  engine: "Its bytes were read, it was imported, its operators compared, and its engine made tokens.",
} as const;

const ENVIRONMENT_TEXT = "The environment's own torch was asked; no wheel was read.";

/** @param isOnly true where the check's own sentence says it already */
function findingItem({ message, places, requirement }: Told, isOnly: boolean): string {
  const parts = [
    ...(isOnly ? [] : [text(message)]),
    ...(requirement === null ? [] : [code(`Requires-Dist: ${requirement}`)]),
    ...(places.length === 0
      ? []
      : [
          `<ul>${places
            .map(
              ({ instruction, address, symbol }) =>
                `<li>${code(instruction)} at ${code(address)}${symbol ? ` in ${code(symbol, 300)}` : ""}</li>`,
            )
            .join("")}</ul>`,
        ]),
  ];
  return parts.length === 0 ? "" : `<li>${parts.join(" ")}</li>`;
}

function checkItem(check: Check): string {
  const { id, result, detail, before, reference, remedy, evidence } = check;
  const { title, question } = definitionOf(id);
  const told = isProblem(check) ? toldOf(check) : [];
  const found = told.map((one) => findingItem(one, isToldByDetail(told))).join("");
  const telling = Object.entries(evidence).filter(
    ([, value]) => !["[]", "{}", "null"].includes(JSON.stringify(value)),
  );
  const all = JSON.stringify(Object.fromEntries(telling), null, 1);
  // A list of findings says it better than the evidence that it was made of, and a long one hides the rest of the page.
  const isOpen = isProblem(check) && found === "" && all.length <= MOST_OPEN;
  const shown =
    all.length > MOST_EVIDENCE ? `${all.slice(0, MOST_EVIDENCE)}\n… (the verdict has all of it)` : all;
  return `<li class="${result}">
<h3>${badge(result)} ${code(id)} <span>${escapeHtml(title)}</span></h3>
<p>${text(detail, MOST_DETAIL)}</p>
${before === undefined ? "" : `<p>The check itself said <b>${before}</b>; the policy made it <b>${result}</b>.</p>`}
${found === "" ? "" : `<ul>${found}</ul>`}
${isProblem(check) && remedy ? `<p><b>What to do:</b> ${text(remedy)}</p>` : ""}
${reference ? `<p><small>Rule: ${text(reference)}</small></p>` : ""}
<details${isOpen ? " open" : ""}><summary>Evidence<span class="quiet"> of ${id}</span></summary>
<p>${escapeHtml(question)}</p>
${all === "{}" ? "" : `<pre>${lines(shown)}</pre>`}
</details>
</li>`;
}

const checkList = (checks: readonly Check[]): string =>
  checks.length === 0 ? "" : `<ul class="checks">${checks.map(checkItem).join("\n")}</ul>`;

/** What the wheel has to do with torch and CUDA, from the checks that ask for it. */
function torchSection({ checks, torch }: Result): string {
  const detailOf = (id: Check["id"]): string | null => {
    const check = checks.find((one) => one.id === id);
    return check ? `${badge(check.result)} ${text(check.detail)}` : null;
  };
  const resolve = checkOf(checks, "runtime.resolve")?.evidence;
  const download = resolve?.download?.bytes ?? null;
  const plain = resolve?.plainDownload?.bytes ?? null;
  return facts([
    [
      "torch that it ran with",
      torch &&
        `${code(torch.version)}, <code>torch.cuda.is_available()</code> is ${torch.cudaAvailable ? "True" : "False"}`,
    ],
    ["Requirement", detailOf("metadata.torch-requirement")],
    ["CUDA in the bytes", detailOf("elf.cuda-free")],
    ["GPU packages", detailOf("runtime.no-cuda-packages")],
    ["Download with CPU-only torch", download === null ? null : formatBytes(download)],
    ["Download by a plain install", plain === null ? null : formatBytes(plain)],
  ]);
}

function requirementList({ contents }: Result): string {
  if (!contents || (contents.requires.length === 0 && contents.requiresPython === null)) return "";
  const python = contents.requiresPython === null ? "" : `<p>Python ${code(contents.requiresPython)}</p>`;
  const shown = contents.requires.slice(0, MOST_REQUIREMENTS).map((line) => `<li>${code(line)}</li>`);
  const title = many(contents.requires.length, "requirement");
  return `${python}${shown.length === 0 ? "" : `<details><summary>${title}</summary><ul>${shown.join("\n")}</ul></details>`}`;
}

function lackList({ contents }: Result): string {
  const parts = (contents?.lacks ?? []).map(({ part, effect }) => `<li>${code(part)}: ${text(effect)}</li>`);
  return parts.length === 0 ? "" : `<ul>${parts.join("\n")}</ul>`;
}

function indexList({ indexRefuses = [] }: Result): string {
  const rules = indexRefuses.map((rule) => `<li>${text(rule)}</li>`);
  return rules.length === 0 ? "" : `<ul>${rules.join("\n")}</ul>`;
}

function verdictLine(result: Result): string {
  const isPass = result.result === "pass";
  const warnings = result.checks.filter((check) => check.result === "warn").length;
  const also = warnings === 0 ? "" : `, with ${many(warnings, "warning")}`;
  return `<p class="verdict ${result.result}"><span aria-hidden="true">${isPass ? "✓" : "✗"}</span> ${isPass ? "Passed: " : ""}${text(verdictText(result))}${also}</p>`;
}

/**
 * One wheel's page: a single file that needs no script, no font and no server.
 * Everything from the wheel is hostile: it is escaped, its hidden characters are spelt out, and it is cut where it is
 * too long (see `visible`).
 */
export function reportHtml(result: Result, { install, version, time }: PageFacts): string {
  const { checks, contents, sha256, size, level, variant } = result;
  const title = titleOf(result);
  const isWheel = result.wheel !== null;
  const problems = checks.filter(isProblem);
  const others = checks.filter((check) => !isProblem(check));
  const deeper = LEVELS.slice(LEVELS.indexOf(level) + 1);
  const sections = [
    section(
      "problems",
      problems.some((one) => one.result === "fail") ? "What failed" : "Warnings",
      checkList(problems),
    ),
    section(
      "install",
      "How to install it",
      install.length === 0 ? "" : `<pre tabindex="0">${lines(install.join("\n"))}</pre>`,
    ),
    section("isa", "Machine code by library and ISA feature", isaChart(result)),
    section("torch", "torch and CUDA", torchSection(result)),
    section("sizes", "Sizes by folder", folderChart(contents, size)),
    section("index", "What an upload index would refuse", indexList(result)),
    section("lacks", "What vLLM's own CPU wheel has beside it", lackList(result)),
    section("requires", "What it requires", requirementList(result)),
    section("checks", problems.length > 0 ? "Other checks" : "Checks", checkList(others)),
  ];
  const body = `<h1>${escapeHtml(title)}</h1>
${verdictLine(result)}
${facts([
  ["Variant", isWheel ? (variant === null ? "none of the manifest" : code(variant)) : null],
  [
    "Level",
    `<b>${level}</b>. ${isWheel ? LEVEL_TEXT[level] : ENVIRONMENT_TEXT}${deeper.length === 0 ? "" : ` Not asked: ${deeper.join(", ")}.`}`,
  ],
  ["Verified", time && timeHtml(time)],
  ["Size", size === undefined ? null : `${formatBytes(size)} <small>(${many(size, "byte")})</small>`],
  ["sha256", sha256 && code(sha256)],
])}
${sections.filter((one) => one !== "").join("\n")}`;
  return htmlDocument(`${title}: ${result.result === "pass" ? "passed" : "FAILED"}`, body, {
    version,
    note: "This page is for people; what a program should trust is the verdict file beside the wheel, which names the sha256 above.",
  });
}
