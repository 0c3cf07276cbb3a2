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
