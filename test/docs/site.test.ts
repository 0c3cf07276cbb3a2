import { appendFileSync, cpSync, existsSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { extname, join, normalize } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Browser } from "playwright-core";
import { LOOKS, launchBrowser, openPage, screenshots } from "../support/browser.ts";
import { documents } from "../support/documents.ts";
import { exec, type Ran, removeScratch, root, scratch } from "../support/run.ts";
import { type Server, serve } from "../support/server.ts";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".css": "text/css",
  ".js": "text/javascript",
  ".json": "application/json",
  ".svg": "image/svg+xml",
};

/** Builds the site in a copy of what it is made of. @returns the copy's folder, and how it went */
function build(change: (folder: string) => void = () => undefined): { folder: string; ran: Ran } {
  const folder = scratch();
  for (const name of ["docs", "scripts"]) cpSync(join(root, name), join(folder, name), { recursive: true });
  // All else is what documents link to.
  for (const name of readdirSync(root).filter((one) => !/^(docs|scripts|site|\.git)$/.test(one)))
    symlinkSync(join(root, name), join(folder, name));
  change(folder);
  const PATH = `${join(root, ".test-cache", "tools", "bin")}:${process.env["PATH"]}`;
  return {
    folder,
    ran: exec(process.execPath, [join(folder, "scripts", "site.mjs")], { cwd: folder, env: { PATH } }),
  };
}

let site: Server;
let browser: Browser;

beforeAll(async () => {
  const { folder, ran } = build();
  expect([ran.status, ran.stderr]).toEqual([0, ""]);
  expect(ran.stdout).toBe(`site/html has ${documents().length + 1} pages\n`);
  site = await serve((request, response) => {
    const path = join(folder, "site", "html", normalize(new URL(request.url ?? "/", "http://x").pathname));
    const found = existsSync(path) && path !== join(folder, "site", "html");
    response.writeHead(found ? 200 : 404, { "content-type": TYPES[extname(path)] ?? "text/plain" });
    response.end(found ? readFileSync(path) : "");
  });
  browser = await launchBrowser();
}, 300_000);

afterAll(async () => {
  await browser.close();
  await site.close();
  removeScratch();
});

describe.each(["index", "vllm-on-a-cpu", "ship-wheels", "gate", "self-hosted-runners"])(
  "the page %s",
  (name) => {
    test.each(LOOKS)(
      "fits a window of %i pixels, %s, and asks nobody else for anything",
      async (width, colorScheme) => {
        const address = `${site.url}/${name}.html`;
        await openPage(
          browser,
          address,
          { width, colorScheme },
          (url) => url.startsWith(site.url),
          async (page) => {
            await page.screenshot({ path: join(screenshots, `site-${name}-${width}-${colorScheme}.png`) });
            expect(await page.evaluate("document.documentElement.scrollWidth - window.innerWidth")).toBe(0);
            expect(await page.locator("h1").count()).toBe(1);
          },
        );
      },
    );
  },
);

test("the start page leads to each task", async () => {
  await openPage(
    browser,
    `${site.url}/index.html`,
    {},
    (url) => url.startsWith(site.url),
    async (page) => {
      const links = await page
        .locator("table a")
        .evaluateAll((all) => all.map((one) => one.getAttribute("href")));
      for (const name of ["vllm-on-a-cpu", "ship-wheels", "gate", "self-hosted-runners"])
        expect(links.some((link) => link?.startsWith(`${name}.html`))).toBe(true);
    },
  );
});

test("a search for an error's code finds its remedy", async () => {
  await openPage(
    browser,
    `${site.url}/index.html`,
    {},
    (url) => url.startsWith(site.url) || url.startsWith("blob:"),
    async (page) => {
      // Key by key: the site listens to keys, and would miss what is put into the field in one go.
      await page.getByRole("textbox", { name: "Search" }).pressSequentially("E_GLIBC_FLOOR");
      const first = page.locator(".md-search-result__item a[href*='e_glibc_floor']").first();
      await first.waitFor();
      await page.screenshot({ path: join(screenshots, "site-search.png") });
      await first.click();
      await page.waitForURL(/errors\.html.*#e_glibc_floor$/);
    },
  );
});

test.each([
  ["a link that leads nowhere", "[x](nowhere.md)", "nowhere.md"],
  ["an anchor that is not there", "[x](errors.md#nope)", "#nope"],
])(
  "%s fails the build",
  (_name, text, told) => {
    const { ran } = build((folder) => appendFileSync(join(folder, "docs", "gate.md"), `\n${text}\n`));
    expect(ran.status).toBe(1);
    expect(ran.stderr).toContain(told);
  },
  120_000,
);
