import { z } from "zod";
import { define } from "./definition.ts";

const SPECIFICATION = "https://packaging.python.org/en/latest/specifications/binary-distribution-format/";

/** Checks of the wheel as an archive and by its names. */
export const PACKAGE_CHECKS = {
  "zip.integrity": define({
    level: "static",
    title: "The archive is sound",
    question:
      "Does every entry of the archive have the CRC, size and name that it states, and nothing hidden?",
    why: "Two readers may see two different wheels in an ambiguous archive; package indexes refuse such files.",
    remedy: "Build the wheel again, or download it again.",
    tags: ["packaging", "security"],
    reference: "PKWARE APPNOTE 6.3.10; PEP 427; the index's rules on archives",
    evidence: { entries: z.number().describe("Files that were read") },
    summary: () => "every entry's CRC, size and name is right",
  }),
  "record.hashes": define({
    level: "static",
    title: "RECORD vouches for every file",
    question: "Does RECORD have the right hash of every file in the wheel, and name no other file?",
    why: "A file that RECORD does not vouch for was put in after the build, or was changed.",
    remedy: "Build the wheel again; never edit one with a zip tool.",
    tags: ["packaging", "security"],
    reference: `${SPECIFICATION}#the-dist-info-directory`,
    evidence: { files: z.number().describe("Files that RECORD vouches for") },
    summary: ({ files }) => `RECORD is right for all ${files} files`,
  }),
  "name.agreement": define({
    level: "static",
    title: "One name and version everywhere",
    question: "Do file name, METADATA and dist-info folder say one name and one version, the variant's?",
    why: "Installers refuse a wheel whose names disagree, and a renamed wheel is not what its name says.",
    remedy: "Build the wheel under its own name; renaming a file does not change what is in it.",
    tags: ["packaging"],
    reference: `${SPECIFICATION}#file-name-convention`,
    evidence: { distribution: z.string().nullable(), version: z.string().nullable() },
    summary: ({ distribution, version }) => `${distribution} ${version} in file name, METADATA and dist-info`,
  }),
  "tags.agreement": define({
    level: "static",
    title: "One set of tags everywhere",
    question:
      "Do file name and WHEEL say the same tags, and do the libraries keep to the ABI that they claim?",
    why: "A wheel with wrong tags is installed where it can't be loaded.",
    remedy: "Retag with `wheel tags` or auditwheel repair, never with a file manager.",
    tags: ["packaging"],
    reference: "PEP 425; PEP 427; PEP 384 (stable ABI)",
    evidence: { tags: z.array(z.string()) },
    summary: ({ tags = [] }) => tags.join(" "),
  }),
};
