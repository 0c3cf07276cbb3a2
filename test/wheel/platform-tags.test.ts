import { expect, test } from "@jest/globals";
import { isPlatformTag, isUploadTag } from "../../src/wheel/platform-tags.ts";
import { byPackaging, differing } from "../support/packaging.ts";

/** Tags, and whether the index takes them: answers of warehouse's `_valid_platform_tag` at the commit that the table names. */
const UPLOADS: [string, boolean][] = [
  ["any", true],
  ["win32", true],
  ["win_amd64", true],
  ["win_arm64", true],
  ["win_ia64", true],
  ["linux_x86_64", false],
  ["linux_aarch64", false],
  ["linux_armv6l", true],
  ["linux_armv7l", true],
  ["manylinux1_x86_64", true],
  ["manylinux1_i686", true],
  ["manylinux1_aarch64", false],
  ["manylinux2010_aarch64", false],
  ["manylinux2010_x86_64", true],
  ["manylinux2014_aarch64", true],
  ["manylinux2014_riscv64", false],
  ["manylinux2014_ppc64", true],
  ["manylinux_2_34_x86_64", true],
  ["manylinux_2_39_riscv64", true],
  ["manylinux_2_36_loongarch64", false],
  ["manylinux_2_34_x86_65", false],
  ["manylinux_2_34", false],
  ["musllinux_1_2_x86_64", true],
  ["musllinux_1_2_ppc64", false],
  ["macosx_10_9_universal2", true],
  ["macosx_11_0_arm64", true],
  ["macosx_11_1_arm64", false],
  ["macosx_16_0_arm64", false],
  ["macosx_11_0_arm65", false],
  ["ios_13_0_arm64_iphoneos", true],
  ["android_21_arm64_v8a", true],
  ["pyemscripten_2026_0_wasm32", true],
  ["windows", false],
  ["", false],
];

test.each(UPLOADS)("%s is taken by the index: %s", (tag, taken) => {
  expect(isUploadTag(tag)).toBe(taken);
  // Nothing is taken that nobody can install.
  if (taken) expect(isPlatformTag(tag)).toBe(true);
});

test("every tag that packaging makes for a Linux machine is known", () => {
  const program = [
    "from packaging import _manylinux, _musllinux, tags",
    "def ask(machine):",
    "    _manylinux._get_glibc_version = lambda: (2, 41)",
    "    _manylinux._is_compatible = lambda *args: True",
    "    _manylinux._have_compatible_abi = lambda *args: True",
    "    return sorted(set(_manylinux.platform_tags([machine])))",
  ].join("\n");
  const machines = ["x86_64", "i686", "aarch64", "armv7l", "ppc64le", "s390x", "riscv64", "loongarch64"];
  const made = byPackaging<string, string[]>(program, machines).flatMap((tags) => tags ?? []);
  expect(made.length).toBeGreaterThan(100);
  // packaging names the older forms for every machine; PEP 513, 571 and 599 define them for some alone.
  const newer = made.filter((tag) => tag.startsWith("manylinux_"));
  expect(
    differing(
      newer,
      isPlatformTag,
      newer.map(() => true),
    ),
  ).toEqual([]);
});
