import { EVENT_ID, getScalarValue, load, parseEvents, YAMLException } from "js-yaml";

/** 1-based. */
export interface Position {
  line: number;
  column: number;
}

/** A YAML document, and where each of its nodes stands. */
export interface YamlDocument {
  data: unknown;
  /** @param path keys from the top; what is not there has the place of the nearest node around it */
  positionOf: (path: readonly PropertyKey[]) => Position;
}

/** Source: YAML 1.2.2, 7.1: aliases may multiply a small text without end. */
const MOST_ALIASES = 200;

/**
 * Reads a YAML document of a user's.
 * @param file how errors call it
 * @param fail told where the text is no YAML, and why; throws
 */
export function readYaml(
  text: string,
  file: string,
  fail: (at: Position, problem: string, cause: unknown) => never,
): YamlDocument {
  try {
    const data: unknown = load(text, { filename: file, maxAliases: MOST_ALIASES });
    return { data, positionOf: yamlPositions(text) };
  } catch (thrown) {
    if (!(thrown instanceof YAMLException)) throw thrown;
    const { mark } = thrown;
    return fail({ line: (mark?.line ?? 0) + 1, column: (mark?.column ?? 0) + 1 }, thrown.reason, thrown);
  }
}

type Frame =
  | { kind: "mapping"; path: string[]; key: string | null }
  | { kind: "sequence"; path: string[]; next: number };

const keyOf = (path: readonly PropertyKey[]): string => JSON.stringify(path.map(String));

/**
 * Where each node of a YAML document stands, by its path, for errors that point at a line.
 * A mapping's entry is at its key. Text that doesn't parse gives no positions.
 * @returns look-up that falls back to the nearest enclosing node
 */
function yamlPositions(text: string): (path: readonly PropertyKey[]) => Position {
  const offsets = new Map<string, number>();
  const frames: (Frame | null)[] = [];
  const place = (offset: number): string[] => {
    const frame = frames.at(-1);
    if (!frame) return [];
    const path = [...frame.path, frame.kind === "sequence" ? String(frame.next++) : (frame.key ?? "")];
    if (frame.kind === "mapping") frame.key = null;
    if (!offsets.has(keyOf(path))) offsets.set(keyOf(path), offset);
    return path;
  };
  for (const event of parseEvents(text, {})) {
    const frame = frames.at(-1);
    switch (event.type) {
      case EVENT_ID.SCALAR:
        if (frame?.kind === "mapping" && frame.key === null) {
          frame.key = getScalarValue(text, event);
          offsets.set(keyOf([...frame.path, frame.key]), event.valueStart);
        } else place(event.valueStart);
        break;
      case EVENT_ID.ALIAS:
        place(event.anchorStart);
        break;
      case EVENT_ID.MAPPING:
        frames.push({ kind: "mapping", path: place(event.start), key: null });
        break;
      case EVENT_ID.SEQUENCE:
        frames.push({ kind: "sequence", path: place(event.start), next: 0 });
        break;
      case EVENT_ID.POP:
        frames.pop();
        break;
      default:
        frames.push(null);
    }
  }
  return (path) => {
    for (let length = path.length; length > 0; length--) {
      const offset = offsets.get(keyOf(path.slice(0, length)));
      if (offset !== undefined) return positionAt(text, offset);
    }
    return { line: 1, column: 1 };
  };
}

/** Line and column of an offset in UTF-16 units. */
export function positionAt(text: string, offset: number): Position {
  const before = text.slice(0, Math.max(0, offset));
  const lineStart = before.lastIndexOf("\n") + 1;
  return { line: before.split("\n").length, column: offset - lineStart + 1 };
}
