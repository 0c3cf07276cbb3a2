import {
  PUBLISHING_SETTINGS,
  SHARED_SETTINGS,
  TOOL_SETTINGS,
  type ToolSettings,
} from "../src/host/tool-settings.ts";

const code = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(", ");

/** The page of which settings of a user count for the programs that are run. */
export function settingsPage(): string {
  const lines = [
    "# Which of your settings count",
    "",
    "Made from `src/host/tool-settings.ts` by `npm run generate`.",
    "",
    "The programs that are run here (uv, pip, git, compilers, CMake, ninja, ccache) obey this project, so that a variable of",
    "your shell, or a settings file of another project, can't change what is built or what is proved. Your own settings count",
    "where they say where packages come from, how the network is reached, and whom to trust. All others of these programs are",
    "left out; a run says at its start which of yours that were. An error that a setting of yours may have caused names it.",
    "",
    `For each program count: ${code(SHARED_SETTINGS)} (the proxies also in lower case).`,
    "",
    `For an upload count, too: ${code(PUBLISHING_SETTINGS)}. Nothing else gets to see them.`,
    "",
  ];
  const tools: readonly ToolSettings[] = Object.values(TOOL_SETTINGS);
  for (const { tool, owns, counts, readHere, fileKeys, files } of tools) {
    lines.push(`## ${tool[0]?.toUpperCase()}${tool.slice(1)}`, "");
    if (counts.length > 0) {
      lines.push("| variables that count | for |", "| --- | --- |");
      for (const { names, why } of counts) lines.push(`| ${code(names)} | ${why} |`);
      lines.push("");
    }
    const other = counts.length > 0 ? "Of the variables that match" : "Variables that match";
    const rest = counts.length > 0 ? ", no others count" : " don't count";
    lines.push(`${other} the pattern \`${owns.source}\`${rest}.`, "");
    if (readHere !== undefined) lines.push(`Read here, and not handed on: ${code(readHere)}.`, "");
    if (files !== "") lines.push(files, "");
    if (fileKeys.length > 0) lines.push(`Keys of these files that count: ${code(fileKeys)}.`, "");
  }
  return lines.join("\n");
}
