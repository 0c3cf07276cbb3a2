// The metadata files of the actions, made from the same schemas that parse their inputs.
import { dump } from "js-yaml";
import { ACTIONS, type ActionSpec } from "../src/options/actions.ts";
import type { OptionSpec, OptionSpecs } from "../src/options/options.ts";

const HEAD = "# Made from src/options/actions.ts by `npm run generate`.\n";

const NODE = "node24";

function defaultOf(spec: OptionSpec): string {
  if (spec.kind === "flag") return String(spec.default ?? false);
  return spec.default === null ? "" : String(spec.default);
}

const helpOf = (spec: OptionSpec): string =>
  `${spec.help}${spec.kind === "text" && spec.choices ? ` (${spec.choices.join(", ")})` : ""}`;

const inputsOf = (inputs: OptionSpecs): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(inputs).map(([name, spec]) => [
      name,
      { description: helpOf(spec), required: false, default: defaultOf(spec) },
    ]),
  );

const yaml = (document: unknown): string => HEAD + dump(document, { lineWidth: 110, noRefs: true });

/**
 * A JavaScript action's action.yml.
 * @param dist path of the bundles' folder, from the action's own
 */
export function actionYml(action: ActionSpec, dist: string): string {
  return yaml({
    name: action.title,
    description: action.description,
    author: "vllm-cpu-actions",
    branding: { icon: action.icon, color: "blue" },
    inputs: inputsOf(action.inputs),
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
}

const build = ACTIONS["build-variant"];
const setup = ACTIONS["setup-cpu-torch"];
const verify = ACTIONS["verify-torch-cpu"];

const torchInputs = ["torch-index-url", "torch-packages", "torch-version"];
const input = (names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, `\${{ inputs.${name} }}`]));

/** The composite's own inputs, each one of a step's. */
const COMPOSITE = {
  variant: build.inputs.variant,
  source: build.inputs.source,
  "vllm-version": build.inputs["vllm-version"],
  "python-version": build.inputs["python-version"],
  "version-suffix": build.inputs["version-suffix"],
  "output-dir": build.inputs["output-dir"],
  "max-jobs": build.inputs["max-jobs"],
  "torch-index-url": build.inputs["torch-index-url"],
  "torch-packages": build.inputs["torch-packages"],
  "torch-version": build.inputs["torch-version"],
  manifest: build.inputs.manifest,
  level: verify.inputs.level,
  policy: verify.inputs.policy,
  strict: verify.inputs.strict,
  "accept-unproven": verify.inputs["accept-unproven"],
  cache: setup.inputs.cache,
  upload: build.inputs.upload,
  "publish-to": {
    kind: "text",
    placeholder: "TARGET",
    default: null,
    help: "Publish the proven wheel here, any target of publish-wheel; else nothing is published",
  },
} as const satisfies OptionSpecs;

/**
 * The root composite: one variant, the whole way.
 * Its steps name their siblings in full, because `./plan` would be looked for in the caller's workspace.
 * @param repository owner/name
 * @param ref the siblings' version
 */
export function compositeYml(repository: string, ref: string): string {
  const uses = (name: string): string => `${repository}/${name}@${ref}`;
  const shared = ["manifest", ...torchInputs];
  const policyInputs = ["policy", "strict", "accept-unproven"];
  return yaml({
    name: "vLLM CPU wheel",
    description: "Builds, proves and, where asked to, publishes the vLLM CPU wheel of one ISA variant.",
    author: "vllm-cpu-actions",
    branding: { icon: "package", color: "blue" },
    inputs: inputsOf(COMPOSITE),
    outputs: Object.fromEntries(
      [
        ["torch-version", setup.outputs["torch-version"], "setup"],
        ["saved-bytes", setup.outputs["saved-bytes"], "setup"],
        ["wheel", build.outputs.wheel, "build"],
        ["sha256", build.outputs.sha256, "build"],
        ["verdict", build.outputs.verdict, "build"],
        ["result", verify.outputs.result, "verify"],
        ["published", ACTIONS["publish-wheel"].outputs.published, "publish"],
      ].map(([name, description, step]) => [
        name,
        { description, value: `\${{ steps.${step}.outputs.${name} }}` },
      ]),
    ),
    runs: {
      using: "composite",
      steps: [
        {
          name: "Set up CPU-only PyTorch",
          id: "setup",
          uses: uses("setup-cpu-torch"),
          with: input(["python-version", ...torchInputs, "cache"]),
        },
        {
          name: "Build the wheel",
          id: "build",
          uses: uses("build-variant"),
          with: {
            ...input([
              "variant",
              "source",
              "vllm-version",
              "python-version",
              "version-suffix",
              "output-dir",
              "max-jobs",
              ...shared,
            ]),
            level: "static",
            upload: "false",
          },
        },
        {
          name: "Verify the wheel",
          id: "verify",
          uses: uses("verify-torch-cpu"),
          with: {
            wheels: "${{ steps.build.outputs.wheel }}",
            ...input(["level", "upload", ...policyInputs, ...shared]),
          },
        },
        {
          name: "Publish the wheel",
          id: "publish",
          if: "inputs.publish-to != ''",
          uses: uses("publish-wheel"),
          with: {
            wheels: "${{ steps.build.outputs.wheel }}",
            to: "${{ inputs.publish-to }}",
            ...input(["manifest", "torch-index-url", ...policyInputs]),
          },
        },
      ],
    },
  });
}

const cell = (text: string): string => text.replaceAll("|", "\\|");

/** An action's page: what it takes and puts out, as tables. */
export function actionPage(action: ActionSpec): string {
  return [
    `## ${action.name}`,
    "",
    action.description,
    "",
    "| input | meaning | default |",
    "| --- | --- | --- |",
    ...Object.entries(action.inputs).map(
      ([name, spec]) =>
        `| \`${name}\` | ${cell(helpOf(spec))} | ${defaultOf(spec) === "" ? "" : `\`${defaultOf(spec)}\``} |`,
    ),
    "",
    "| output | meaning |",
    "| --- | --- |",
    ...Object.entries(action.outputs).map(([name, help]) => `| \`${name}\` | ${cell(help)} |`),
    "",
  ].join("\n");
}
