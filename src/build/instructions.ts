import {
  CPU_TORCH_INDEX,
  directCommand,
  type InstallFacts as Installable,
  installCommands,
} from "../wheel/install-commands.ts";

/** What a description tells of installing a wheel beside CPU-only torch. */
export interface InstallFacts extends Installable {
  /** Requirements by URL, which indexes refuse in metadata; worth installing by hand. */
  direct: readonly string[];
}

const HEADING = "Install with CPU-only PyTorch";

const oneLine = ({ distribution, version, torchVersion }: InstallFacts): string =>
  `uv pip install ${distribution}==${version} torch==${torchVersion} --index-strategy unsafe-best-match --extra-index-url ${CPU_TORCH_INDEX}`;

const check = 'python -c "import torch; print(torch.__version__, torch.cuda.is_available())"';

/** The block as comment lines for pyproject.toml; TOML comments stay in the source, METADATA has its own block. */
export function asTomlComments(facts: InstallFacts): string {
  const lines = [
    HEADING,
    "",
    `This wheel was built against torch ${facts.torchVersion}. The default index serves the CUDA build of torch,`,
    "so install torch from the CPU-only index first:",
    "",
    ...installCommands(facts).map((line) => `  ${line}`),
    "",
    "or with uv:",
    "",
    `  ${oneLine(facts)}`,
  ];
  return `${lines.map((line) => `# ${line}`.trimEnd()).join("\n")}\n\n`;
}

/**
 * The block for a wheel's description.
 * @param contentType the metadata's Description-Content-Type; reStructuredText where there is none (core metadata spec)
 */
export function asDescription(facts: InstallFacts, contentType: string | null): string {
  const isMarkdown = /^\s*text\/markdown\b/i.test(contentType ?? "");
  const block = (lines: string[]): string =>
    isMarkdown
      ? `\`\`\`sh\n${lines.join("\n")}\n\`\`\`\n`
      : `::\n\n${lines.map((line) => `    ${line}`).join("\n")}\n`;
  const heading = isMarkdown ? `## ${HEADING}` : `${HEADING}\n${"-".repeat(HEADING.length)}`;
  const code = (text: string): string => (isMarkdown ? `\`${text}\`` : `\`\`${text}\`\``);
  return [
    heading,
    "",
    `This wheel was built against ${code(`torch ${facts.torchVersion}`)}. The default index serves the CUDA build of torch`,
    "(gigabytes of it), so install torch from the CPU-only index first:",
    "",
    block(installCommands(facts)),
    "or with uv, in one line:",
    "",
    block([oneLine(facts)]),
    `This prints ${code(`${facts.torchVersion} False`)}:`,
    "",
    block([check]),
    ...(facts.direct.length > 0
      ? [
          "The project also names these, by addresses that a package index does not take; without them the wheel works,",
          "with slower fallbacks in places:",
          "",
          block(facts.direct.map(directCommand)),
        ]
      : []),
  ].join("\n");
}
