const FOLDER = "an index looks for METADATA in the folder that is spelt as the file name";
const OF_WHEEL = "the binary distribution format demands it of WHEEL, and other readers go by it";
const LINES = "readers differ in what is a line, and one of them sees other headers";

/** Why we refuse what every reader that looks at it takes, by case. The list may only shrink. */
export const STRICTER: Readonly<Record<string, string>> = {
  "archive: a link":
    "a wheel has no links: what an installer makes of one, a file or a way out, is its own choice",
  "archive: a wrong CRC in the local header alone":
    "PyPI refuses headers that differ: who reads forward sees another file",
  "archive: a path with a drive": "an absolute path on Windows",
  "archive: a comment of an entry": "PyPI refuses it: an archive may hide in it",
  "dist-info: a folder of another version": FOLDER,
  "dist-info: a folder in capitals": FOLDER,
  "dist-info: a folder of an equal version": FOLDER,
  "WHEEL: no Root-Is-Purelib": OF_WHEEL,
  "WHEEL: Root-Is-Purelib: maybe": OF_WHEEL,
  "WHEEL: no tag": OF_WHEEL,
  "WHEEL: another tag": "whoever reads WHEEL takes it for another platform's; one of the two names lies",
  "WHEEL: a line separator": LINES,
  "METADATA: a line without a colon":
    "Python's reader takes all below it for the description, requirements too",
  "METADATA: a licence's file that is not there": "PEP 639: what License-File names has to be in the wheel",
  "RECORD: a file that is not there":
    "RECORD is what vouches for a wheel; a line too many says that something was taken out",
  "RECORD: a line twice": "which of the two vouches is each reader's own choice",
  "RECORD: a path with a backslash": "a folder on Windows and a name elsewhere",
  "entry points: a name with blanks":
    "the entry points specification advises against it, and a shell reads two words",
  ".data: another name": "pip spreads it over the environment, uv leaves the folder in site-packages",
  ".data: another version": "pip spreads it over the environment, uv leaves the folder in site-packages",
  ".data: a file in purelib and platlib":
    "one folder in every environment: the last one wins, and readers differ in the order",
  "file name: a build tag":
    "WHEEL says the build number, too (binary distribution format); this file was renamed",
  "file name: capitals": FOLDER,
  "file name: an equal version": FOLDER,
};

const LICENCE =
  "`verify` knows the grammar of a field, not SPDX's list of licences; before an upload `publish` asks packaging itself";

/** Why we take what some reader refuses, by case. The list may only shrink. */
export const MILDER: Readonly<Record<string, string>> = {
  "METADATA: a licence that is cut": LICENCE,
  "METADATA: a licence of nobody": LICENCE,
};
