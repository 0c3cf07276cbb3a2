/** Room for a name or a sentence in a report; what is longer is cut, and its length told. */
const MOST_CHARACTERS = 2000;

/**
 * Characters that are not seen or change what is seen: controls, format characters (among them the bidirectional
 * controls), separators, private use, surrogates without a partner, and code points that nobody has assigned.
 * Source: Unicode Standard, general categories; Unicode Technical Report 36, section 2.5 (bidirectional text spoofing).
 */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Cn}\p{Zl}\p{Zp}]/gu;

const named = (char: string): string => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`;

/**
 * A text from a hostile wheel as a report shows it: every character that hides, moves or colours others is spelt out
 * (`\u{202e}`), line breaks and tabs are blanks, and what is too long is cut.
 * @param most characters that are kept
 */
export function visible(text: string, most = MOST_CHARACTERS): string {
  const cut =
    text.length > most ? `${text.slice(0, most)}… (${text.length.toLocaleString("en")} characters)` : text;
  return cut.replace(/\s*[\r\n\t]+\s*/g, " ").replace(UNSEEN, named);
}
