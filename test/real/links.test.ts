import { lookup } from "node:dns/promises";
import { expect, test } from "@jest/globals";
import { documents, linksOf } from "../support/documents.ts";
import { unless } from "../support/skip.ts";

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
  const hidden = hosts.get(host) ? null : `this machine can't look ${host} up`;
  unless(hidden)(`${link} is there`, async () => {
    const { status } = await fetch(link, { signal: AbortSignal.timeout(60_000) });
    expect(status).toBeLessThan(400);
  });
}
test("there are links to look at", () => expect(links.length).toBeGreaterThan(0));
