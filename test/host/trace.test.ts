import { expect, test } from "@jest/globals";
import { ninjaSteps } from "../../src/build/compile/ninja-log.ts";
import { chromeTrace, type Span, slowestStages } from "../../src/host/trace.ts";

const span = (name: string, from: number, to: number, kind: Span["kind"] = "program"): Span => ({
  name,
  kind,
  from,
  to,
});

const rows = (spans: Span[]): [string, number, number, number | undefined][] =>
  chromeTrace(spans)
    .traceEvents.filter(({ ph }) => ph === "X")
    .map(({ name, tid, ts, dur }) => [name, tid, ts, dur]);

test("what ran at the same time is in rows of its own, and times begin at the first", () => {
  expect(rows([span("a", 100, 300), span("b", 200, 250), span("c", 300, 400)])).toEqual([
    ["a", 2000, 0, 200_000],
    ["b", 2001, 100_000, 50_000],
    ["c", 2000, 200_000, 100_000],
  ]);
});

test("each kind has its own rows, and every row a name", () => {
  const { traceEvents } = chromeTrace([span("s", 0, 9, "stage"), span("x.o", 1, 2, "compile step")]);
  const names = traceEvents.filter(({ ph }) => ph === "M").map(({ tid, args }) => [tid, args?.["name"]]);
  expect(names).toEqual([
    [1000, "stages"],
    [3000, "compile steps"],
  ]);
});

test("a run of nothing is an empty trace", () => {
  expect(chromeTrace([]).traceEvents).toEqual([]);
  expect(slowestStages([], 5)).toEqual([]);
});

test("the slowest stages come first, and programs are none", () => {
  const spans = [span("x...", 0, 2000, "stage"), span("y", 0, 5000, "stage"), span("p", 0, 9000)];
  expect(slowestStages(spans, 1)).toEqual([{ name: "y", seconds: 5 }]);
  expect(slowestStages(spans, 5)[1]?.name).toBe("x");
});

test("of a ninja log the last run counts, and a step with two outputs is one", () => {
  const log = [
    "# ninja log v6",
    "0\t900\t1\told.o\ta",
    "0\t100\t1\tb.o\tb",
    "50\t300\t1\tc.o\tc",
    "300\t400\t1\tlib.so\td",
    "300\t400\t1\tlib.map\td",
    "cut short\t",
  ].join("\n");
  expect(ninjaSteps(log)).toEqual([
    { output: "b.o", from: 0, to: 100 },
    { output: "c.o", from: 50, to: 300 },
    { output: "lib.so", from: 300, to: 400 },
  ]);
  expect(ninjaSteps("")).toEqual([]);
});
