import { type Server, serve } from "./server.ts";

/** An index with pages of torch and torchvision for the CPU below /whole, and of torch alone below /half; it has no files. */
export function torchPages(): Promise<Server> {
  const page = (name: string, version: string): string => {
    const file = `${name}-${version}+cpu-cp311-cp311-manylinux_2_28_x86_64.whl`;
    return `<!DOCTYPE html><html><body><a href="/f/${encodeURIComponent(file)}">${file}</a></body></html>`;
  };
  return serve((request, response) => {
    const [, index = "", name = ""] = (request.url ?? "").split("/");
    const has = index === "whole" ? ["torch", "torchvision"] : index === "half" ? ["torch"] : [];
    if (!has.includes(name)) return void response.writeHead(404).end();
    const body = page(name, name === "torch" ? "2.13.0" : "0.28.0");
    return void response.writeHead(200, { "content-type": "text/html" }).end(body);
  });
}
