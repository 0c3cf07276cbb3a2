import { lookup } from "node:dns/promises";
import { expect, test } from "@jest/globals";
import { documents, linksOf } from "../support/documents.ts";

const links = [...new Set(documents().flatMap(linksOf))].filter((link) => /^https?:/.test(link)).sort();
const hosts = new Map<string, boolean>();
for (const host of new Set(links.map((link) => new URL(link).hostname)))
  hosts.set(
    host,
    await lookup(host).then(
      () => true,
      () => false,
    ),
  );

for (const link of links) {
  const host = new URL(link).hostname;
  if (hosts.get(host))
    test(`${link} is there`, async () => {
      const { status } = await fetch(link, { signal: AbortSignal.timeout(60_000) });
      expect(status).toBeLessThan(400);
    });
  else test.skip(`${link} (this machine can't look ${host} up)`, () => {});
}
test("there are links to look at", () => expect(links.length).toBeGreaterThan(0));
