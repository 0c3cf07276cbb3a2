/**
 * A text of other programs that the runner can't take for its own commands.
 * Source: actions/runner, ActionCommand.TryParseV2 (`::` after what String.TrimStart() takes away: every white space of
 * Unicode, U+0085 among them) and TryParse (`##[` anywhere).
 */
export function harmless(text: string): string {
  return text.replace(/^([\s\u0085]*)::/gm, "$1: :").replaceAll("##[", "## [");
}
