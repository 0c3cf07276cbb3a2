/**
 * A text of other programs that the runner can't take for its own commands.
 * Source: actions/runner, ActionCommand.TryParseV2 (`::` after leading blanks) and TryParse (`##[` anywhere).
 */
export function harmless(text: string): string {
  return text.replace(/^([ \t]*)::/gm, "$1: :").replaceAll("##[", "## [");
}
