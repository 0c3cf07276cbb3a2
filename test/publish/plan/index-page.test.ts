import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { filesOfPage, type ListedFile } from "../../../src/publish/plan/index-page.ts";
import { runAlone } from "../../support/network-host.ts";
import { byPackaging, differing } from "../../support/packaging.ts";
import { proved, tool } from "../../support/publish.ts";
import { removeScratch, scratch, start } from "../../support/run.ts";
import { type Server, serve } from "../../support/server.ts";
import { tinyWheel } from "../../support/wheel.ts";

const { fileName: FILE, bytes: WHEEL } = tinyWheel({});
const HASH = "e".repeat(64);
const JSON_TYPE = "application/vnd.pypi.simple.v1+json";

interface Sample {
  name: string;
  type: string;
  body: Buffer;
}

const html = (name: string, text: string, type = "text/html", encoding: BufferEncoding = "utf8"): Sample => ({
  name,
  type,
  body: Buffer.from(
    `<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.0">${text}`,
    encoding,
  ),
});

const json = (name: string, file: object): Sample => ({
  name,
  type: JSON_TYPE,
  body: Buffer.from(JSON.stringify({ meta: { "api-version": "1.1" }, name: "tiny", files: [file] })),
});

const link = (attributes: string, text: string = FILE): string => `<a ${attributes}>${text}</a>`;
/** Pages of an index, each odd in one way. */
const PAGES: Sample[] = [
  html("plain", link(`href="${FILE}#sha256=${HASH}"`)),
  html("an absolute path", link(`href="/files/${FILE}"`)),
  html("a path up", link(`href="../../files/${FILE}"`)),
  html("another host", link(`href="https://files.example/a/${FILE}"`)),
  html("without scheme", link(`href="//files.example/a/${FILE}"`)),
  html("without text", link(`href="${FILE}"`, "")),
  html("another text", link(`href="${FILE}"`, "download")),
  html("tags in the text", link(`href="${FILE}"`, `<b>${FILE}</b>`)),
  html("upper case", `<A HREF="${FILE}">${FILE}</A>`),
  html("single quotes", link(`href='${FILE}'`)),
  html("no quotes", link(`href=${FILE}`)),
  html("spaces round the equals sign", link(`href = "${FILE}"`)),
  html("lines in the tag", link(`\n  data-x="1"\n  href="${FILE}"\n`)),
  html("a > in a value before", link(`data-requires-python=">=3.9" href="${FILE}"`)),
  html("requires-python with entities", link(`href="${FILE}" data-requires-python="&gt;=3.9,&lt;4"`)),
  html("an empty requires-python", link(`href="${FILE}" data-requires-python=""`)),
  html(
    "entities in the address",
    link(`href="/f?a=1&amp;b=2/../${FILE}"`) + link(`href="&#47;f&#x2f;${FILE}"`),
  ),
  html("a query", link(`href="${FILE}?token=a&amp;b=2#sha256=${HASH}"`)),
  html("yanked with a reason", link(`href="${FILE}" data-yanked="broken &amp; bad"`)),
  html("yanked without", link(`href="${FILE}" data-yanked`) + link(`data-yanked="" href="b/${FILE}"`)),
  html(
    "a local version",
    link(`href="tiny-1.0%2Bcpu-py3-none-any.whl"`) + link(`href="tiny-1.1+cpu-py3-none-any.whl"`),
  ),
  html("a base", `<base href="https://files.example/x/"></head>${link(`href="${FILE}"`)}`),
  html(
    "two bases",
    `<base href="https://one.example/"><base href="https://two.example/">${link(`href="${FILE}"`)}`,
  ),
  html("a base after the link", `${link(`href="${FILE}"`)}<base href="https://late.example/">`),
  html(
    "a base without address",
    `<base target="_blank"><base href="https://b.example/">${link(`href="${FILE}"`)}`,
  ),
  html("in a comment", `<!-- ${link(`href="no/${FILE}"`)} -->${link(`href="${FILE}"`)}`),
  html("in a script", `<script>var a = '${link(`href="no/${FILE}"`)}';</script>${link(`href="${FILE}"`)}`),
  html("in a style", `<style>${link(`href="no/${FILE}"`)}</style>${link(`href="${FILE}"`)}`),
  html("never closed", `<a href="${FILE}">${FILE}<br><a href="b/${FILE}">`),
  html("closes itself", `<a href="${FILE}"/>`),
  html("no address", link(`name="top"`) + link(`href=""`) + link(`href="${FILE}"`)),
  html("an address twice", link(`href="a/${FILE}" href="b/${FILE}"`)),
  html(
    "two hashes",
    link(`href="${FILE}#md5=0&amp;x=1"`) + link(`href="b/${FILE}#egg=x&amp;sha256=${HASH}"`),
  ),
  html(
    "a table and a list",
    `<table><tr><td>${link(`href="${FILE}"`)}<ul><li>${link(`href="b/${FILE}"`)}</table>`,
  ),
  html("a malformed tag before", `<p <b></p><${link(`href="${FILE}"`)}`),
  html("an abbr, an area and an svg", `<abbr href="no/${FILE}">x</abbr><svg></svg>${link(`href="${FILE}"`)}`),
  html("latin-1", `<p>\u00e9</p>${link(`href="${FILE}"`)}`, "text/html; charset=iso-8859-1", "latin1"),
  html("utf-16 that says so", link(`href="${FILE}"`), "text/html; charset=utf-16le", "utf16le"),
  html("a charset in quotes", link(`href="${FILE}"`), 'text/html;charset="UTF-8"'),
  html("its own type", link(`href="${FILE}"`), "application/vnd.pypi.simple.v1+html"),
  html("its own type in capitals", link(`href="${FILE}"`), "Application/VND.pypi.simple.v1+HTML"),
  json("JSON", { filename: FILE, url: FILE, hashes: { sha256: HASH }, size: 9, "requires-python": ">=3.9" }),
  json("JSON, yanked", { filename: FILE, url: `/f/${FILE}`, hashes: {}, yanked: true }),
  json("JSON, yanked for a reason", { filename: FILE, url: `/f/${FILE}`, hashes: {}, yanked: "bad" }),
  json("JSON, not yanked", {
    filename: FILE,
    url: `/f/${FILE}`,
    hashes: {},
    yanked: false,
    "requires-python": null,
  }),
];

const BASE = "https://index.example/simple/tiny/";
const seen = ({ fileName, url, sha256, requiresPython, yanked }: ListedFile) => ({
  fileName,
  // pip leaves a plus sign as it was written.
  url: url.replaceAll("%2B", "+"),
  sha256,
  requiresPython,
  yanked,
});

test("pip's own parser sees the same links on every page", () => {
  const program = [
    "import base64",
    "from pip._internal.index.collector import IndexContent, parse_links, _get_encoding_from_headers",
    "def ask(page):",
    "    headers = {'Content-Type': page['type']}",
    "    content = IndexContent(base64.b64decode(page['body']), page['type'], _get_encoding_from_headers(headers), page['url'], False)",
    "    return [{'fileName': l.filename, 'url': l.url_without_fragment.replace('%2B', '+'), 'sha256': l._hashes.get('sha256'),",
    "             'requiresPython': l.requires_python, 'yanked': l.yanked_reason} for l in parse_links(content)]",
  ].join("\n");
  const items = PAGES.map(({ name, type, body }) => ({
    name,
    type,
    body: body.toString("base64"),
    url: BASE,
  }));
  const pip = byPackaging(program, items);
  const ours = new Map(
    PAGES.map(({ name, type, body }) => [
      name,
      filesOfPage({ contentType: type, bytes: body, url: BASE }, "tiny").map(seen),
    ]),
  );
  expect(
    differing(
      PAGES.map(({ name }) => name),
      (name) => ours.get(name),
      pip,
    ),
  ).toEqual([]);
});

describe("over the wire", () => {
  let server: Server;
  let sent: { status: number; headers: Record<string, string>; body: Buffer | string };
  beforeAll(async () => {
    server = await serve((request, response) => {
      const path = (request.url ?? "").replace(/[?#].*/s, "");
      if (path.endsWith(`/${FILE}`)) return void response.end(WHEEL);
      if (path === "/login")
        return void response.writeHead(200, { "content-type": "text/html" }).end(SIGN_IN);
      response.writeHead(sent.status, sent.headers).end(sent.body);
    });
  });
  afterAll(async () => {
    await server.close();
    removeScratch();
  });

  const SIGN_IN = `<!DOCTYPE html><title>Sign in</title><h1>Sign in</h1><form action="/login"></form><a href="/help">Help</a>`;
  const xml = `<?xml version="1.0"?><ListBucketResult><Contents><Key>tiny/${FILE}</Key></Contents></ListBucketResult>`;
  const page = `<!DOCTYPE html><title>Links for tiny</title>${link(`href="${FILE}"`)}`;
  const text = (body: Buffer | string, type = "text/html", status = 200) => ({
    status,
    headers: { "content-type": type },
    body,
  });
  const listed = { filename: FILE, url: FILE, hashes: {} };
  const NO_INDEX: [string, () => typeof sent][] = [
    ["a sign-in page", () => text(SIGN_IN)],
    ["a redirect to one", () => ({ status: 302, headers: { location: "/login?next=secret" }, body: "" })],
    ["an empty body", () => text("")],
    ["an empty body of its own type", () => text("", JSON_TYPE)],
    ["a page without a type", () => ({ status: 200, headers: {}, body: page })],
    ["an XML listing", () => text(xml, "application/xml")],
    ["an XML listing that calls itself HTML", () => text(xml)],
    ["a page in UTF-16 that does not say so", () => text(Buffer.from(`\ufeff${page}`, "utf16le"))],
    ["a page that is not UTF-8", () => text(Buffer.from("<title>Links for tiny</title>\u00e9", "latin1"))],
    ["a page in a charset that nobody knows", () => text(page, "text/html; charset=klingon")],
    ["another API's JSON", () => text('{"files": [], "ok": true}', "application/json")],
    ["another API's JSON of the index's type", () => text('{"files": [], "ok": true}', JSON_TYPE)],
    ["JSON that breaks off", () => text('{"meta": {"api-version": "1.0"}, "files": [', JSON_TYPE)],
    [
      "JSON of another version",
      () => text(JSON.stringify({ meta: { "api-version": "2.0" }, files: [] }), JSON_TYPE),
    ],
    [
      "JSON of another project",
      () =>
        text(JSON.stringify({ meta: { "api-version": "1.0" }, name: "other", files: [listed] }), JSON_TYPE),
    ],
    [
      "JSON files without address",
      () => text(JSON.stringify({ meta: { "api-version": "1.0" }, files: [{ filename: FILE }] }), JSON_TYPE),
    ],
    ["HTML of another version", () => text(`<meta name="pypi:repository-version" content="2.0">${page}`)],
    [
      "another project's page",
      () => text(`<title>Links for other</title>${link('href="other-1.0.tar.gz"')}`),
    ],
    ["a wheel", () => text(WHEEL as Buffer, "application/octet-stream")],
    ["a status without a page", () => ({ status: 204, headers: {}, body: "" })],
  ];

  test.each(NO_INDEX)("%s is no answer: E_INDEX_READ", async (_name, answer) => {
    sent = answer();
    const to = [`--to=${server.url}/upload/`, `--check-url=${server.url}/simple`, "--json"];
    const ran = await start(["publish", proved(scratch()), ...to, "--dry-run"], { UV_PUBLISH_TOKEN: "x" })
      .ended;
    const { error } = JSON.parse(ran.stdout) as { error?: { code: string; why: string } };
    expect([ran.status, error?.code]).toEqual([4, "E_INDEX_READ"]);
    expect(error?.why).not.toContain("secret");
  });

  test("plan --skip-existing says so, too, with where the page came from", async () => {
    sent = { status: 302, headers: { location: "/login?next=secret" }, body: "" };
    const args = ["plan", "--variant=vllm-cpu", "--source=sample", `--skip-existing=${server.url}`, "--json"];
    const ran = await start(args).ended;
    const { error } = JSON.parse(ran.stdout) as { error: { code: string; why: string } };
    expect(error.code).toBe("E_INDEX_READ");
    expect(error.why).toContain(`${server.url}/login:`);
    expect(error.why).toContain("Sign in");
  });

  test.each([
    ["a project without files yet", text("<title>Links for Tiny</title><h1>Links for Tiny</h1>")],
    [
      "a repository's version alone",
      text('<meta name="pypi:repository-version" content="1.1"><body></body>'),
    ],
    ["an empty folder of a web server", text("<title>Index of /simple/tiny/</title><a href='../'>../</a>")],
    [
      "JSON without files",
      text(JSON.stringify({ meta: { "api-version": "1.4" }, name: "Tiny", files: [] }), JSON_TYPE),
    ],
    ["no such project", text("", "text/plain", 404)],
  ])("%s is an answer: nothing there", async (_name, answer) => {
    sent = answer;
    const to = [`--to=${server.url}/upload/`, `--check-url=${server.url}/simple`, "--json", "--dry-run"];
    const ran = await start(["publish", proved(scratch()), ...to], { UV_PUBLISH_TOKEN: "x" }).ended;
    expect([ran.status, ran.stdout.includes("E_INDEX_READ")]).toEqual([0, false]);
  });

  const WITH_UV = PAGES.filter(({ name }) =>
    [
      "plain",
      "an absolute path",
      "without text",
      "another text",
      "tags in the text",
      "upper case",
      "single quotes",
      "no quotes",
      "lines in the tag",
      "a > in a value before",
      "a table and a list",
      "its own type",
      "a charset in quotes",
      "JSON",
    ].includes(name),
  );
  test.each(WITH_UV.map((one): [string, Sample] => [one.name, one]))(
    "uv finds the file too: %s",
    async (_name, one) => {
      const body = one.body.toString().replaceAll(`#sha256=${HASH}`, "").replaceAll(`"sha256":"${HASH}"`, "");
      sent = text(body, one.type);
      const args = [
        "pip",
        "compile",
        "-",
        "--no-config",
        "--no-cache",
        "--quiet",
        "--index-url",
        `${server.url}/simple`,
      ];
      const ran = await runAlone(tool("uv"), args, {}, "tiny");
      expect([ran.stderr, ran.stdout.includes("tiny==")]).toEqual(["", true]);
    },
  );
});
