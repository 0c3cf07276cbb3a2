import type { TorchRequest } from "../../torch/install.ts";
import type { Variant } from "../../variants/manifest.ts";
import type { Patch } from "../../variants/recipe-schema.ts";
import type { FoundRecipe } from "../../variants/recipes.ts";
import type { Unit } from "../../variants/units.ts";
import type { ReadySource } from "../source/source.ts";

/** One compile, which one or more variants' wheels are made from. */
export interface CompileRequest {
  unit: Unit;
  architecture: Variant["architecture"];
  found: FoundRecipe;
  patches: Readonly<Record<string, Patch>>;
  source: ReadySource;
  /** Python version such as 3.11; null for the Python on PATH. */
  python: string | null;
  /** null to choose. */
  jobs: number | null;
  torch: TorchRequest;
  /** Folders below the source that this run itself writes to. */
  exclude: readonly string[];
  /** Folder or git repository by the name of the project, for sources that would be fetched. */
  localSources: Readonly<Record<string, string>>;
  /** Go on where a build that broke off has ended. */
  resume: boolean;
  /** Keep what a build that breaks off has compiled, for the next run to go on. */
  keepBroken: boolean;
  /** Take nothing that an earlier build has made. */
  fresh: boolean;
  keepDebug: boolean;
  keepScratch: boolean;
  /** Server of compiled objects, as ccache's remote_storage names it; null for none. */
  remoteObjects: string | null;
  /** SOURCE_DATE_EPOCH, seconds. */
  epoch: number;
  /** The glibc that it is built for, such as 2.28; null for the machine's own. */
  floor: string | null;
  /** Distribution that the instructions in the source's pyproject.toml name. */
  distribution: string;
  /** `name==version` of packages that an earlier build had, to have them again; empty for the newest. */
  requirements: readonly string[];
  /** Variables that the user adds to the build's environment. */
  buildEnvironment: Readonly<Record<string, string>>;
}
