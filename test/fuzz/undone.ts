/** A defence taken out of the source again, and the target that must find what gets through then. */
export interface Undone {
  /** What the defence keeps out. */
  keepsOut: string;
  file: string;
  /** Stands once in the file. */
  text: string;
  instead: string;
  /** Words of the target's name. */
  target: string;
}

/**
 * Defences that a generator can reach. What needs a second process, a file that is swapped or a runner is not among
 * them: test/verify and test/publish attack those. Nor is what two defences keep out, each of which would do (names in an
 * sdist that step up: our judge and the library).
 */
export const UNDONE: readonly Undone[] = [
  {
    keepsOut: "code that only the loader's lists lead to",
    file: "src/elf/reach.ts",
    text: "for (const address of around.entries.called) strong.push(address);",
    instead: "",
    target: "machine code",
  },
  {
    keepsOut: "code that only a relocation or an export leads to",
    file: "src/elf/reach.ts",
    text: "for (const address of around.entries.taken) if (!isVeiled(address)) strong.push(address);",
    instead: "void isVeiled;",
    target: "machine code",
  },
  {
    keepsOut: "code that a reading in a row takes for data, because it meets what is no instruction",
    file: "src/elf/reach.ts",
    text: "for (const address of strong) follower.follow(address);",
    instead: "for (const address of strong) if (follower.readsLikeCode(address)) follower.follow(address);",
    target: "machine code",
  },
  {
    keepsOut: "APX behind an address-size prefix",
    file: "src/elf/tally.ts",
    text: "new Set([0x66, 0x67, 0xf0,",
    instead: "new Set([0x66, 0xf0,",
    target: "machine code",
  },
  {
    keepsOut: "APX behind a lock prefix",
    file: "src/elf/tally.ts",
    text: "new Set([0x66, 0x67, 0xf0,",
    instead: "new Set([0x66, 0x67,",
    target: "machine code",
  },
  {
    keepsOut: "headers behind a line separator",
    file: "src/wheel/strict-text.ts",
    text: "|[\\u2028\\u2029\\ufeff]",
    instead: "|[\\u2029\\ufeff]",
    target: "entry points",
  },
  {
    keepsOut: "headers behind a carriage return",
    file: "src/wheel/strict-text.ts",
    text: "|\\r(?!\\n)",
    instead: "",
    target: "METADATA",
  },
  {
    keepsOut: "lines behind a control character",
    file: "src/wheel/strict-text.ts",
    text: "[^\\P{Cc}\\t\\r\\n]|",
    instead: "",
    target: "RECORD",
  },
  {
    keepsOut: "a byte order mark",
    file: "src/wheel/strict-text.ts",
    text: "ignoreBOM: true",
    instead: "ignoreBOM: false",
    target: "RECORD",
  },
  {
    keepsOut: "programs of others in entry points",
    file: "src/wheel/dist-info-rules.ts",
    text: "else if (SCRIPT_GROUPS.has(group) && isOthersProgram(distribution, name))",
    instead: "else if (name === null)",
    target: "places",
  },
  {
    keepsOut: "programs of others in .data/scripts",
    file: "src/wheel/strays.ts",
    text: 'if (place === "programs") return isOthersProgram(distribution, path);',
    instead: 'if (place === "programs") return false;',
    target: "places",
  },
  {
    keepsOut: "packages of others",
    file: "src/wheel/strays.ts",
    text: "return OTHERS.has(top) && !own.has(top);",
    instead: "return OTHERS.has(top) && !own.has(top) && by === null;",
    target: "places",
  },
  {
    keepsOut: "a second dist-info folder",
    file: "src/wheel/strays.ts",
    text: "if (by !== null && /^[^/]+\\.(dist-info|egg-info)(\\/|$)/i.test(path)) return true;",
    instead: "",
    target: "places",
  },
  {
    keepsOut: "files in .data/data that land among packages and programs",
    file: "src/wheel/strays.ts",
    text: 'place !== "environment" ||',
    instead: "",
    target: "places",
  },
  {
    keepsOut: "packages in .data/purelib that nobody asks about",
    file: "src/wheel/landing.ts",
    text: 'return { place: "packages", path, by };',
    instead: 'return { place: "environment", path, by };',
    target: "places",
  },
  {
    keepsOut: "links of an sdist that leave its folder",
    file: "src/host/archive-tree.ts",
    text: "if (this.#mayLeave) return null;",
    instead: "if (!this.#mayLeave) return null;",
    target: "sdists",
  },
  {
    keepsOut: "descriptions that take the square of their length",
    file: "src/verify/checks/metadata.ts",
    text: "const shown = namesCpuIndex(text) ||",
    instead: "const shown = /--(?:extra-)?index-url\\S*\\/cpu\\b/.test(text) || namesCpuIndex(text) ||",
    target: "repeated texts",
  },
  {
    keepsOut: "commands behind blanks that the runner takes away",
    file: "src/faces/action/harmless.ts",
    text: "/^([\\s\\u0085]*)::/gm",
    instead: "/^([ \\t]*)::/gm",
    target: "runner",
  },
  {
    keepsOut: "commands of the runner's older form",
    file: "src/faces/action/harmless.ts",
    text: '.replaceAll("##[", "## [")',
    instead: "",
    target: "runner",
  },
  {
    keepsOut: "verdicts that say two things under one name",
    file: "src/verify/verdict/read-verdict.ts",
    text: "if (names?.has(name)) return name;",
    instead: "",
    target: "names twice",
  },
  {
    keepsOut: "verdicts on other bytes",
    file: "src/publish/gate/gate.ts",
    text: "subject?.digest.sha256 === wheel.sha256 &&",
    instead: "",
    target: "gate",
  },
  {
    keepsOut: "verdicts by a laxer manifest",
    file: "src/publish/gate/gate.ts",
    text: "...(judgedBy.contract === contract",
    instead: "...(judgedBy.contract !== null || judgedBy.contract === contract",
    target: "gate",
  },
  {
    keepsOut: "verdicts by probes that somebody changed",
    file: "src/publish/gate/gate.ts",
    text: "...(!isSameRelease || judgedBy.probes === own.probes",
    instead: "...(isSameRelease || judgedBy.probes === own.probes",
    target: "gate",
  },
  {
    keepsOut: "checks that are answered twice",
    file: "src/publish/gate/gate.ts",
    text: "else if (others.length > 0) failures",
    instead: "else if (others.length > 9) failures",
    target: "gate",
  },
  {
    keepsOut: "checks that were not asked",
    file: "src/publish/gate/gate.ts",
    text: "if (!answer) failures.push(`${id} was not asked`);",
    instead: "if (!answer) continue;",
    target: "gate",
  },
  {
    keepsOut: "emulated answers in place of run ones",
    file: "src/publish/gate/gate.ts",
    text: "} else if (isEmulated(answer)) {",
    instead: "} else if (isEmulated(answer) && !isProof(answer)) {",
    target: "gate",
  },
  {
    keepsOut: "forged verdicts on bytes that fail",
    file: "src/publish/gate/look.ts",
    text: 'check.result === "fail" ||',
    instead: "",
    target: "publisher's look",
  },
  {
    keepsOut: "entries whose two headers name them differently",
    file: "src/wheel/zip-format.ts",
    text: "if (name !== entry.name) throw",
    instead: "if (name === null) throw",
    target: "zip",
  },
  {
    keepsOut: "entries whose headers differ in size or CRC",
    file: "src/wheel/zip-format.ts",
    text: "size !== entry.size || compressed !== entry.compressed || file.u32(at + 14) !== entry.crc",
    instead: "size !== entry.size && compressed !== entry.compressed && file.u32(at + 14) !== entry.crc",
    target: "zip",
  },
  {
    keepsOut: "bytes between entries",
    file: "src/wheel/zip-reader.ts",
    text: "if (span.start > at)",
    instead: "if (span.start < at)",
    target: "zip",
  },
  {
    keepsOut: "an end record that counts other entries",
    file: "src/wheel/zip-format.ts",
    text: "if (at !== directory.end)",
    instead: "if (at > directory.end)",
    target: "zip",
  },
];
