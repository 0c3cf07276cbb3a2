// The reusable workflow's inputs and what it hands to each action, made from the schemas that parse them.
import { dump } from "js-yaml";
import { ACTIONS } from "../src/options/actions.ts";
import { byTopic, describe } from "../src/options/help.ts";
import { PUBLISH_TO } from "../src/options/publishing.ts";
import type { OptionSpec, OptionSpecs } from "../src/options/spec.ts";

/** Source: GitHub documentation, "Events that trigger workflows": at most 25 inputs for workflow_dispatch. */
export const MOST_BY_HAND = 25;

const { plan, "build-variant": build, "verify-torch-cpu": verify, "publish-wheel": publish } = ACTIONS;
const { variant: _one, "python-version": _python, ...BUILD } = build.inputs;
const { upload: _upload, "artifact-name": _name, "retention-days": RETENTION, ...PROVEN } = BUILD;
const {
  wheels: _wheels,
  artifacts: _artifacts,
  to: _to,
  expect: _expect,
  "dry-run": _dryRun,
  "torch-index-url": _index,
  ...GATED
} = publish.inputs;

/** Every input of the workflow, each one of an action's. */
export const WORKFLOW_INPUTS: OptionSpecs = {
  ...plan.inputs,
  ...PROVEN,
  ...GATED,
  "retention-days": RETENTION,
  container: {
    topic: "How to build it",
    kind: "text",
    placeholder: "IMAGE",
    default: null,
    help: "A container image that builds run in, such as a manylinux image by its dated tag or digest; nothing for the runner itself, which builds for an older glibc as well.",
  },
  attest: {
    topic: "Publishing",
    kind: "flag",
    default: true,
    byHand: true,
    help: "Sign each verdict in a job that has run nothing of the source; signed-by can then name this workflow. It needs a public repository, or GitHub Enterprise Cloud.",
  },
  "publish-to": {
    ...PUBLISH_TO["publish-to"],
    default: "index:index",
    help: "The target whose rules the gate applies; nothing is published by this workflow.",
  },
};

const isSecret = (spec: OptionSpec | undefined): boolean => spec?.kind === "text" && spec.secret === true;

function inputOf(spec: OptionSpec): Record<string, unknown> {
  const description = describe(spec);
  if (spec.kind === "flag") return { description, type: "boolean", default: spec.default ?? false };
  if (spec.kind === "count" && spec.default !== null)
    return { description, type: "number", default: spec.default };
  return { description, type: "string", default: spec.default === null ? "" : String(spec.default) };
}

const indented = (text: string, depth: number): string => text.replace(/^(?=.)/gm, " ".repeat(depth));

const yaml = (document: unknown, depth: number): string =>
  indented(dump(document, { lineWidth: 110, noRefs: true }), depth);

function inputs(specs: OptionSpecs): string {
  return byTopic(specs)
    .map(([topic, entries]) => {
      const shown = entries.filter(([, spec]) => !isSecret(spec));
      if (shown.length === 0) return "";
      const documents = Object.fromEntries(shown.map(([name, spec]) => [name, inputOf(spec)]));
      return `      # ${topic}\n${yaml(documents, 6)}`;
    })
    .join("");
}

/** What a job gives to its action: the workflow's inputs that the action has too, and what the job itself knows. */
function given(action: { inputs: OptionSpecs }, own: Readonly<Record<string, string>>): string {
  const passed = Object.keys(action.inputs)
    .filter((name) => name in WORKFLOW_INPUTS && !(name in own))
    .map((name) => [name, `\${{ ${isSecret(action.inputs[name]) ? "secrets" : "inputs"}.${name} }}`]);
  return yaml({ ...own, ...Object.fromEntries(passed) }, 10);
}

/** What a caller hands over as a secret. */
function secrets(specs: OptionSpecs): string {
  const named = Object.entries(specs).filter(([, spec]) => isSecret(spec));
  return yaml(
    Object.fromEntries(named.map(([name, spec]) => [name, { description: describe(spec), required: false }])),
    6,
  );
}

const byHand = Object.fromEntries(Object.entries(WORKFLOW_INPUTS).filter(([, spec]) => spec.byHand));

const REGIONS: Readonly<Record<string, string>> = {
  "by-hand": inputs(byHand),
  call: inputs(WORKFLOW_INPUTS),
  secrets: secrets(WORKFLOW_INPUTS),
  plan: given(plan, {}),
  build: given(build, {
    variant: "${{ matrix.variants }}",
    "python-version": "${{ matrix.python }}",
    // Of several releases each is a compile of its own.
    "vllm-version": "${{ matrix.vllm-version || inputs.vllm-version }}",
    // Where it is compiled, nothing of it need run.
    level: "static",
  }),
  proof: given(verify, {
    planned: "${{ toJSON(matrix) }}",
    variant: "${{ matrix.variant }}",
    upload: "true",
  }),
  attest: given(verify, {
    planned: "${{ toJSON(matrix) }}",
    join: "true",
    variant: "${{ matrix.variant }}",
    level: "static",
  }),
  gate: given(publish, {
    to: "${{ inputs.publish-to }}",
    expect: "${{ needs.plan.outputs.matrix }}",
    "dry-run": "true",
  }),
};

/** The workflow with its generated regions made anew; each stands between `# generated: NAME` and `# end`. */
export function withInputs(workflow: string): string {
  return workflow.replace(
    /( *# generated: ([\w-]+)\n)[\s\S]*?( *# end\n)/g,
    (_whole, start: string, name: string, end: string) => `${start}${REGIONS[name] ?? ""}${end}`,
  );
}
