import type { CheckId } from "../verdict/verdict.ts";

/** What a check is about, for people who meet its id in a report. */
export interface CheckText {
  title: string;
  /** The question that the check answers, one sentence. */
  question: string;
  /** What happens to users of a wheel that fails it. */
  why: string;
  /** What a maintainer does about a failure. */
  remedy: string;
  /** Words by which code scanning groups rules. */
  tags: readonly string[];
}

/** Every check's text. docs/checks.md and the rules of SARIF files are made from it. */
export const CHECK_TEXTS: Readonly<Record<CheckId, CheckText>> = {
  "zip.integrity": {
    title: "The archive is sound",
    question:
      "Does every entry of the archive have the CRC, size and name that it states, and nothing hidden?",
    why: "Two readers may see two different wheels in an ambiguous archive; package indexes refuse such files.",
    remedy: "Build the wheel again, or download it again.",
    tags: ["packaging", "security"],
  },
  "record.hashes": {
    title: "RECORD vouches for every file",
    question: "Does RECORD have the right hash of every file in the wheel, and name no other file?",
    why: "A file that RECORD does not vouch for was put in after the build, or was changed.",
    remedy: "Build the wheel again; never edit one with a zip tool.",
    tags: ["packaging", "security"],
  },
  "name.agreement": {
    title: "One name and version everywhere",
    question: "Do file name, METADATA and dist-info folder say one name and one version, the variant's?",
    why: "Installers refuse a wheel whose names disagree, and a renamed wheel is not what its name says.",
    remedy: "Build the wheel under its own name; renaming a file does not change what is in it.",
    tags: ["packaging"],
  },
  "tags.agreement": {
    title: "One set of tags everywhere",
    question:
      "Do file name and WHEEL say the same tags, and do the libraries keep to the ABI that they claim?",
    why: "A wheel with wrong tags is installed where it can't be loaded.",
    remedy: "Retag with `wheel tags` or auditwheel repair, never with a file manager.",
    tags: ["packaging"],
  },
  "platform.glibc": {
    title: "The platform tag is earned",
    question: "Do the libraries need no newer glibc, libstdc++ or libgcc than the platform tag promises?",
    why: "On an older distribution the import ends with `version GLIBC_2.NN not found`.",
    remedy: "Tag the wheel as its bytes earn it (auditwheel repair does), or build on an older distribution.",
    tags: ["packaging", "portability"],
  },
  "platform.libraries": {
    title: "Every needed library is there",
    question: "Is every library that is needed in the wheel, on the platform, or torch's own?",
    why: "A library that nobody brings ends the import with `cannot open shared object file`.",
    remedy: "Run auditwheel repair, which bundles libraries and mends search paths.",
    tags: ["packaging", "portability"],
  },
  "elf.cuda-free": {
    title: "Nothing of CUDA is needed",
    question: "Are CUDA libraries, CUDA symbols and nvidia packages absent from what the wheel needs?",
    why: "On a machine without a GPU the wheel does not load, or brings gigabytes that nobody can use.",
    remedy: "Build against CPU-only torch.",
    tags: ["torch"],
  },
  "metadata.torch-requirement": {
    title: "The requirement on torch can be met",
    question: "What does a plain install from the default index do with the wheel's requirement on torch?",
    why: "A local version such as +cpu can't be resolved there, and an open range brings a torch of another ABI.",
    remedy: "Require torch==X, the exact release that the wheel was built against, without a local part.",
    tags: ["torch", "packaging"],
  },
  "metadata.cpu-instructions": {
    title: "The description tells of CPU-only torch",
    question: "Does a reader of the wheel's description see how to get CPU-only torch?",
    why: "A plain install brings the CUDA build of torch, and nothing else tells users of the other index.",
    remedy: "Put the install commands into the readme; comments in pyproject.toml never reach METADATA.",
    tags: ["torch", "documentation"],
  },
  "isa.contained": {
    title: "No instruction beyond the contract",
    question: "Is every instruction within the variant's ISA contract, or behind a named run-time choice?",
    why: "A CPU that has just what the name promises ends with an illegal instruction.",
    remedy:
      "Build it so that the build machine's CPU can't leak in, or publish it as the variant that it is.",
    tags: ["isa", "correctness"],
  },
  "isa.used": {
    title: "The promised instructions are there",
    question: "Does the machine code hold the instructions that the variant's name promises?",
    why: "Users choose the variant for its speed, and get the code of a lesser one.",
    remedy: "Look for cmake's warnings on disabled ISA support in the build's log, or drop the variant.",
    tags: ["isa", "performance"],
  },
  "runtime.resolve": {
    title: "It installs beside CPU-only torch",
    question: "Do pip and uv install the wheel beside CPU-only torch, and bring no GPU package?",
    why: "An installer that replaces torch undoes what the user has set up.",
    remedy: "Mend the requirements that bring GPU packages or another torch.",
    tags: ["torch", "runtime"],
  },
  "runtime.torch-cpu": {
    title: "torch is the CPU build",
    question: "Is the torch of the environment a CPU-only build?",
    why: "The CUDA build takes gigabytes and loads GPU libraries.",
    remedy: "Make the environment with `vllm-cpu-wheels setup`.",
    tags: ["torch", "runtime"],
  },
  "runtime.cuda-unavailable": {
    title: "torch sees no CUDA",
    question: "Is torch.cuda.is_available() False?",
    why: "Code takes GPU paths where torch says that there is one.",
    remedy: "Make the environment with `vllm-cpu-wheels setup`.",
    tags: ["torch", "runtime"],
  },
  "runtime.no-cuda-packages": {
    title: "No GPU package is installed",
    question: "Is the environment free of nvidia-* and cuda-* distributions?",
    why: "They take gigabytes, and their libraries can be loaded in place of others.",
    remedy: "Make the environment anew with `vllm-cpu-wheels setup`.",
    tags: ["torch", "runtime"],
  },
  "runtime.torchvision": {
    title: "torch's companions fit",
    question: "Do torchvision, torchaudio and torchcodec, where installed, work with this torch?",
    why: "A torchvision of the default index imports, and dies later: operator torchvision::nms does not exist.",
    remedy: "Take the companions from the same index as torch.",
    tags: ["torch", "runtime"],
  },
  "runtime.import": {
    title: "It imports",
    question: "Does the package import in a clean room, load its own libraries, and leave nothing behind?",
    why: "What can't be imported can't be used.",
    remedy: "The evidence has the error, and where a signal ended it the instruction.",
    tags: ["runtime"],
  },
  "runtime.kernels": {
    title: "Its kernels compute what torch does",
    question: "Do the wheel's operators compute the numbers that plain torch computes?",
    why: "Wrong kernels give wrong answers without a word.",
    remedy: "Compare the operator that the evidence names with torch's own.",
    tags: ["runtime", "correctness"],
  },
  "runtime.engine": {
    title: "The engine makes the right tokens",
    question:
      "Does the engine start, and continue prompts as plain torch does, in one process and as a server?",
    why: "The import of a wheel can succeed while its engine dies at the first step.",
    remedy: "Start the engine by hand with a small model; the evidence has the end of its messages.",
    tags: ["runtime", "correctness"],
  },
};
