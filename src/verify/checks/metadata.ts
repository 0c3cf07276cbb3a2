import type { Claim, WheelFacts } from "../facts/facts.ts";
import type { Check } from "../verdict/verdict.ts";

/** What a plain install from the default index does with the wheel's requirement on torch. */
export function torchRequirement(facts: WheelFacts, { variant }: Claim): Check {
  const { torch } = facts;
  const base = {
    id: "metadata.torch-requirement",
    evidence: { requirement: torch?.line ?? null },
    reference: "PEP 440, local version identifiers; PEP 508",
  } as const;
  const [unreadable] = facts.unreadableRequirements;
  if (unreadable !== undefined) {
    return {
      ...base,
      result: "fail",
      detail: `METADATA requires ${JSON.stringify(unreadable.slice(0, 120))}, which no installer can read`,
      evidence: { ...base.evidence, unreadable: facts.unreadableRequirements.slice(0, 20) },
      remedy: "Write every requirement as NAME[EXTRAS] SPECIFIERS; MARKER, in ASCII, on one line.",
    };
  }
  if (!torch) {
    return variant
      ? {
          ...base,
          result: "fail",
          detail: "the wheel's libraries are torch extensions, yet METADATA requires no torch",
          remedy: "Add torch to the project's dependencies.",
        }
      : { ...base, result: "pass", detail: "no torch is required" };
  }
  if (torch.isDirect) {
    return {
      ...base,
      result: "fail",
      detail: `${torch.line} names a file; indexes refuse wheels with direct references, and installers can't choose`,
      reference: "PEP 440, direct references; PEP 508",
      remedy: "Require torch==X, the exact release that the wheel was built against.",
    };
  }
  if (torch.isLocal) {
    return {
      ...base,
      result: "fail",
      detail: `${torch.line} can't be resolved on the default index, which has no local versions`,
      remedy: `Require torch==${torch.pinned?.split("+")[0]}; an installed ${torch.pinned} satisfies it.`,
    };
  }
  if (torch.pinned === null) {
    return {
      ...base,
      result: "warn",
      detail: `${torch.line}: a plain install takes the newest torch, CUDA build and other ABI`,
      remedy: "Require the exact torch that the wheel was built against.",
    };
  }
  return {
    ...base,
    result: "pass",
    detail: `${torch.line}: satisfied by an installed ${torch.pinned}+cpu; a plain install would bring the CUDA build of ${torch.pinned}`,
  };
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
export function cpuInstructions(facts: WheelFacts, { variant }: Claim): Check {
  const text = visible(facts.description);
  const shown = namesCpuIndex(text) || /--torch-backend[ =]cpu|download\.pytorch\.org\/whl\/cpu/.test(text);
  const result = shown || !facts.torch ? "pass" : variant ? "fail" : "warn";
  return {
    id: "metadata.cpu-instructions",
    result,
    detail: shown
      ? "the description says how to install CPU-only torch"
      : facts.torch
        ? "the description does not say how to get CPU-only torch"
        : "no torch, no instructions needed",
    evidence: { characters: facts.description.length },
    reference: "core metadata specification, Description",
    ...(result === "pass"
      ? {}
      : {
          remedy:
            "Put the install commands into the readme; comments in pyproject.toml never reach METADATA.",
        }),
  };
}
