import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { FormatError } from "../../src/wheel/format-error.ts";
import { linuxEnvironment, markerHolds } from "../../src/wheel/marker.ts";
import { exec } from "../support/run.ts";

const environment = linuxEnvironment("x86_64", "3.11.7");

/** What the packaging library that pip carries says of the same marker. */
function byPackaging(markers: string[]): boolean[] {
  const program = [
    "import json, sys",
    "from pip._vendor.packaging.markers import Marker",
    "markers, environment = json.loads(sys.argv[1])",
    "print(json.dumps([Marker(m).evaluate(environment) for m in markers]))",
  ].join("\n");
  const ran = exec("python3", ["-c", program, JSON.stringify([markers, environment])]);
  return JSON.parse(ran.stdout) as boolean[];
}

describe("markers", () => {
  test("hold as the packaging library says", () => {
    const markers = [
      'platform_machine == "x86_64" or platform_machine == "s390x" or platform_machine == "aarch64"',
      'platform_system == "Darwin" or platform_machine == "ppc64le"',
      'platform_machine != "s390x" and platform_machine != "riscv64"',
      'platform_machine == "x86_64" and python_version == "3.11"',
      'python_version >= "3.12" or (python_version < "3.12" and sys_platform == "linux")',
      "python_version == '3.9' and platform_machine != 's390x'",
      "python_version > '3.9'",
      "python_full_version >= '3.11.5'",
      '"linux" in sys_platform',
      '"win" not in sys_platform',
      "os_name == 'nt' and python_version < '4' or implementation_name == 'cpython'",
      "python_version ~= '3.10'",
      "python_version == '3.*'",
    ];
    expect(markers.map((marker) => markerHolds(marker, environment))).toEqual(byPackaging(markers));
  });

  test("an empty one holds", () => expect(markerHolds("  ", environment)).toBe(true));

  test.each([
    "python_version",
    "python_version >",
    "(python_version > '3'",
    "nonsense == '1'",
    "'a' == 'b' or",
    "a ' b",
  ])("%j is refused", (marker) => expect(() => markerHolds(marker, environment)).toThrow(FormatError));

  test("nothing else than an answer or a refusal comes of any text", () => {
    const word = fc.constantFrom(
      "python_version",
      "'3'",
      "and",
      "or",
      "(",
      ")",
      "in",
      "not",
      ">=",
      "==",
      '"x',
      " ",
      "x",
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 12 }), (words) => {
        try {
          expect(typeof markerHolds(words.join(" "), environment)).toBe("boolean");
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(FormatError);
        }
      }),
    );
  });
});
