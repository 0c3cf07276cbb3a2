import { expect, test } from "@jest/globals";
import { type FleetJob, STRATEGIES, simulate } from "../../bench/lib/fleet.ts";

const job = (name: string, seconds: number, needs: string[] = [], isScarce = true): FleetJob => ({
  name,
  seconds,
  isScarce,
  needs,
});

test("jobs run on the first runner that is free, and after what they wait for", () => {
  const jobs = [job("a", 10), job("b", 4), job("c", 4), job("d", 1, ["a"])];
  expect(simulate(jobs, 2)).toEqual({ wall: 11, busy: 19, scarce: 19 });
  expect(simulate(jobs, 1).wall).toBe(19);
  expect(simulate([job("build", 5, [], false), job("proof", 3, ["build"])], 64)).toEqual({
    wall: 8,
    busy: 8,
    scarce: 3,
  });
  expect(() => simulate([job("a", 1, ["b"]), job("b", 1)], 1)).toThrow("waits for what does not come before");
});

test("one build takes the compile once, a job for each wheel takes it for each", () => {
  const times = { start: 1, compile: 100, warmCompile: 10, finish: 2, proof: 3 };
  const busy = Object.values(STRATEGIES).map((strategy) => simulate(strategy(times, 5, 3), 4).busy);
  expect(busy).toEqual([1 + 100 + 10 + 15 * 4, 1 + 10 + 10 + 15 * 4, 15 * 106]);
});
