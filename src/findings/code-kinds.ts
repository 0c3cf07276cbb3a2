import { z } from "zod";
import { file, kind, placeSchema } from "./kind.ts";

const feature = z.string().describe("ISA feature, as Linux's cpuinfo spells it");
const count = z.number().describe("Instructions");
const places = z.array(placeSchema).describe("The first of them");

/** What machine code holds, beside its contract. */
export const CODE_KINDS = {
  "beyond-contract": kind(
    {
      file,
      feature,
      count,
      places,
      variant: z.string().describe("Whose contract it is"),
      known: z.boolean().describe("False for a feature that no manifest can name"),
    },
    ({ file: path, feature: name, count: number }) => `${number} × ${name} in ${path}`,
    ([first]) =>
      `A CPU with just ${first?.variant}'s contract dies of an illegal instruction here. Build it so that the host can't leak in (build_wheels.sh does), or publish it under the variant it is.`,
  ),
  "executable-data": kind(
    { file, feature, count, places, bytes: z.number().describe("Of data that is mapped executable") },
    ({ file: path, feature: name, count: number, bytes }) =>
      `${bytes} bytes of ${path} are mapped executable although its section table calls them data; read as code they hold ${number} × ${name}`,
    () =>
      "Link it with -z separate-code (binutils 2.31 and later do), so that no data is executable; for a library of others name the features under run-time-dispatch in the manifest.",
  ),
  "unattributed-bytes": kind(
    {
      file,
      feature,
      count,
      places,
      readsLike: z.enum(["code", "constants"]).describe("What the bytes look like"),
      codeSha256: z.string().optional().describe("Digest by which a manifest can name the library's code"),
    },
    ({ file: path, feature: name, count: number, readsLike }) =>
      `${number} × ${name} in ${path} (reads like ${readsLike}), in bytes that no symbol, unwind entry, branch or pointer leads to`,
    () =>
      "These are data, or code that is hidden. Keep data out of the code and give code a symbol of type function; or look at the bytes and name the library's codeSha256 under isa.unnamed-code in the manifest.",
  ),
  "undecodable-code": kind(
    { file, count: z.number().describe("Byte sequences that are no known instruction") },
    ({ file: path, count: number }) =>
      `${path} has ${number} places that are no instruction the decoder knows`,
    () =>
      "A compiler told to build for a newer CPU than the contract's makes such code (APX, AVX10); look at the flags, or keep data out of the code.",
  ),
  "unaudited-code": kind(
    { file, problem: z.string().describe("Why a library that can be read was not audited") },
    ({ file: path, problem }) => `${path}: ${problem}`,
    () =>
      "Nothing is proven of code that was not read to its end. Build the library for x86-64 with a usual compiler and linker: the machine code of other architectures, and code made so that reading it takes too much time or memory, is not audited.",
  ),
  "absent-feature": kind(
    { feature },
    ({ feature: name }) => `claims ${name}, holds none`,
    () => "The compiler switched the ISA off; look for cmake's “Disable … ISA support” in the log.",
  ),
  "same-code": kind(
    { wheels: z.array(z.string()).describe("Wheels verified together with it") },
    ({ wheels }) => `same machine code as ${wheels.join(", ")}`,
  ),
  "no-library": kind(
    {},
    () => "there is no library in the wheel, so nothing of what its name promises",
    () => "Look into the build's log: it made no extension.",
  ),
};
