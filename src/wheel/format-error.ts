/** Bytes or text that break their format; made into a failed check or a WheelsError by whoever reads a user's file. */
export class FormatError extends Error {
  override readonly name = "FormatError";
  /** The file, entry or header at fault. */
  readonly where: string;
  readonly problem: string;

  constructor(where: string, problem: string) {
    super(`${where}: ${problem}`);
    this.where = where;
    this.problem = problem;
  }
}
