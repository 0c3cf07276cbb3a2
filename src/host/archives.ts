import { symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ArchiveTree, type TreeEntry } from "./archive-tree.ts";
import { makeDir } from "./files.ts";
import { demandRegular } from "./regular-files.ts";

/** Bounds on what is believed of a source archive. */
const MOST_ENTRIES = 200_000;
const MOST_BYTES = 4 * 1024 ** 3;

const KINDS: Readonly<Record<string, TreeEntry["kind"]>> = {
  File: "file",
  OldFile: "file",
  ContiguousFile: "file",
  Directory: "folder",
  SymbolicLink: "link",
  Link: "hard-link",
};

/** What is asked of an entry, whatever the library calls it. */
interface Entry {
  path: string;
  type: string;
  size?: number;
  linkpath?: string | undefined;
}

const partsOf = (path: string): string[] => path.replace(/\/{1,2}$/, "").split("/");

/** How an archive is unpacked. */
export interface UnpackOptions {
  /** Leading folders that are cut off; none where left out. */
  strip?: number;
  /** Takes links that leave the folder, where what is unpacked would be run anyway, such as a virtual environment. */
  linksMayLeave?: boolean;
}

/** Judges the entries of one archive, in their order. */
class Judge {
  readonly #tree: ArchiveTree;
  readonly #strip: number;
  #bytes = 0;
  entries = 0;

  constructor({ strip, linksMayLeave }: Required<UnpackOptions>) {
    this.#strip = strip;
    this.#tree = new ArchiveTree(linksMayLeave);
  }
  /** @returns why the archive is refused, or null */
  problem(entry: Entry): string | null {
    this.entries++;
    this.#bytes += entry.size ?? 0;
    if (this.entries > MOST_ENTRIES) return `it has more than ${MOST_ENTRIES} entries`;
    if (this.#bytes > MOST_BYTES) return `it unpacks to more than ${MOST_BYTES} bytes`;
    const held = `it holds ${JSON.stringify(entry.path.slice(0, 200))}`;
    const kind = KINDS[entry.type];
    if (kind === undefined) return `${held}, a ${entry.type}`;
    const parts = partsOf(entry.path);
    if (parts.slice(0, this.#strip).some((part) => part === "" || part === "." || part === ".."))
      return `${held}, which is not below a folder of its own`;
    const target = entry.linkpath ?? "";
    const problem = this.#tree.add({
      kind,
      path: parts.slice(this.#strip),
      target: kind === "hard-link" ? partsOf(target).slice(this.#strip) : target,
    });
    const link = kind === "link" || kind === "hard-link" ? ` to ${JSON.stringify(target.slice(0, 200))}` : "";
    return problem === null ? null : `${held}${link}: ${problem}`;
  }
  /** What can be told of the whole only. */
  last(): string | null {
    if (this.entries === 0) return "it holds nothing";
    const out = this.#tree.escape();
    return out && `it holds ${JSON.stringify(out.path.join("/"))}: ${out.problem}`;
  }
}

/**
 * Unpacks a tar archive, compressed or not, without its first folder level where asked to.
 * The archive is read twice: nothing is written before every entry has been judged, and each is judged again when it is
 * written. Refused are devices and pipes, names that are no plain path below the folder, entries below a link, entries
 * that are there twice, links that leave the folder (followed through the archive's own links), hard links to anything
 * but an earlier file, more than 200,000 entries or 4 GiB. Source: PEP 721 (what an sdist may hold).
 * @param to made if absent; empty before
 * Throws an Error that says what is wrong with the archive.
 */
export async function unpackTar(
  archive: string,
  to: string,
  { strip = 0, linksMayLeave = false }: UnpackOptions = {},
): Promise<void> {
  await demandRegular(archive);
  // Only builds of fetched sources need it.
  const { extract, list } = await import("tar");
  const first = new Judge({ strip, linksMayLeave });
  let problem: string | null = null;
  await list({
    file: archive,
    strict: true,
    onReadEntry({ path, type, size, linkpath }) {
      problem ??= first.problem({ path, type, size, linkpath });
    },
  });
  problem ??= first.last();
  if (problem !== null) throw new Error(problem);
  await makeDir(to);
  const second = new Judge({ strip, linksMayLeave });
  const links: { path: string; target: string }[] = [];
  await extract({
    file: archive,
    cwd: to,
    strip,
    strict: true,
    preserveOwner: false,
    // An error thrown here would be nobody's to catch: the archive is read by events.
    filter(path, entry) {
      const { type, linkpath } = entry as { type?: string; linkpath?: string };
      problem ??= second.problem({ path, type: type ?? "File", size: entry.size ?? 0, linkpath });
      if (problem !== null) return false;
      if (KINDS[type ?? ""] !== "link") return true;
      links.push({ path: join(to, ...partsOf(path).slice(strip)), target: linkpath ?? "" });
      return false;
    },
    onReadEntry(entry) {
      // Neither another user's rights nor a folder that nobody can write to.
      if (entry.mode !== undefined) entry.mode &= 0o777;
    },
  });
  if (problem !== null) throw new Error(problem);
  // Links come last, so that nothing is ever written through one. The library takes a link's target for a path from the
  // top, and waits for itself where that is the link's own folder.
  for (const { path, target } of links) {
    await makeDir(dirname(path));
    await symlink(target, path);
  }
}
