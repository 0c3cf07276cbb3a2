import { expect, test } from "@jest/globals";
import { Arena, type MemoryGrant } from "../../src/verify/facts/arena.ts";

/** Lets waiting promises settle. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("work goes in while there is room, in its order, and what is too large goes in alone", async () => {
  const arena = new Arena(100);
  const inside: { name: string; place: MemoryGrant }[] = [];
  const enter = (name: string, size: number): void => {
    void arena.take(size, false).then((place) => inside.push({ name, place }));
  };
  const leave = async (name: string): Promise<void> => {
    const index = inside.findIndex((one) => one.name === name);
    const [one] = inside.splice(index, 1);
    if (one) arena.giveBack(one.place);
    await settle();
  };
  const names = (): string[] => inside.map(({ name }) => name);
  for (const [name, size] of [
    ["a", 60],
    ["b", 50],
    ["c", 10],
    ["huge", 500],
    ["d", 1],
  ] as const)
    enter(name, size);
  await settle();
  expect(names()).toEqual(["a"]);
  await leave("a");
  expect(names()).toEqual(["b", "c"]);
  await leave("b");
  await leave("c");
  expect(names()).toEqual(["huge"]);
  await leave("huge");
  expect(names()).toEqual(["d"]);
});

test("memory that was given back is used again where it is large enough", async () => {
  const arena = new Arena(100);
  const first = await arena.take(80, true);
  arena.giveBack(first);
  const second = await arena.take(40, true);
  expect(second.memory).toBe(first.memory);
  const third = await arena.take(50, true);
  expect(third.memory).not.toBe(first.memory);
  arena.giveBack(second);
  arena.giveBack(third);
  expect((await arena.take(90, true)).memory?.byteLength).toBe(90);
  expect((await arena.take(10, false)).memory).toBeNull();
});
