import { wheelsError } from "../errors/wheels-error.ts";
import type { TorchRequest } from "../torch/install.ts";

type TorchOptions = {
  "torch-index-url": string | null;
  "torch-packages": string | null;
  "torch-version": string | null;
};

/** @throws E_OPTION_VALUE where torch itself is not among the packages */
export function torchRequest(options: TorchOptions): TorchRequest {
  const names = options["torch-packages"]?.split(/[\s,]+/).filter((name) => name !== "") ?? null;
  if (names && (!names.includes("torch") || names.some((name) => !/^[A-Za-z0-9][\w.-]*$/.test(name)))) {
    throw wheelsError("E_OPTION_VALUE", {
      option: "--torch-packages",
      value: options["torch-packages"] ?? "",
      expected: "package names, torch among them",
    });
  }
  const version = options["torch-version"];
  if (version !== null && !/^\d+(\.\d+)*([a-z0-9.]*)(\+[a-z0-9.]+)?$/.test(version)) {
    throw wheelsError("E_OPTION_VALUE", {
      option: "--torch-version",
      value: version,
      expected: "a version such as 2.13.0",
    });
  }
  return { index: options["torch-index-url"], packages: names, version };
}
