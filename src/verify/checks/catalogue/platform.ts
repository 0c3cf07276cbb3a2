import { z } from "zod";
import { define } from "./definition.ts";

/** Checks of what a wheel asks of the system and of other packages. */
export const PLATFORM_CHECKS = {
  "platform.glibc": define({
    level: "static",
    title: "The platform tag is earned",
    question: "Do the libraries need no newer glibc, libstdc++ or libgcc than the platform tag promises?",
    why: "On an older distribution the import ends with `version GLIBC_2.NN not found`.",
    remedy: "Tag the wheel as its bytes earn it (auditwheel repair does), or build on an older distribution.",
    tags: ["packaging", "portability"],
    reference: "PEP 600 (manylinux), PEP 656 (musllinux), PEP 425",
    evidence: {
      newest: z.record(z.string(), z.string()).describe("Newest symbol version wanted, by family"),
      earned: z.string().nullable().describe("The manylinux tag that the bytes earn; null for none"),
      platformTags: z.array(z.string()),
      wantedBy: z.record(z.string(), z.array(z.string())).describe("Libraries that want these versions"),
      libraries: z.number(),
      libc: z.enum(["glibc", "musl"]),
    },
    holdsWithWarning: true,
    summary: ({ libraries, libc, earned }) =>
      libraries === 0
        ? "it holds no library"
        : libc === "musl"
          ? "built for musl, whose version does not stand in the bytes"
          : earned
            ? `the bytes earn ${earned}`
            : "no symbol versions are needed",
  }),
  "platform.libraries": define({
    level: "static",
    title: "Every needed library is there",
    question: "Is every library that is needed in the wheel, on the platform, or torch's own?",
    why: "A library that nobody brings ends the import with `cannot open shared object file`.",
    remedy: "Run auditwheel repair, which bundles libraries and mends search paths.",
    tags: ["packaging", "portability"],
    reference: "PEP 513, PEP 600; auditwheel's policies; gABI, chapter 5 (shared object dependencies)",
    evidence: {
      needed: z
        .record(z.string(), z.array(z.string()))
        .describe("Libraries needed, by the one that needs them"),
      opaque: z.array(z.string()).describe("Files that can't be looked into"),
    },
    summary: ({ needed = {} }) => {
      const libraries = Object.keys(needed).length;
      return libraries === 0 ? "it holds no library" : `${libraries} libraries, all they need is there`;
    },
  }),
  "elf.cuda-free": define({
    level: "static",
    title: "Nothing of CUDA is needed",
    question: "Are CUDA libraries, CUDA symbols and nvidia packages absent from what the wheel needs?",
    why: "On a machine without a GPU the wheel does not load, or brings gigabytes that nobody can use.",
    remedy: "Build against CPU-only torch.",
    tags: ["torch"],
    reference: "gABI, chapter 5 (DT_NEEDED, symbol table); CUDA Binary Utilities (fat binaries); PEP 508",
    evidence: { libraries: z.number().describe("Libraries that were asked") },
    summary: () => "no GPU library, symbol, code or package is needed",
  }),
  "metadata.torch-requirement": define({
    level: "static",
    title: "The requirement on torch can be met",
    question: "What does a plain install from the default index do with the wheel's requirement on torch?",
    why: "A local version such as +cpu can't be resolved there, and an open range brings a torch of another ABI.",
    remedy: "Require torch==X, the exact release that the wheel was built against, without a local part.",
    tags: ["torch", "packaging"],
    reference: "PEP 440, local version identifiers and direct references; PEP 508",
    evidence: { requirement: z.string().nullable(), pinned: z.string().nullable() },
    summary: ({ requirement, pinned }) =>
      requirement
        ? `${requirement}: satisfied by an installed ${pinned}+cpu; a plain install would bring the CUDA build of ${pinned}`
        : "no torch is required",
  }),
  "metadata.cpu-instructions": define({
    level: "static",
    title: "The description tells of CPU-only torch",
    question: "Does a reader of the wheel's description see how to get CPU-only torch?",
    why: "A plain install brings the CUDA build of torch, and nothing else tells users of the other index.",
    remedy: "Put the install commands into the readme; comments in pyproject.toml never reach METADATA.",
    tags: ["torch", "documentation"],
    reference: "core metadata specification, Description",
    evidence: {
      characters: z.number().describe("Of the description"),
      torch: z.boolean().describe("True where torch is required"),
    },
    summary: ({ torch }) =>
      torch ? "the description says how to install CPU-only torch" : "no torch, no instructions needed",
  }),
};
