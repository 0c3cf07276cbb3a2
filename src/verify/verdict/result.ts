import { z } from "zod";
import { originSchema } from "../../wheel/origin.ts";
import { contentsSchema, firstUseSchema } from "../facts/contents.ts";
import { checkSchema } from "./check.ts";
import { isaSchema, judgedBySchema, LEVELS, torchSchema } from "./verdict.ts";

/** One wheel's or environment's answers, as `verify --json` lists them. */
export const resultSchema = z.object({
  wheel: z.string().nullable().describe("Path of the wheel; null for an environment"),
  environment: z.string().optional().describe("The environment, as it was named"),
  sha256: z.string().nullable(),
  size: z.number().optional().describe("Bytes of the wheel"),
  variant: z.string().nullable().describe("Variant of the manifest; null for a wheel of none"),
  result: z.enum(["pass", "fail"]),
  level: z.enum(LEVELS),
  torch: torchSchema,
  checks: z.array(checkSchema),
  isa: isaSchema,
  judgedBy: judgedBySchema.optional(),
  origin: originSchema
    .nullable()
    .optional()
    .describe("The wheel that it says it was made of under another name; null for none"),
  indexRefuses: z
    .array(z.string())
    .optional()
    .describe(
      "Rules of upload indexes such as PyPI that the wheel breaks; other targets take it all the same",
    ),
  contents: contentsSchema.optional(),
  firstUses: z.array(firstUseSchema).optional(),
});

/** One wheel's or environment's answers, as reports are made of them. */
export type Result = z.infer<typeof resultSchema>;

/** What `verify --json` prints. Published as schemas/verify.schema.json. */
export const verifyDocumentSchema = z
  .object({ results: z.array(resultSchema) })
  .describe("Answers of vllm-cpu-wheels verify --json");
