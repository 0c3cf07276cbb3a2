/** What a report tells of a build; seconds. */
export interface BuiltOutcome {
  variant: string;
  wheel: string;
  seconds: number;
  stages: Readonly<Record<string, number>>;
}

/** What a report tells of where the time of a run went; seconds. */
export interface TraceOutcome {
  path: string;
  slowest: readonly { name: string; seconds: number }[];
}

/** What a report tells of an environment that was made; bytes. */
export interface SetupOutcome {
  venv: string;
  savings: { cpu: number; cuda: number; saved: number } | null;
}

/** What a report tells of a publish. */
export interface PublishOutcome {
  target: string;
  dryRun: boolean;
  planned: readonly string[];
  skipped: readonly string[];
  /** Files whose ISA the proving machine lacked. */
  unrun: readonly { file: string; lacked: readonly string[] }[];
  /** Files that were run with features emulated, which the proving machine lacked. */
  emulated: readonly { file: string; lacked: readonly string[] }[];
  /** Machines that ran the wheels. */
  provers: readonly { file: string; on: readonly string[] }[];
  /** Commands that install what was published. */
  install: readonly string[];
}

/** What a report tells of a wheel that was built again. */
export interface ReproducedOutcome {
  wheel: string;
  rebuilt: string;
  result: "same-bytes" | "same-content" | "different";
  files: readonly { name: string; why: string; matters: boolean }[];
  /** What the two were made of that is not the same. */
  materials: readonly string[];
}
