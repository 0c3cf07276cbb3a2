/** What a user must know to install a wheel beside CPU-only torch. */
export interface InstallFacts {
  distribution: string;
  /** The wheel's version without its local part. */
  version: string;
  /** CPU-only torch that it takes, as torch reports itself, e.g. 2.13.0+cpu. */
  torchVersion: string;
  /** Packages that the wheel requires and that must be of the same index as torch. */
  companions: readonly string[];
}

/** The public index that users are told of, whatever mirror the build itself used. */
export const CPU_TORCH_INDEX = "https://download.pytorch.org/whl/cpu";

/** The commands that install CPU-only torch, then the wheel. */
export const installCommands = ({
  distribution,
  version,
  torchVersion,
  companions,
}: InstallFacts): string[] => [
  `pip install ${[`torch==${torchVersion}`, ...companions].join(" ")} --index-url ${CPU_TORCH_INDEX}`,
  `pip install ${distribution}==${version}`,
];

/** The command that installs a requirement by URL, which no index takes in metadata; a marker's own quotes are double ones then. */
export const directCommand = (requirement: string): string =>
  `pip install '${requirement.replaceAll("'", '"')}'`;

/** The requirements by URL that a description tells of in such commands; of any description, since nobody vouches for one. */
export const directsIn = (description: string): string[] =>
  [...description.matchAll(/^[ \t]*pip install '([^'\n]+ @ [^'\n]+)'$/gm)].map(
    ([, requirement = ""]) => requirement,
  );
