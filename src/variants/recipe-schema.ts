import { z } from "zod";
import { ISA_FEATURES } from "./features.ts";

const features = z.array(z.enum(ISA_FEATURES));
const environment = z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string());
const version = z.string().regex(/^\d+(\.\d+)*$/, "a version such as 12.3, in quotes");
const relativePath = z.string().regex(/^(?!\/)(?!.*\.\.)[\w./-]+$/, "a path below the source");

const compilers = z
  .strictObject({ gcc: version.optional(), clang: version.optional() })
  .describe("Oldest version of each compiler family that builds this; a family that is not named can't");

const edit = z
  .strictObject({
    file: relativePath.describe("File of the source"),
    find: z.string().min(1).describe("Text that must stand there exactly once"),
    replace: z.string().optional().describe("What stands there instead"),
    before: z.string().optional().describe("What is put before it"),
    after: z.string().optional().describe("What is put behind it"),
  })
  .refine(
    ({ replace, before, after }) =>
      [replace, before, after].filter((text) => text !== undefined).length === 1,
    {
      message: "an edit has one of replace, before, after",
    },
  );

const patch = z.strictObject({
  reason: z.string().min(1).describe("Why the source is changed"),
  edits: z.array(edit).min(1),
});

const dependency = z
  .strictObject({
    repository: z.string().regex(/^https:\/\//),
    ref: z
      .string()
      .regex(/^[\w.-]+$/)
      .describe("Tag or commit that the source's cmake file pins"),
    variable: z
      .string()
      .regex(/^[A-Z][A-Z0-9_]*$/)
      .describe("Variable that points the build at a local tree"),
    as: z.enum(["environment", "cmake"]).describe("Where the build reads that variable"),
    file: z.string().describe("File by which a tree of it is known, such as CMakeLists.txt"),
  })
  .describe("Source of another project that the build would fetch by itself");

const librarySource = z
  .strictObject({
    project: z
      .string()
      .regex(/^[a-z][a-z0-9]*$/)
      .describe("Name of the project, as in --numactl-source"),
    repository: z.string().regex(/^https:\/\//),
    ref: z.string().regex(/^[\w.-]+$/),
    file: relativePath.describe("File by which a tree of it is known"),
    soname: z.string().regex(/^lib[\w.+-]+\.so(\.\d+)*$/),
    language: z.enum(["c", "c++"]).optional().describe("Of its sources; c where it is left out"),
    sources: z.array(relativePath).min(1).describe("Files that the library is made of"),
    headers: z.array(relativePath).optional().describe("What a build that links it includes"),
    generated: z
      .record(relativePath, z.string())
      .optional()
      .describe("Files that its own configuring would write, by their text"),
    arguments: z
      .array(z.string().regex(/^-\S+$/, "one argument without blanks"))
      .optional()
      .describe("Beyond -O2 -fPIC -shared"),
  })
  .describe("How a library is built of another project's source");

const systemLibrary = z
  .strictObject({
    header: z.string().regex(/^[\w./-]+$/),
    library: z.string().regex(/^[\w.+-]+$/),
    packages: z
      .record(z.enum(["apt", "dnf", "zypper", "apk", "pacman"]), z.string())
      .describe("Package that brings it, by package manager"),
    source: librarySource
      .optional()
      .describe("Of which it is built for a glibc that this machine's own library is too new for"),
  })
  .describe("A library of the system, with its header, that the build links");

const kernels = z
  .strictObject({
    library: z
      .string()
      .regex(/^[A-Za-z_]\w*$/)
      .describe("Name of the extension module, without its suffix"),
    features: features.describe("What its code is compiled to use"),
    dispatched: features.optional().describe("What it uses beyond that, after asking the CPU"),
    patch: z
      .string()
      .optional()
      .describe("Patch that adds it to the build; built only where a variant needs it"),
  })
  .describe("One set of kernels of a build that makes several");

const target = z.strictObject({
  compilers: compilers.optional(),
  environment: environment.optional(),
  "cmake-arguments": z.array(z.string().regex(/^-\S+$/, "one argument without blanks")).optional(),
  dependencies: z.record(z.string(), dependency).optional(),
  switches: z
    .array(
      z.strictObject({
        needs: features.describe("Applies where the contract has all of these"),
        lacks: features.optional().describe("and none of these"),
        environment,
        compilers: compilers.optional(),
      }),
    )
    .optional()
    .describe("Variables by contract, for releases that build one variant at a time"),
  kernels: z.array(kernels).optional().describe("Sets of kernels, for releases that build them all at once"),
  refuses: z
    .array(z.strictObject({ needs: features, reason: z.string().min(1) }))
    .optional()
    .describe("Contracts that these releases can't be built for"),
});

export const recipeSchema = z.strictObject({
  extends: z.string().optional().describe("Another recipe whose settings this one adds to"),
  project: z.string().optional().describe("Name of the project in its pyproject.toml"),
  versions: z.string().optional().describe("Version specifiers (PEP 440)"),
  "by-name-only": z.boolean().optional().describe("Used only where --recipe names it"),
  requirements: relativePath
    .optional()
    .describe("Requirements file of the build; else build-system.requires"),
  torch: version.optional().describe("The torch release that these releases pin"),
  environment: environment.optional(),
  patches: z.array(z.string()).optional(),
  package: z
    .string()
    .regex(/^[A-Za-z_]\w*$/)
    .optional()
    .describe("Import package that holds the kernels and gets the module that chooses them"),
  assumptions: z
    .array(z.strictObject({ file: relativePath, text: z.string().min(1), because: z.string().min(1) }))
    .optional()
    .describe("Texts of the source that the recipe relies on"),
  "stable-abi": z
    .boolean()
    .optional()
    .describe("Its wheels keep to the stable ABI (abi3), so that one build serves every later Python"),
  libraries: z.array(systemLibrary).optional(),
  listed: z
    .array(librarySource)
    .optional()
    .describe("Libraries that the build takes along where ldconfig lists them; these alone are listed to it"),
  glibc: z
    .string()
    .regex(/^2\.\d{1,3}$/)
    .optional()
    .describe("The glibc that its wheels are built for where nobody asks for another"),
  resources: z
    .strictObject({
      "memory-per-job": z.number().int().positive().describe("MiB that one compiler takes at most"),
      disk: z.number().int().positive().describe("MiB of disk that a build takes"),
      seconds: z.number().int().positive().describe("CPU seconds of a whole build, for the first estimate"),
    })
    .optional(),
  targets: z.strictObject({ x86_64: target.optional(), aarch64: target.optional() }).optional(),
});

/** The recipes as written. Published as schemas/recipes.schema.json. */
export const recipesSchema = z
  .strictObject({
    $schema: z.string().optional(),
    version: z.literal(1),
    newest: z
      .strictObject({ project: z.string(), version })
      .describe("What is built where no source is named"),
    patches: z.record(z.string(), patch),
    recipes: z.record(z.string().regex(/^[a-z0-9]+([.-][a-z0-9]+)*$/), recipeSchema),
  })
  .describe("How ranges of releases are built for a variant");

export type RawRecipes = z.infer<typeof recipesSchema>;
export type RawRecipe = z.infer<typeof recipeSchema>;
export type RawTarget = z.infer<typeof target>;
export type Patch = z.infer<typeof patch>;
export type Edit = z.infer<typeof edit>;
export type Dependency = z.infer<typeof dependency>;
export type SystemLibrary = z.infer<typeof systemLibrary>;
export type LibrarySource = z.infer<typeof librarySource>;
export type Compilers = z.infer<typeof compilers>;
