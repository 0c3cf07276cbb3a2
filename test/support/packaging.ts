import { exec } from "./run.ts";

/** Python of the tools' environment, which has `packaging`; made by ./run_tests.sh. */
const PYTHON = new URL("../../.test-cache/tools/bin/python", import.meta.url).pathname;

/** What a Python function `ask(item)`, defined by the program, answers for each item; null where it raises. */
export function byPackaging<Item, Answer>(program: string, items: readonly Item[]): (Answer | null)[] {
  const driver = [
    "import json, sys",
    program,
    "def answer(item):",
    "    try:",
    "        return ask(item)",
    "    except Exception:",
    "        return None",
    "print(json.dumps([answer(item) for item in json.load(sys.stdin)]))",
  ].join("\n");
  const ran = exec(PYTHON, ["-c", driver], { input: JSON.stringify(items) });
  if (ran.status !== 0) throw new Error(ran.stderr);
  return JSON.parse(ran.stdout) as (Answer | null)[];
}

/** Items on which two readers differ, with what each says; empty where they agree. */
export function differing<Item>(
  items: readonly Item[],
  ours: (item: Item) => unknown,
  theirs: readonly unknown[],
): unknown[] {
  return items
    .map((item, index) => ({ item, ours: ours(item), theirs: theirs[index] }))
    .filter((one) => JSON.stringify(one.ours) !== JSON.stringify(one.theirs))
    .slice(0, 20);
}
