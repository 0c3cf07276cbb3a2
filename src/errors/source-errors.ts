import { EXIT, entry } from "./entry.ts";

/** Errors of sources that are fetched, of recipes, and of what a build needs of the machine. */
export const SOURCE = {
  E_RECIPES: entry(
    EXIT.badInput,
    "Recipes error",
    (p: { file: string; line: number; column: number; problem: string; hint: string }) => ({
      what: `${p.file}:${p.line}:${p.column}: ${p.problem}`,
      why: "The recipes do not fit their schema (schemas/recipes.schema.json).",
      remedy: p.hint,
      place: { file: p.file, line: p.line, column: p.column },
    }),
  ),
  E_RECIPE_UNKNOWN: entry(
    EXIT.badInput,
    "Unknown recipe",
    (p: { name: string; project: string; known: string[] }) => ({
      what: `There is no recipe ${p.name} for ${p.project}.`,
      why: `There are: ${p.known.join(", ") || "none"}.`,
      remedy: "Name one of these with --recipe, or leave it out: a recipe is found by the release.",
    }),
  ),
  E_RELEASE_UNSUPPORTED: entry(
    EXIT.badInput,
    "Release without a recipe",
    (p: { project: string; version: string; why: string }) => ({
      what: `${p.project} ${p.version} can't be built: no recipe covers it.`,
      why: p.why,
      remedy: "Name another release with --vllm-version, or add a recipe (docs/recipes.md).",
    }),
  ),
  E_VARIANT_UNBUILDABLE: entry(
    EXIT.badInput,
    "Variant that this release can't be built for",
    (p: { variant: string; recipe: string; why: string }) => ({
      what: `${p.variant} can't be built with the recipe ${p.recipe}.`,
      why: p.why,
      remedy: "Leave this variant out, or take another release.",
    }),
  ),
  E_RECIPE_ASSUMPTION: entry(
    EXIT.badInput,
    "The source is not what the recipe was written for",
    (p: { recipe: string; file: string; problem: string }) => ({
      what: `The recipe ${p.recipe} does not fit this source: ${p.file}.`,
      why: p.problem,
      remedy: "Add a recipe for this release (docs/recipes.md), or build a release that one covers.",
    }),
  ),
  E_PATCH: entry(
    EXIT.badInput,
    "Patch does not fit",
    (p: { patch: string; file: string; found: number; find: string }) => ({
      what: `The patch ${p.patch} does not fit ${p.file}.`,
      why: `This text must stand there once and stands there ${p.found} times: ${p.find}`,
      remedy: "Add a recipe for this release with a patch that fits (docs/recipes.md). Nothing was changed.",
    }),
  ),
  E_SOURCE_DIRTY: entry(EXIT.badInput, "Uncommitted changes", (p: { source: string }) => ({
    what: `${p.source} has changes that no commit holds.`,
    why: "Nobody could build that wheel again, and its version would be another's.",
    remedy: "Commit or stash them, or say --allow-dirty.",
  })),
  E_SOURCE_INCOMPLETE: entry(
    EXIT.badInput,
    "Part of the source is missing",
    (p: { source: string; problem: string; remedy: string }) => ({
      what: `${p.source} is not whole: a wheel of it would be another's.`,
      why: p.problem,
      remedy: p.remedy,
    }),
  ),
  E_NO_SDIST: entry(EXIT.badInput, "No sdist", (p: { project: string; version: string }) => ({
    what: `The package index has no source distribution of ${p.project} ${p.version}.`,
    why: "That release has wheels alone.",
    remedy: `Build it from its repository: --source=git+https://github.com/vllm-project/${p.project}.git@v${p.version}`,
  })),
  E_DOWNLOAD: entry(EXIT.toolFailed, "Download failed", (p: { url: string; detail: string }) => ({
    what: `${p.url} could not be fetched.`,
    why: p.detail,
    remedy:
      "Run the same command again: it goes on where it broke off. Or fetch the file and name it with --source.",
  })),
  E_GIT: entry(EXIT.toolFailed, "git failed", (p: { what: string; detail: string }) => ({
    what: `git ${p.what} failed.`,
    why: p.detail,
    remedy: gitRemedy(p.detail),
  })),
  E_DEPENDENCY: entry(
    EXIT.badInput,
    "Not the source that the build needs",
    (p: { name: string; source: string; problem: string }) => ({
      what: `${p.source} can't serve as the source of ${p.name}.`,
      why: p.problem,
      remedy: "Name a checkout or a git repository that has the commit which is pinned.",
    }),
  ),
  E_SYSTEM_LIBRARY: entry(
    EXIT.machineCannot,
    "System library missing",
    (p: { library: string; header: string; packages: Partial<Record<string, string>> }) => ({
      what: `The build needs lib${p.library} with its header ${p.header}, and this machine has not both.`,
      why: "The compiler does not find one or the other.",
      remedy: `Install it: ${installHints(p.packages)}.`,
    }),
  ),
  E_MEMORY: entry(EXIT.machineCannot, "Too little memory", (p: { needs: number; has: number }) => ({
    what: `A compile takes ${p.needs} MiB of memory, and ${p.has} MiB are free.`,
    why: "The kernel would kill the compiler in the middle.",
    remedy: "Free memory, raise the container's limit, or add swap.",
  })),
  E_GLIBC_FLOOR: entry(
    EXIT.machineCannot,
    "Not built for the asked glibc",
    (p: { floor: string; earned: string; detail: string }) => ({
      what: `The wheel would need glibc ${p.earned}, not ${p.floor}.`,
      why: p.detail,
      remedy: `Leave out what needs it, build in a container of an older distribution (a manylinux image of glibc ${p.floor} or older), or take this machine's own by --glibc=own.`,
    }),
  ),
  E_STRIP: entry(EXIT.toolFailed, "strip failed", (p: { detail: string }) => ({
    what: "strip could not remove the debug data of a library.",
    why: p.detail,
    remedy: "Install binutils, or keep the debug data with --keep-debug.",
  })),
} as const;

/** What to do about git's usual complaints; each is one that no other message of ours tells of. */
const GIT_REMEDIES: readonly [RegExp, string][] = [
  [
    /dubious ownership/,
    "Make the folder your own (sudo chown -R), or trust it: git config --global --add safe.directory FOLDER",
  ],
  [
    /Authentication failed|could not read (Username|Password)|Permission denied \(publickey/i,
    "Give git credentials for this repository (credential.helper, GIT_ASKPASS or an SSH key), or name a local copy.",
  ],
  [
    /bad config|bad boolean config|bad numeric config/i,
    "Mend that line of the git settings file (git config --show-origin --list).",
  ],
  [
    /index file corrupt|bad signature|bad object|not a git repository: |object file .* is empty|loose object/i,
    "The repository is damaged or not whole: clone it anew, and name that folder with --source.",
  ],
];

function gitRemedy(detail: string): string {
  const known = GIT_REMEDIES.find(([pattern]) => pattern.test(detail));
  return (
    known?.[1] ??
    "Check the repository and the ref. Where the machine can't reach it, name a local copy (--onednn-source, --numactl-source, --gperftools-source, --source)."
  );
}

const MANAGERS: Readonly<Record<string, string>> = {
  apt: "Debian/Ubuntu: apt-get install",
  dnf: "Fedora/RHEL: dnf install",
  zypper: "openSUSE: zypper install",
  apk: "Alpine: apk add",
  pacman: "Arch: pacman -S",
};

function installHints(packages: Partial<Record<string, string>>): string {
  return Object.entries(MANAGERS)
    .flatMap(([manager, words]) => (packages[manager] ? [`${words} ${packages[manager]}`] : []))
    .join(" · ");
}
