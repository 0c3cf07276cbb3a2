import { z } from "zod";

const counts = z
  .array(z.number().nullable())
  .describe("One of each wheel, in their order; null where it has none");

/** What `compare --json` prints. Published as schemas/compare.schema.json. */
export const comparisonSchema = z
  .object({
    answer: z.string().describe("Whether each variant is worth a wheel of its own, in sentences"),
    worth: z
      .enum(["no", "partly", "hardly", "yes", "unknown"])
      .describe(
        "no: all wheels hold the same machine code; partly: some do; hardly: other bytes, yet as many instructions of each feature; yes: other features or counts; unknown: not decoded",
      ),
    wheels: z.array(
      z.object({
        wheel: z.string(),
        sha256: z.string(),
        size: z.number().describe("Bytes"),
        unpacked: z.number().describe("Bytes"),
        variant: z.string().nullable(),
        claimed: z.array(z.string()).describe("Features that the variant's name promises"),
      }),
    ),
    sameCode: z
      .array(z.array(z.number()))
      .describe("Wheels by number, grouped by equal machine code in all libraries"),
    libraries: z.array(
      z.object({
        path: z.string(),
        equal: z.boolean().describe("True where every wheel has it, with the same machine code"),
        codeSha256: z.array(z.string().nullable()),
        bytes: counts.describe("Bytes of machine code"),
        features: z.record(z.string(), counts).describe("Features whose instructions differ in number"),
        movedFrom: z
          .string()
          .optional()
          .describe("Another name under which other wheels have this very code"),
      }),
    ),
    isa: z.record(z.string(), z.array(z.number())).describe("Instructions by feature over all libraries"),
    folders: z.array(
      z.object({
        path: z.string(),
        packed: counts.describe("Bytes, compressed"),
        unpacked: counts.describe("Bytes"),
      }),
    ),
    metadata: z
      .array(
        z.object({
          header: z.string(),
          value: z.string(),
          wheels: z.array(z.number()).describe("The wheels that have this line"),
        }),
      )
      .describe("Lines of METADATA that not every wheel has"),
    files: z
      .object({
        equal: z
          .number()
          .describe("Files other than libraries and dist-info that are the same in all wheels"),
        different: z.array(z.string()),
        notInAll: z.array(z.object({ path: z.string(), wheels: z.array(z.number()) })),
      })
      .describe("Lists are cut at 200 names"),
  })
  .describe("Answers of vllm-cpu-wheels compare --json");

/** Wheels against each other, with the answer in sentences. */
export type Comparison = z.infer<typeof comparisonSchema>;
