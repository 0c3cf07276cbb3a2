/** A running stage of the work, shown with its elapsed time. */
export interface Stage {
  /** Reports progress in steps; shown as a bar on a terminal and as sparse lines elsewhere. */
  progress(done: number, total: number): void;
  /** Ends the stage and prints how long it took. Returns the seconds. */
  done(note?: string): number;
  /** Ends the stage without a word, because an error follows. */
  failed(): void;
}

/** Where messages go. Faces: terminal.ts (a person's shell), github.ts (a workflow's log). */
export interface Log {
  info(message: string): void;
  success(message: string): void;
  warn(message: string): void;
  error(message: string): void;
  /** Shown only when debugging is asked for. */
  debug(message: string): void;
  /** A line of another program's output, as it is: compilers' errors, which a problem matcher reads. */
  output(line: string): void;
  stage(name: string): Stage;
}
