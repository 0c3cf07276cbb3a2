import { z } from "zod";
import {
  FINDING_KINDS,
  type Finding,
  type FindingKindName,
  findingSchema,
} from "../../src/findings/findings.ts";

interface Node {
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  anyOf?: Node[];
  items?: Node;
  properties?: Record<string, Node>;
}

/** Some value of a form; a text says which field it is of. */
function sample(node: Node, name: string): unknown {
  if (node.const !== undefined) return node.const;
  if (node.enum) return node.enum[0];
  if (node.anyOf) return sample(node.anyOf[0] ?? {}, name);
  const type = Array.isArray(node.type) ? node.type[0] : node.type;
  if (type === "array") return [sample(node.items ?? {}, name)];
  if (type === "object")
    return Object.fromEntries(
      Object.entries(node.properties ?? {}).map(([key, inner]) => [key, sample(inner, key)]),
    );
  if (type === "number") return 3;
  if (type === "boolean") return true;
  return name === "file" ? "pkg/a.so" : name === "address" ? "0x10" : `some ${name}`;
}

/** A finding of each kind, made from its fields. */
export const SAMPLES: readonly Finding[] = (Object.keys(FINDING_KINDS) as FindingKindName[]).map((kind) => {
  const form = z.toJSONSchema(z.object(FINDING_KINDS[kind].fields as z.ZodRawShape), { io: "input" });
  return findingSchema.parse({ kind, ...(sample(form as Node, kind) as object) });
});
