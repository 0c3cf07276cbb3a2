import type { Finding } from "../../findings/findings.ts";
import type { ClaimedVariant, TorchRequirement, WheelFacts } from "../facts/facts.ts";
import type { CheckAnswer } from "../verdict/check.ts";

/** What an installer makes of a requirement on torch; null where it does what it should. */
function torchProblem({ line, pinned, isDirect, isLocal }: TorchRequirement): Finding | null {
  if (isDirect) return { kind: "torch-by-url", requirement: line };
  if (isLocal) return { kind: "torch-local-version", requirement: line, pinned };
  return pinned === null ? { kind: "torch-unpinned", requirement: line } : null;
}

/** Requirements told one by one. */
const MOST_REQUIREMENTS = 20;

/** What a plain install from the default index does with the wheel's requirement on torch. */
export function torchRequirement(
  facts: WheelFacts,
  variant: ClaimedVariant,
): CheckAnswer<"metadata.torch-requirement"> {
  const { torch, unreadableRequirements } = facts;
  const evidence = { requirement: torch?.line ?? null, pinned: torch?.pinned ?? null };
  const unreadable = unreadableRequirements
    .slice(0, MOST_REQUIREMENTS)
    .map((requirement): Finding => ({ kind: "unreadable-requirement", requirement }));
  if (unreadable.length > 0) return { result: "fail", findings: unreadable, evidence };
  if (!torch)
    return variant
      ? { result: "fail", findings: [{ kind: "torch-not-required" }], evidence }
      : { result: "pass", findings: [], evidence };
  const problem = torchProblem(torch);
  if (problem === null) return { result: "pass", findings: [], evidence };
  return { result: problem.kind === "torch-unpinned" ? "warn" : "fail", findings: [problem], evidence };
}

/** What a reader sees of Markdown or HTML: comments are not shown. */
function visible(description: string): string {
  const parts = description.split("<!--");
  return parts.map((part, index) => (index === 0 ? part : part.split("-->").slice(1).join("-->"))).join("");
}

const OPTION = /--(?:extra-)?index-url(=|$)/;

/** True where an option names an index whose address ends in /cpu. Each word is looked at once: a text may be hostile. */
function namesCpuIndex(text: string): boolean {
  const words = text.split(/\s/);
  return words.some((word, index) => {
    const match = OPTION.exec(word);
    if (!match) return false;
    const address = match[1] === "=" ? word.slice(match.index + match[0].length) : (words[index + 1] ?? "");
    return /\/cpu\b/.test(address);
  });
}

/** A reader of the description sees how to get CPU-only torch. */
export function cpuInstructions(
  facts: WheelFacts,
  variant: ClaimedVariant,
): CheckAnswer<"metadata.cpu-instructions"> {
  const text = visible(facts.description);
  const shown = namesCpuIndex(text) || /--torch-backend[ =]cpu|download\.pytorch\.org\/whl\/cpu/.test(text);
  const evidence = { characters: facts.description.length, torch: facts.torch !== null };
  if (shown || !facts.torch) return { result: "pass", findings: [], evidence };
  return { result: variant ? "fail" : "warn", findings: [{ kind: "no-install-instructions" }], evidence };
}
