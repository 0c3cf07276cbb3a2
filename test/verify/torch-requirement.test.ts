import { expect, test } from "@jest/globals";
import { factsOf } from "../support/facts.ts";
import { tinyWheel } from "../support/wheel.ts";

/** The requirement on torch that a wheel with this tag and these Requires-Dist lines is judged by. */
function torchOf(tag: string, ...lines: readonly string[]) {
  const metadata = `${lines.map((line) => `Requires-Dist: ${line}\n`).join("")}\nText.\n`;
  const { fileName, bytes } = tinyWheel({ tag, metadata });
  return factsOf(fileName, bytes).torch;
}

const X64 = "cp312-cp312-manylinux_2_28_x86_64";

test("a line for another machine hides none for this one", () => {
  const torch = torchOf(
    X64,
    'torch==2.13.0; platform_machine == "ppc64le"',
    'torch==2.13.0+cpu; platform_machine == "x86_64" or platform_machine == "aarch64"',
  );
  expect(torch).toMatchObject({ pinned: "2.13.0+cpu", isLocal: true });
});

test("a line that holds nowhere the wheel goes does not count", () => {
  expect(torchOf(X64, 'torch==2.13.0+cpu; platform_machine == "s390x"')).toBeNull();
  expect(torchOf(X64, 'torch==2.13.0+cpu; extra == "gpu"')).toBeNull();
  expect(torchOf(X64, 'torch==2.13.0+cpu; python_version < "3.12"')).toBeNull();
  expect(torchOf("cp38-abi3-linux_x86_64", 'torch==2.13.0+cpu; python_version < "3.12"')?.isLocal).toBe(true);
});

test("of several lines that hold, the one that harms most counts; an unreadable marker holds", () => {
  expect(torchOf(X64, "torch==2.13.0", "torch>=2.0")?.pinned).toBeNull();
  expect(torchOf(X64, "torch==2.13.0; no_such_name == '1'")?.pinned).toBe("2.13.0");
});
