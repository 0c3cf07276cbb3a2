import { CHECK_IDS, LEVELS } from "../src/verify/verdict/verdict.ts";

interface Box {
  title: string;
  lines: readonly string[];
  kind: "step" | "gate";
}

const WIDTH = 1000;
const HEIGHT = 268;
const BOX = { width: 172, height: 118, top: 56, gap: 28 };

/** The way of a wheel, from left to right. */
function boxes(variants: readonly string[]): Box[] {
  return [
    {
      title: "plan",
      lines: ["manifest × request", `${variants.length} variants for x86-64`, "recipe by release"],
      kind: "step",
    },
    {
      title: "setup",
      lines: ["CPU-only torch", "or E_TORCH_CUDA,", "before a byte is fetched"],
      kind: "step",
    },
    {
      title: "build",
      lines: ["one compile for all", "the host's CPU kept out", "repaired and stamped"],
      kind: "step",
    },
    {
      title: "verify",
      lines: [
        `${CHECK_IDS.length} questions a wheel`,
        LEVELS.slice(0, 2).join(" · "),
        LEVELS.slice(2).join(" · "),
      ],
      kind: "gate",
    },
    {
      title: "publish",
      lines: ["index:DIR · pypi · URL", "github-release", "all wheels, or none"],
      kind: "step",
    },
  ];
}

const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328; }
  .title { font-weight: 600; font-size: 17px; }
  .note { fill: #59636e; }
  .step { fill: #f6f8fa; stroke: #818b98; }
  .gate { fill: #dafbe1; stroke: #1a7f37; stroke-width: 2; }
  .way { stroke: #59636e; stroke-width: 2; fill: none; }
  .tip { fill: #59636e; }
  .no { stroke: #cf222e; stroke-width: 2; fill: none; stroke-dasharray: 5 4; }
  .refused { fill: #cf222e; font-weight: 600; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .note { fill: #9198a1; }
    .step { fill: #151b23; stroke: #656c76; }
    .gate { fill: #12261e; stroke: #3fb950; }
    .way { stroke: #9198a1; }
    .tip { fill: #9198a1; }
    .no { stroke: #f85149; }
    .refused { fill: #f85149; }
  }`;

/** docs/pipeline.svg: the way of a wheel and the gate on it, for light and dark pages. */
export function pipelinePicture(variants: readonly string[]): string {
  const all = boxes(variants);
  const left = (WIDTH - all.length * BOX.width - (all.length - 1) * BOX.gap) / 2;
  const middle = BOX.top + BOX.height / 2;
  const bottom = BOX.top + BOX.height;
  const parts = all.flatMap(({ title, lines, kind }, at) => {
    const x = left + at * (BOX.width + BOX.gap);
    const centre = x + BOX.width / 2;
    const end = x + BOX.width + BOX.gap;
    return [
      `<rect class="${kind}" x="${x}" y="${BOX.top}" width="${BOX.width}" height="${BOX.height}" rx="8"/>`,
      `<text class="title" x="${centre}" y="${BOX.top + 28}" text-anchor="middle">${title}</text>`,
      ...lines.map(
        (line, row) =>
          `<text x="${centre}" y="${BOX.top + 56 + 20 * row}" text-anchor="middle">${line}</text>`,
      ),
      ...(at < all.length - 1
        ? [
            `<path class="way" d="M${x + BOX.width} ${middle}H${end - 8}"/>`,
            `<path class="tip" d="M${end} ${middle}l-10 -6v12z"/>`,
          ]
        : []),
      ...(kind === "gate"
        ? [
            `<path class="no" d="M${centre} ${bottom}v26"/>`,
            `<text class="refused" x="${centre}" y="${bottom + 46}" text-anchor="middle">refused</text>`,
            `<text class="note" x="${centre}" y="${bottom + 66}" text-anchor="middle">what, why, what to type</text>`,
          ]
        : []),
    ];
  });
  const label =
    "A wheel goes from plan over setup, build and verify to publish; what verify does not prove is refused and published nowhere";
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${label}">
<style>${STYLE}
</style>
<text class="note" x="${left}" y="34">a release of vLLM, or any source</text>
<text class="note" x="${WIDTH - left}" y="34" text-anchor="end">proven wheels, each with its verdict</text>
${parts.join("\n")}
</svg>
`;
}
