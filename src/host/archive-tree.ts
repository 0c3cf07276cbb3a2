/** What lies at a place of a tree that is not written yet. */
type Node =
  | { kind: "folder"; children: Map<string, Node> }
  | { kind: "file" }
  | { kind: "link"; target: string };

/** Links that a path may lead through; Linux follows as many (path_resolution(7)). */
const MOST_LINKS = 40;
/** Folders below each other; Linux takes paths of 4096 bytes (limits.h, PATH_MAX). */
const LONGEST_PATH = 4096;

/** An archive's entry, as far as it decides where something is written. */
export interface TreeEntry {
  kind: "folder" | "file" | "link" | "hard-link";
  /** Below the folder that is filled, in parts; empty for that folder itself. */
  path: readonly string[];
  /** Of a link, as written: a symbolic link's from its own folder, a hard link's in parts from the top. */
  target: string | readonly string[];
}

const folder = (): Node & { kind: "folder" } => ({ kind: "folder", children: new Map() });

/** True for a name that means itself: no step up, no step that is none. */
const isName = (part: string): boolean =>
  part !== "" && part !== "." && part !== ".." && !part.includes("\0") && !part.includes("\\");

/**
 * The tree that an archive would make, filled entry by entry. It answers with what is wrong, and writes nothing: paths
 * are followed through the entries that came before, as the system would follow them, and never compared as texts.
 */
export class ArchiveTree {
  readonly #root = folder();
  readonly #links: (readonly string[])[] = [];
  readonly #mayLeave: boolean;

  /** @param mayLeave whether links may lead out of the tree; no entry lies below one all the same */
  constructor(mayLeave = false) {
    this.#mayLeave = mayLeave;
  }

  /** Puts an entry into the tree. @returns why it must not be written, or null */
  add({ kind, path, target }: TreeEntry): string | null {
    if (!path.every(isName)) return "its name is no plain path below the folder";
    if (path.join("/").length > LONGEST_PATH) return "its name is too long";
    if (path.length === 0) return kind === "folder" ? null : "it takes the place of the folder itself";
    let here = this.#root;
    for (const part of path.slice(0, -1)) {
      const next = here.children.get(part) ?? folder();
      if (next.kind !== "folder") return `it lies below ${part}, which is a ${next.kind}`;
      here.children.set(part, next);
      here = next;
    }
    const name = path.at(-1) ?? "";
    const before = here.children.get(name);
    if (before) return before.kind === "folder" && kind === "folder" ? null : "it is there twice";
    if (kind === "hard-link") {
      const linked = this.#plain(typeof target === "string" ? [target] : target);
      if (linked?.kind !== "file") return "it is a link to what is no file before it";
      here.children.set(name, linked);
      return null;
    }
    if (kind === "link") {
      const text = typeof target === "string" ? target : target.join("/");
      here.children.set(name, { kind: "link", target: text });
      this.#links.push(path);
      return this.#leads(path);
    }
    here.children.set(name, kind === "folder" ? folder() : { kind: "file" });
    return null;
  }
  /** Of all links the first that leaves the folder, now that all entries are there; null where none does. */
  escape(): { path: readonly string[]; problem: string } | null {
    for (const path of this.#links) {
      const problem = this.#leads(path);
      if (problem !== null) return { path, problem };
    }
    return null;
  }
  /** What lies at a path that leads through no link. */
  #plain(path: readonly string[]): Node | null {
    let here: Node = this.#root;
    for (const part of path) {
      const next: Node | undefined = here.kind === "folder" ? here.children.get(part) : undefined;
      if (!next) return null;
      here = next;
    }
    return here;
  }
  /** Follows a link as the system would. @returns where it leaves the folder, why; else null */
  #leads(path: readonly string[]): string | null {
    if (this.#mayLeave) return null;
    const trail: Node[] = [this.#root];
    const waiting = [...path].reverse();
    for (let links = 0; ; ) {
      const part = waiting.pop();
      if (part === undefined) return null;
      if (part === "" || part === ".") continue;
      if (part === "..") {
        if (trail.length === 1) return "it is a link that leaves the folder";
        trail.pop();
        continue;
      }
      const here = trail.at(-1);
      // What is not there is taken for a folder: a step up from it goes back to where it would be.
      const next = (here?.kind === "folder" ? here.children.get(part) : undefined) ?? folder();
      if (next.kind !== "link") {
        trail.push(next);
        continue;
      }
      if (next.target.startsWith("/") || next.target.includes("\0"))
        return "it is a link that leaves the folder";
      if (++links > MOST_LINKS) return "it is a link that leads through too many others";
      if (next.target.length > LONGEST_PATH) return "it is a link whose target is too long";
      waiting.push(...next.target.split("/").reverse());
    }
  }
}
