import { wheelsError } from "../errors/wheels-error.ts";
import { CPU_TORCH_INDEX } from "../wheel/install-commands.ts";
import { about, complete, type Values, words } from "./spec.ts";

/** Where torch comes from. */
export const TORCH = about("PyTorch", {
  "torch-index-url": {
    kind: "text",
    placeholder: "URL",
    default: null,
    byHand: true,
    help: `The index, or folder of wheels, that torch is taken from; without it ${CPU_TORCH_INDEX}.`,
  },
  "torch-packages": {
    kind: "text",
    placeholder: "NAMES",
    default: null,
    aliases: ["torch-package"],
    help: "The packages to take from there, with a space or comma between them; without it torch, and torchvision where that place has one.",
  },
  "torch-version": {
    kind: "text",
    placeholder: "X.Y.Z",
    default: null,
    byHand: true,
    help: "The exact version of torch; without it the one that the source asks for, else the newest.",
  },
});

/** @throws E_OPTION_VALUE where torch itself is not among the packages */
export function parseTorch(given: Partial<Values<typeof TORCH>>) {
  const {
    "torch-index-url": index,
    "torch-packages": list,
    "torch-version": version,
  } = complete(TORCH, given);
  const packages = list === null ? null : words(list);
  if (
    packages &&
    (!packages.includes("torch") || packages.some((name) => !/^[A-Za-z0-9][\w.-]*$/.test(name)))
  )
    throw wheelsError("E_OPTION_VALUE", {
      option: "--torch-packages",
      value: list ?? "",
      expected: "package names, torch among them",
    });
  if (version !== null && !/^\d+(\.\d+)*([a-z0-9.]*)(\+[a-z0-9.]+)?$/.test(version))
    throw wheelsError("E_OPTION_VALUE", {
      option: "--torch-version",
      value: version,
      expected: "a version such as 2.13.0",
    });
  return { index, packages, version };
}
