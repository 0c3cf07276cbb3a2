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
