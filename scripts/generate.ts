// Writes the documents that are made from code; with --check it only says whether they are up to date.
import { readFileSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { comparisonSchema } from "../src/compare/document.ts";
import { CATALOGUE, type ErrorCode } from "../src/errors/catalogue.ts";
import type { ErrorText } from "../src/errors/entry.ts";
import { FINDING_KINDS } from "../src/findings/findings.ts";
import { ACTIONS } from "../src/options/actions.ts";
import type { CommandSpec } from "../src/options/argv.ts";
import { COMMANDS } from "../src/options/commands.ts";
import { byTopic, describe, spelling } from "../src/options/help.ts";
import { parseManifest, resolveManifest } from "../src/variants/manifest.ts";
import { manifestSchema } from "../src/variants/manifest-schema.ts";
import { recipesSchema } from "../src/variants/recipe-schema.ts";
import { CHECK_IDS, definitionOf } from "../src/verify/checks/catalogue.ts";
import { policySchema } from "../src/verify/policy/policy-schema.ts";
import { verifyDocumentSchema } from "../src/verify/verdict/result.ts";
import { verdictFrame } from "../src/verify/verdict/verdict.ts";
import { actionPage, actionYml, compositeYml } from "./action-yml.ts";
import { importEdges, mermaidOf, withMap } from "./map.ts";
import { pipelinePicture } from "./picture.ts";
import { settingsPage } from "./settings-page.ts";
import { vectorDocuments } from "./verdict-vectors.ts";
import { withInputs } from "./workflow-yml.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Stands in for an error's parameters: every field shows its own name. */
/** The options as Markdown tables, one a topic, for the documents. */
function optionTables(command: CommandSpec): string {
  return byTopic(command.options)
    .flatMap(([topic, options]) => [
      `| ${topic} | meaning | default |`,
      "| --- | --- | --- |",
      ...options.map(
        ([name, spec]) =>
          `| \`${spelling(name, spec)}\` | ${describe(spec).replaceAll("|", "\\|")} | ${spec.kind === "flag" ? "off" : spec.default === null ? "" : `\`${spec.default}\``} |`,
      ),
      "",
    ])
    .join("\n");
}

function placeholders(): unknown {
  return new Proxy(
    {},
    {
      get: (_target, name) => {
        const shown = `<${String(name)}>`;
        return Object.assign([shown], { toString: () => shown, replaceAll: () => shown });
      },
    },
  );
}

function errorsPage(): string {
  const lines = [
    "# Errors",
    "",
    "Made from `src/errors/catalogue.ts` by `npm run generate`. Codes are permanent.",
    "",
  ];
  for (const code of Object.keys(CATALOGUE) as ErrorCode[]) {
    const entry = CATALOGUE[code];
    const text = (entry.text as (params: unknown) => ErrorText)(placeholders());
    lines.push(`## ${code}`, "", `${entry.title}. Exit status ${entry.exit}.`, "");
    lines.push(`- What: ${text.what}`, `- Why: ${text.why}`, `- Remedy: ${text.remedy}`, "");
  }
  return lines.join("\n").replaceAll("<", "&lt;");
}

function commandsPage(): string {
  const lines = ["# Commands", "", "Made from `src/options/commands.ts` by `npm run generate`.", ""];
  for (const command of Object.values(COMMANDS)) {
    const usage = `vllm-cpu-wheels ${command.name}${command.positionals ? ` ${command.positionals.placeholder}` : ""}`;
    lines.push(`## ${command.name}`, "", command.summary, "", `\`${usage}\``, "", optionTables(command));
  }
  return lines.join("\n");
}

/** Every check, with the question that it answers; rules of SARIF files link here. */
function checksPage(): string {
  const lines = [
    "# Checks",
    "",
    "Made from `src/verify/checks/catalogue.ts` by `npm run generate`. Ids are permanent.",
    "",
  ];
  for (const id of CHECK_IDS) {
    const { title, question, why, remedy, level, onRequest = false } = definitionOf(id);
    const when = onRequest
      ? `Asked on request only, at the level \`${level}\``
      : `Asked from the level \`${level}\` on`;
    lines.push(`## ${id}`, "", `${title}. ${when}.`, "");
    lines.push(`- Question: ${question}`, `- Why it matters: ${why}`, `- What to do: ${remedy}`, "");
  }
  return lines.join("\n");
}

/** Every kind of finding, with the facts that make it up. */
function findingsPage(): string {
  const lines = [
    "# Findings",
    "",
    "Made from `src/findings/findings.ts` by `npm run generate`. A check's `findings` are a list of objects, told apart by",
    "`kind`. Kinds and fields are permanent; the sentences that people read are made of them, and may change.",
    "",
  ];
  for (const [kind, { fields }] of Object.entries(FINDING_KINDS)) {
    const { properties = {} } = z.toJSONSchema(z.object(fields), { io: "input" });
    const rows = Object.entries(properties).map(([name, schema]) => {
      const text = typeof schema === "object" && schema.description ? `: ${schema.description}` : "";
      return `- \`${name}\`${text}`;
    });
    lines.push(`## ${kind}`, "", ...(rows.length > 0 ? rows : ["It has no fields."]), "");
  }
  return lines.join("\n");
}

const actionsPage = (): string =>
  [
    "# Actions",
    "",
    "Made from `src/options/actions.ts` by `npm run generate`. An empty input counts as left out.",
    "",
    ...Object.values(ACTIONS).map(actionPage),
  ].join("\n");

/** @param io `input` where a reader ignores what it does not know, as in-toto demands of a statement's */
const jsonSchema = (schema: z.ZodType, title: string, io: "input" | "output" = "output"): string =>
  `${JSON.stringify({ title, ...z.toJSONSchema(schema, { io }) }, null, 2)}\n`;

function pipelineSvg(): string {
  const text = readFileSync(join(root, "variants.yml"), "utf8");
  const variants = [...resolveManifest([parseManifest(text, "variants.yml")]).values()];
  return pipelinePicture(
    variants.filter(({ architecture }) => architecture === "x86_64").map(({ name }) => name),
  );
}

const documents: Record<string, string> = {
  "CONTRIBUTING.md": withMap(
    readFileSync(join(root, "CONTRIBUTING.md"), "utf8"),
    mermaidOf(importEdges(root)),
  ),
  "docs/errors.md": errorsPage(),
  "docs/settings.md": settingsPage(),
  "docs/commands.md": commandsPage(),
  "docs/actions.md": actionsPage(),
  "docs/checks.md": checksPage(),
  "docs/findings.md": findingsPage(),
  "docs/pipeline.svg": pipelineSvg(),
  ".github/workflows/build-wheels.yml": withInputs(
    readFileSync(join(root, ".github/workflows/build-wheels.yml"), "utf8"),
  ),
  "action.yml": compositeYml("org/vllm-cpu-actions", "v1"),
  ...Object.fromEntries(
    Object.values(ACTIONS).map((action) => [
      `actions/${action.name}/action.yml`,
      actionYml(action, "../../dist"),
    ]),
  ),
  "schemas/variants.schema.json": jsonSchema(manifestSchema, "vllm-cpu-actions variants manifest"),
  "schemas/recipes.schema.json": jsonSchema(recipesSchema, "vllm-cpu-actions recipes"),
  "schemas/policy.schema.json": jsonSchema(policySchema, "vllm-cpu-actions policy"),
  "schemas/verdict.schema.json": jsonSchema(verdictFrame, "vllm-cpu-actions verdict", "input"),
  ...vectorDocuments(root),
  "schemas/compare.schema.json": jsonSchema(comparisonSchema, "vllm-cpu-actions compare --json"),
  "schemas/verify.schema.json": jsonSchema(verifyDocumentSchema, "vllm-cpu-actions verify --json"),
};

async function main(): Promise<void> {
  for (const [name, text] of Object.entries(documents)) {
    const path = join(root, name);
    if (!process.argv.includes("--check")) {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, text);
    } else if ((await readFile(path, "utf8").catch(() => "")) !== text) {
      console.error(`${name} is not what the code says; run npm run generate`);
      process.exitCode = 1;
    }
  }
}

void main();
