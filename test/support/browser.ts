import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect } from "@jest/globals";
import { type Browser, chromium, type Page } from "playwright-core";
import { root } from "./run.ts";

/** Where pages are kept as pictures, for people to look at. */
export const screenshots = join(root, ".test-cache", "screenshots");

/** Starts the system's Chromium, and makes the folder of the screenshots. */
export function launchBrowser(): Promise<Browser> {
  mkdirSync(screenshots, { recursive: true });
  return chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
  });
}

/** On a phone and on a desk, by day and by night. */
export const LOOKS = [
  [375, "light"],
  [375, "dark"],
  [1200, "light"],
  [1200, "dark"],
] as const;

/** How a page is looked at. */
export interface Look {
  width?: number;
  colorScheme?: "light" | "dark";
  javaScriptEnabled?: boolean;
}

/**
 * Opens a page; whatever it asks for, runs or complains of is a failure.
 * @param mayAsk whether the page may ask for an address; its own data may always
 */
export async function openPage(
  browser: Browser,
  address: string,
  { width = 1200, ...look }: Look,
  mayAsk: (url: string) => boolean,
  work: (page: Page) => Promise<void>,
): Promise<void> {
  const context = await browser.newContext({ viewport: { width, height: 900 }, ...look });
  const page = await context.newPage();
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => problems.push(message.text()));
  page.on("dialog", (dialog) => {
    problems.push(dialog.message());
    void dialog.dismiss();
  });
  page.on("request", (request) => {
    if (!mayAsk(request.url()) && !request.url().startsWith("data:")) problems.push(request.url());
  });
  await page.goto(address);
  await work(page);
  expect(problems).toEqual([]);
  await context.close();
}
