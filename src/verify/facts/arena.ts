/** Room that one piece of work was given. */
export interface MemoryGrant {
  /** Bytes. */
  size: number;
  /** Shared memory of at least that size, where it was asked for. */
  memory: SharedArrayBuffer | null;
}

/**
 * A bound on memory: lets work in as long as there is room, in the order in which it asks; what is larger than all the
 * room goes in alone. Shared memory is used again, because no engine frees it promptly while several threads know it.
 */
export class Arena {
  readonly #room: number;
  readonly #waiting: { size: number; wantsMemory: boolean; enter: (grant: MemoryGrant) => void }[] = [];
  #free: SharedArrayBuffer[] = [];
  #used = 0;

  /** @param room bytes */
  constructor(room: number) {
    this.#room = room;
  }
  take(size: number, wantsMemory: boolean): Promise<MemoryGrant> {
    return new Promise((enter) => {
      this.#waiting.push({ size, wantsMemory, enter });
      this.#admit();
    });
  }
  giveBack({ size, memory }: MemoryGrant): void {
    this.#used -= size;
    if (memory) this.#free.push(memory);
    this.#admit();
  }
  #admit(): void {
    for (let [first] = this.#waiting; first; [first] = this.#waiting) {
      if (this.#used > 0 && this.#used + first.size > this.#room) return;
      this.#waiting.shift();
      this.#used += first.size;
      first.enter({ size: first.size, memory: first.wantsMemory ? this.#memory(first.size) : null });
    }
  }
  /** The smallest free memory that is large enough; where none is, what is free is given up for new memory. */
  #memory(size: number): SharedArrayBuffer {
    const [best] = this.#free
      .filter(({ byteLength }) => byteLength >= size)
      .sort((a, b) => a.byteLength - b.byteLength);
    this.#free = best ? this.#free.filter((one) => one !== best) : [];
    return best ?? new SharedArrayBuffer(size);
  }
}
