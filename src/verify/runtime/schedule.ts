/** A piece of work and the memory it takes, in bytes. */
export interface Task<T> {
  need: number;
  work: () => Promise<T>;
}

/**
 * Does tasks side by side, as far as memory and cores go; a task that fits nowhere is done alone.
 * @param budget bytes in all
 * @param most tasks at a time
 * @returns answers in the order of the tasks
 * @throws what the first task to fail throws, after the others that had begun have ended
 */
export async function inMemory<T>(tasks: readonly Task<T>[], budget: number, most: number): Promise<T[]> {
  const answers: T[] = [];
  const waiting = [...tasks.entries()];
  const running = new Set<Promise<void>>();
  const failures: unknown[] = [];
  let free = budget;
  while (waiting.length > 0 || running.size > 0) {
    const at = waiting.findIndex(
      ([, { need }]) => running.size === 0 || (need <= free && running.size < most),
    );
    const [next] = at < 0 || failures.length > 0 ? [] : waiting.splice(at, 1);
    if (next) {
      const [index, { need, work }] = next;
      free -= need;
      const one = work()
        .then((answer) => {
          answers[index] = answer;
        })
        .catch((thrown: unknown) => {
          failures.push(thrown);
        })
        .finally(() => {
          free += need;
          running.delete(one);
        });
      running.add(one);
    } else {
      if (running.size === 0) break;
      await Promise.race(running);
    }
  }
  if (failures.length > 0) throw failures[0];
  return answers;
}
