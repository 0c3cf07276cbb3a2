// The metadata files of the actions, made from the same schemas that parse their inputs.
import { dump } from "js-yaml";
import { ACTIONS, type ActionSpec } from "../src/options/actions.ts";
import { byTopic, describe } from "../src/options/help.ts";
import { PUBLISH_TO } from "../src/options/publishing.ts";
import type { OptionSpec, OptionSpecs } from "../src/options/spec.ts";

const HEAD = "# Made from src/options/actions.ts by `npm run generate`.\n";

const NODE = "node24";

function defaultOf(spec: OptionSpec): string {
  if (spec.kind === "flag") return String(spec.default ?? false);
  return spec.default === null ? "" : String(spec.default);
}

const text = (document: unknown): string => dump(document, { lineWidth: 110, noRefs: true });

const indented = (lines: string): string => lines.replace(/^(?=.)/gm, "  ");

/** The inputs by topic, each topic under a comment with its name. */
function inputsYml(inputs: OptionSpecs): string {
  const groups = byTopic(inputs).map(([topic, specs]) => {
    const entries = specs.map(([name, spec]) => [
      name,
      {
        description: describe(spec),
        ...(spec.required ? { required: true } : { required: false, default: defaultOf(spec) }),
      },
    ]);
    return `  # ${topic}\n${indented(text(Object.fromEntries(entries)))}`;
  });
  return `inputs:\n${groups.join("")}`;
}

/**
 * A JavaScript action's action.yml.
 * @param dist path of the bundles' folder, from the action's own
 */
export function actionYml(action: ActionSpec, dist: string): string {
  const head = text({
    name: action.title,
    description: action.description,
    author: "vllm-cpu-actions",
    branding: { icon: action.icon, color: "blue" },
  });
  const tail = text({
    outputs: Object.fromEntries(
      Object.entries(action.outputs).map(([name, description]) => [name, { description }]),
    ),
    runs: {
      using: NODE,
      main: `${dist}/${action.name}/index.js`,
      post: `${dist}/post/index.js`,
      "post-if": "always()",
    },
  });
  return `${HEAD}${head}${inputsYml(action.inputs)}${tail}`;
}

const build = ACTIONS["build-variant"];
const publish = ACTIONS["publish-wheel"];

const own = (value: string): string => `\${{ ${value} }}`;

/** The inputs of one step: those of the composite that the step's action has too. */
const passed = (action: { inputs: OptionSpecs }): Record<string, string> =>
  Object.fromEntries(
    Object.keys(action.inputs)
      .filter((name) => name in COMPOSITE)
      .map((name) => [name, own(`inputs.${name}`)]),
  );

/** The composite's own inputs, each one of a step's. */
const COMPOSITE: OptionSpecs = {
  variant: build.inputs.variant,
  source: build.inputs.source,
  "vllm-version": build.inputs["vllm-version"],
  "python-version": build.inputs["python-version"],
  "version-suffix": build.inputs["version-suffix"],
  recipe: build.inputs.recipe,
  manifest: build.inputs.manifest,
  "output-dir": build.inputs["output-dir"],
  "onednn-source": build.inputs["onednn-source"],
  "numactl-source": build.inputs["numactl-source"],
  "gperftools-source": build.inputs["gperftools-source"],
  glibc: build.inputs.glibc,
  "build-env": build.inputs["build-env"],
  "max-jobs": build.inputs["max-jobs"],
  "torch-index-url": build.inputs["torch-index-url"],
  "torch-packages": build.inputs["torch-packages"],
  "torch-version": build.inputs["torch-version"],
  level: build.inputs.level,
  limit: build.inputs.limit,
  policy: build.inputs.policy,
  strict: build.inputs.strict,
  "accept-unproven": build.inputs["accept-unproven"],
  html: build.inputs.html,
  markdown: build.inputs.markdown,
  sarif: build.inputs.sarif,
  "sarif-kinds": build.inputs["sarif-kinds"],
  cache: build.inputs.cache,
  upload: build.inputs.upload,
  ...PUBLISH_TO,
};

const OUTPUTS = [
  "torch-version",
  "saved-bytes",
  "wheel",
  "sha256",
  "verdict",
  "wheels",
  "result",
  "sarif",
  "reports",
] as const;

/**
 * The root composite: one variant or several, the whole way.
 * Its steps name their siblings in full, because `./plan` would be looked for in the caller's workspace.
 * @param repository owner/name
 * @param ref the siblings' version
 */
export function compositeYml(repository: string, ref: string): string {
  const uses = (name: string): string => `${repository}/${name}@${ref}`;
  const head = text({
    name: "vLLM CPU wheel",
    description:
      "Builds, proves and, where asked to, publishes the vLLM CPU wheels of one ISA variant or of all.",
    author: "vllm-cpu-actions",
    branding: { icon: "package", color: "blue" },
  });
  const outputs = [
    ...OUTPUTS.map((name) => [name, build.outputs[name], "build"] as const),
    ["published", publish.outputs.published, "publish"] as const,
  ].map(([name, description, step]) => [name, { description, value: own(`steps.${step}.outputs.${name}`) }]);
  const steps = [
    {
      name: "Build and prove",
      id: "build",
      uses: uses("build-variant"),
      with: { ...passed(build), savings: "true" },
    },
    {
      name: "Publish",
      id: "publish",
      if: "inputs.publish-to != ''",
      uses: uses("publish-wheel"),
      with: { ...passed(publish), wheels: own("steps.build.outputs.wheels"), to: own("inputs.publish-to") },
    },
  ];
  const tail = text({ outputs: Object.fromEntries(outputs), runs: { using: "composite", steps } });
  return `${HEAD}${head}${inputsYml(COMPOSITE)}${tail}`;
}

const cell = (words: string): string => words.replaceAll("|", "\\|");

/** An action's page: what it takes and puts out, as tables, the inputs by topic. */
export function actionPage(action: ActionSpec): string {
  return [
    `## ${action.name}`,
    "",
    action.description,
    "",
    ...byTopic(action.inputs).flatMap(([topic, specs]) => [
      `| ${topic} | meaning | default |`,
      "| --- | --- | --- |",
      ...specs.map(
        ([name, spec]) =>
          `| \`${name}\` | ${cell(describe(spec))} | ${defaultOf(spec) === "" ? "" : `\`${defaultOf(spec)}\``} |`,
      ),
      "",
    ]),
    "| output | meaning |",
    "| --- | --- |",
    ...Object.entries(action.outputs).map(([name, help]) => `| \`${name}\` | ${cell(help)} |`),
    "",
  ].join("\n");
}
