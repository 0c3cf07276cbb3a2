import { z } from "zod";
import { ISA_FEATURES } from "./features.ts";

const features = z
  .array(z.enum(ISA_FEATURES))
  .describe("ISA features in Linux cpuinfo spelling, or a psABI level");

const version = z.string().regex(/^\d+(\.\d+)*$/, "a version such as 12.3, in quotes");

const dispatch = z
  .strictObject({
    file: z.string().describe("Glob over the library's path in the wheel"),
    symbol: z
      .string()
      .optional()
      .describe("Glob over demangled function names; all of the file where left out"),
    features: features.describe("What the dispatched code may use beyond the contract"),
    reason: z.string().describe("What chooses at run time, and how one can see it"),
  })
  .describe("Code that may go beyond the contract, because it runs only after asking the CPU");

const unnamedCode = z
  .strictObject({
    file: z.string().describe("Glob over the library's path in the wheel"),
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/, "the codeSha256 of the library, as isa.contained states it")
      .describe("Digest of the library's machine code: another build is another digest"),
    reason: z.string().describe("What the bytes are, and how one can see it"),
  })
  .describe(
    "A library in whose code bytes lie that nothing names or leads to, and that could be instructions beyond the contract; somebody looked at them",
  );

export const variantSchema = z.strictObject({
  extends: z.string().optional().describe("Another variant of this manifest whose settings this one adds to"),
  description: z.string().min(1).optional().describe("One line for people; becomes the wheel's summary"),
  distribution: z
    .string()
    .regex(/^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/, "a distribution name (PEP 508)")
    .optional()
    .describe("Distribution name; the variant's own name where left out"),
  architecture: z.enum(["x86_64", "aarch64"]).optional(),
  isa: z
    .strictObject({
      "may-use": features.optional().describe("Features the machine code may use (what they imply included)"),
      "must-use": features.optional().describe("Features it must use, or its name promises too much"),
      "run-time-dispatch": z.array(dispatch).optional(),
      "unnamed-code": z.array(unnamedCode).optional(),
    })
    .optional()
    .describe("The ISA contract"),
  packages: z
    .array(z.string().regex(/^[A-Za-z_]\w*$/, "a name that can be imported"))
    .optional()
    .describe(
      "Packages and modules that a wheel of the variant may install, beside those named after its distribution; any where left out",
    ),
  "runner-labels": z.array(z.string().min(1)).optional().describe("Labels of runners that build and run it"),
  build: z
    .strictObject({
      environment: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string()).optional(),
      compiler: z
        .strictObject({ gcc: version.optional(), clang: version.optional() })
        .optional()
        .describe("Oldest compiler that makes the contract's instructions"),
    })
    .optional(),
});

/** A manifest as written. Published as schemas/variants.schema.json. */
export const manifestSchema = z
  .strictObject({
    $schema: z.string().optional(),
    version: z.literal(1),
    variants: z.record(
      z
        .string()
        .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, "a variant name: lower-case letters, digits and single hyphens"),
      variantSchema,
    ),
  })
  .describe("Variants of a native CPU wheel: distribution names, ISA contracts, how they are built");

export type RawManifest = z.infer<typeof manifestSchema>;
export type RawVariant = z.infer<typeof variantSchema>;
export type RuntimeDispatch = z.infer<typeof dispatch>;
export type UnnamedCode = z.infer<typeof unnamedCode>;
