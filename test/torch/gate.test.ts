import { describe, expect, test } from "@jest/globals";
import { parsePipConfig } from "../../src/host/network/pip-config.ts";
import {
  demandCpuOnly,
  gate,
  isGpuLocalVersion,
  isGpuPackage,
  type TorchFacts,
} from "../../src/torch/gate.ts";
import { uvIndexEnv } from "../../src/torch/index-settings.ts";

const torch = {
  version: "2.13.0+cpu",
  cuda: null,
  hip: null,
  xpu: null,
  cudaAvailable: false,
  cudaLibraries: [],
  file: "t",
};
const good: TorchFacts = {
  python: "3.11.7",
  executable: "python",
  error: null,
  distributions: [{ name: "torch", version: "2.13.0+cpu" }],
  torch,
  openmp: ["libgomp.so.1"],
  companions: [],
};

const failed = (facts: TorchFacts): string[] =>
  gate(facts)
    .filter(({ result }) => result === "fail")
    .map(({ id }) => id);

describe("the CPU-only gate", () => {
  test("lets CPU-only torch through, triton included", () => {
    expect(
      failed({ ...good, distributions: [...good.distributions, { name: "triton", version: "3" }] }),
    ).toEqual([]);
    expect(() => demandCpuOnly(good)).not.toThrow();
  });
  test("lets a build without +cpu through where torch has no GPU backend", () => {
    expect(failed({ ...good, torch: { ...torch, version: "2.13.0" } })).toEqual([]);
  });
  test.each<[string, TorchFacts, string[]]>([
    [
      "the CUDA build",
      { ...good, torch: { ...torch, version: "2.13.0+cu130", cuda: "13.0" } },
      ["runtime.torch-cpu"],
    ],
    [
      "a CUDA build that lies about its version",
      { ...good, torch: { ...torch, cuda: "13.0" } },
      ["runtime.torch-cpu"],
    ],
    ["the ROCm build", { ...good, torch: { ...torch, hip: "6.4" } }, ["runtime.torch-cpu"]],
    [
      "CUDA libraries among torch's files",
      { ...good, torch: { ...torch, cudaLibraries: ["libtorch_cuda.so"] } },
      ["runtime.torch-cpu"],
    ],
    ["a GPU in use", { ...good, torch: { ...torch, cudaAvailable: true } }, ["runtime.cuda-unavailable"]],
    [
      "a CUDA package",
      { ...good, distributions: [{ name: "nvidia-cublas", version: "1" }] },
      ["runtime.no-cuda-packages"],
    ],
    [
      "torchvision of the CUDA torch",
      {
        ...good,
        companions: [
          { name: "torchvision", version: "1", error: "operator torchvision::nms does not exist" },
        ],
      },
      ["runtime.torchvision"],
    ],
    [
      "two torch distributions",
      { ...good, distributions: [...good.distributions, { name: "Torch", version: "2.9.1" }] },
      ["runtime.torch-cpu"],
    ],
    [
      "two OpenMP runtimes",
      { ...good, openmp: ["torch/lib/libgomp.so.1", "torchvision.libs/libgomp.so.1"] },
      ["runtime.torch-cpu"],
    ],
    [
      "no torch",
      { ...good, torch: null, error: "ModuleNotFoundError" },
      ["runtime.torch-cpu", "runtime.cuda-unavailable"],
    ],
  ])("refuses %s", (_name, facts, ids) => {
    expect(failed(facts)).toEqual(ids);
    expect(() => demandCpuOnly(facts)).toThrow("not CPU-only");
  });
});

test("GPU packages are known by name, and nothing else is", () => {
  expect(["nvidia-cublas-cu12", "nvidia_nccl", "cuda-bindings", "cuda-toolkit"].map(isGpuPackage)).toEqual([
    true,
    true,
    true,
    true,
  ]);
  expect(["triton", "cudatext", "numpy"].map(isGpuPackage)).toEqual([false, false, false]);
  expect(["2.13.0+cu130", "2.13.0+rocm6.4"].map(isGpuLocalVersion)).toEqual([true, true]);
  expect(["2.13.0+cpu", "2.13.0"].map(isGpuLocalVersion)).toEqual([false, false]);
});

describe("the user's pip configuration", () => {
  const listing = [
    "global.extra-index-url='file:///a\\nfile:///b'",
    "global.index-url='https://one.example/simple'",
    "install.index-url='https://two.example/simple'",
    ":env:.index-url='https://three.example/simple'",
    ":env:.find-links='/x /y'",
  ].join("\n");
  const pip = parsePipConfig(listing);
  test("is read with pip's own precedence", () => {
    expect(pip).toEqual({
      indexUrl: "https://three.example/simple",
      extraIndexUrls: ["file:///a", "file:///b"],
      findLinks: ["/x", "/y"],
      cert: null,
    });
  });
  test("is told to uv, and what is set for uv wins", () => {
    expect(uvIndexEnv({}, pip)).toMatchObject({
      UV_DEFAULT_INDEX: "https://three.example/simple",
      UV_FIND_LINKS: "/x,/y",
    });
    expect(uvIndexEnv({ UV_DEFAULT_INDEX: "https://own.example" }, pip)).toEqual({});
  });
});
