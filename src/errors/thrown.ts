/** What a thrown value says: an Error's message, or its name where it has none; anything else as text. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message || String(thrown) : String(thrown);
}

/** What went wrong below a wrapper such as fetch's "fetch failed": the message of the innermost cause that is an Error. */
export function rootMessageOf(thrown: unknown): string {
  let reason = thrown;
  while (reason instanceof Error && reason.cause instanceof Error) reason = reason.cause;
  return messageOf(reason);
}

/** The code of an error of the system (ENOENT) or of the catalogue; an empty text where there is none. */
export function codeOf(thrown: unknown): string {
  // Not by its class: errors of Node's core are another realm's in a test.
  return typeof thrown === "object" && thrown !== null && "code" in thrown ? String(thrown.code) : "";
}
