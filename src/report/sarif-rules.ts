import { CHECK_IDS, type CheckId, definitionOf } from "../verify/checks/catalogue.ts";

const DOCUMENT = "https://github.com/org/vllm-cpu-actions/blob/v1/docs/checks.md";

/** The heading's anchor as GitHub makes it: dots go. */
const anchor = (id: CheckId): string => id.replaceAll(".", "");

/** Camel case, as SARIF wants names of rules (3.49.7). */
const camel = (id: CheckId): string =>
  id.replace(/(?:^|[.-])([a-z])/g, (_match, letter: string) => letter.toUpperCase());

/** GitHub shows rules tagged security by this number, 0.1 to 10; the others by their level. */
const SECURITY_SEVERITY = "8.0";

interface Rule {
  id: CheckId;
  name: string;
  shortDescription: { text: string };
  fullDescription: { text: string };
  help: { text: string; markdown: string };
  helpUri: string;
  defaultConfiguration: { level: "error" };
  properties: { tags: string[]; precision: string; "security-severity"?: string };
}

function ruleOf(id: CheckId): Rule {
  const { title, question, why, remedy, tags } = definitionOf(id);
  return {
    id,
    name: camel(id),
    shortDescription: { text: `${title}.` },
    fullDescription: { text: question },
    help: {
      text: `${question}\n\nWhy it matters: ${why}\n\nWhat to do: ${remedy}`,
      markdown: `${question}\n\n**Why it matters:** ${why}\n\n**What to do:** ${remedy}`,
    },
    helpUri: `${DOCUMENT}#${anchor(id)}`,
    defaultConfiguration: { level: "error" },
    properties: {
      tags: [...tags],
      precision: "very-high",
      ...(tags.includes("security") ? { "security-severity": SECURITY_SEVERITY } : {}),
    },
  };
}

/** Every check as a rule, in the order of the ids, so that an index is the same in every file. */
export const SARIF_RULES: readonly Rule[] = CHECK_IDS.map(ruleOf);
