import { z } from "zod";
import { rootMessageOf } from "../../errors/thrown.ts";
import { isWheelsError, type WheelsError, wheelsError } from "../../errors/wheels-error.ts";
import type { Host } from "../../host/host.ts";
import { ask } from "../../host/network/ask.ts";
import { type Page, type RequestOptions, request } from "../../host/network/http.ts";

export const assetSchema = z.object({
  id: z.number(),
  name: z.string(),
  /** `starter` for one whose upload broke off. */
  state: z.string(),
  size: z.number(),
  digest: z.string().nullish(),
  label: z.string().nullish(),
  url: z.string(),
});

export const releaseSchema = z.object({
  id: z.number(),
  tag_name: z.string(),
  draft: z.boolean(),
  body: z.string().nullish(),
  upload_url: z.string(),
  html_url: z.string(),
});

export type Asset = z.infer<typeof assetSchema>;
export type Release = z.infer<typeof releaseSchema>;

const PER_PAGE = 100;
/** GitHub lists no more than 10,000 releases, and takes 1,000 assets a release. */
const MOST_PAGES = 100;

/** GitHub's REST interface for one repository. Source: GitHub documentation, "REST API endpoints for releases". */
export interface GitHubApi {
  /** @throws E_GITHUB_API */
  call<T>(schema: z.ZodType<T>, path: string, options?: RequestOptions): Promise<T>;
  /** All pages of a list. @throws E_GITHUB_API */
  list<T>(schema: z.ZodType<T>, path: string): Promise<T[]>;
  /** Sends once: what a part of the body has done is for the caller to find out. Throws where no answer comes. */
  once(url: string, options: RequestOptions): Promise<Page>;
  failure(doing: string, page: Page): WheelsError;
}

/** @param repository OWNER/NAME */
export function githubApi(host: Host, repository: string): GitHubApi {
  const token = host.env["GITHUB_TOKEN"] || host.env["GH_TOKEN"] || "";
  const base = `${(host.env["GITHUB_API_URL"] || "https://api.github.com").replace(/\/+$/, "")}/repos/${repository}`;
  const headers = {
    accept: "application/vnd.github+json",
    "x-github-api-version": "2022-11-28",
    "user-agent": "vllm-cpu-actions",
    ...(token === "" ? {} : { authorization: `Bearer ${token}` }),
  };
  const failure = (doing: string, { status, text }: Page): WheelsError => {
    const said = /"message"\s*:\s*"([^"]{1,200})/.exec(text)?.[1] ?? text.slice(0, 200);
    const detail = `GitHub answered ${status}: ${said}`;
    return wheelsError("E_GITHUB_API", { doing, repository, detail, needsToken: token === "" });
  };
  const withHeaders = (options: RequestOptions): RequestOptions => ({
    ...options,
    headers: { ...headers, ...options.headers },
  });
  const call = async <T>(schema: z.ZodType<T>, path: string, options: RequestOptions = {}): Promise<T> => {
    const doing = `${options.method ?? "GET"} ${path}`;
    const url = /^https?:/.test(path) ? path : `${base}${path}`;
    try {
      const page = await ask(host, url, withHeaders(options));
      if (page.status >= 400) throw failure(doing, page);
      return schema.parse(page.text === "" ? null : JSON.parse(page.text));
    } catch (thrown) {
      if (isWheelsError(thrown)) throw thrown;
      const detail =
        thrown instanceof z.ZodError ? "Its answer has not the documented shape." : rootMessageOf(thrown);
      throw wheelsError("E_GITHUB_API", { doing, repository, detail, needsToken: token === "" }, thrown);
    }
  };
  return {
    call,
    failure,
    once: (url, options) => request(host, url, withHeaders(options)),
    async list(schema, path) {
      const all = [];
      for (let page = 1; page <= MOST_PAGES; page++) {
        const some = await call(z.array(schema), `${path}?per_page=${PER_PAGE}&page=${page}`);
        all.push(...some);
        if (some.length < PER_PAGE) break;
      }
      return all;
    },
  };
}
