/** One job of a workflow. */
export interface FleetJob {
  name: string;
  /** From when a runner takes it. */
  seconds: number;
  /** Whether it needs a runner with the variant's instructions, or any machine will do. */
  isScarce: boolean;
  /** Names of the jobs that it waits for. */
  needs: readonly string[];
}

/** Seconds of each stage of a release, on one runner of the fleet. */
export interface StageTimes {
  /** A runner's start, checkout, and what is installed before anything else. */
  start: number;
  compile: number;
  /** The compile where a cache holds all objects but what changed. */
  warmCompile: number;
  /** Making a wheel of what was compiled. */
  finish: number;
  proof: number;
}

/** A way to cut a release into jobs. */
export type Strategy = (times: StageTimes, variants: number, pythons: number) => FleetJob[];

const range = (count: number): number[] => Array.from({ length: count }, (_, at) => at);

const oneBuild =
  (compile: (times: StageTimes) => number): Strategy =>
  (times, variants, pythons) => [
    {
      name: "build",
      seconds: times.start + compile(times) + variants * times.finish,
      isScarce: false,
      needs: [],
    },
    ...range(variants * pythons).map((at) => ({
      name: `proof ${at}`,
      seconds: times.start + times.proof,
      isScarce: true,
      needs: ["build"],
    })),
  ];

export const STRATEGIES: Readonly<Record<string, Strategy>> = {
  "one build": oneBuild(({ compile }) => compile),
  "one build, objects of the last release in the cache": oneBuild(({ warmCompile }) => warmCompile),
  "a job for each variant and Python": (times, variants, pythons) =>
    range(variants * pythons).map((at) => ({
      name: `wheel ${at}`,
      seconds: times.start + times.compile + times.finish + times.proof,
      isScarce: true,
      needs: [],
    })),
};

export interface FleetOutcome {
  /** Until the last job has ended. */
  wall: number;
  /** Of all runners together. */
  busy: number;
  /** Of the runners that have the instructions. */
  scarce: number;
}

/**
 * Runs jobs on a fleet as GitHub does: in their order, each on the first runner that is free. Jobs that need no instructions
 * have runners of their own, of which there is one.
 * @param runners that have the instructions
 */
export function simulate(jobs: readonly FleetJob[], runners: number): FleetOutcome {
  const free = { true: new Array<number>(runners).fill(0), false: [0] };
  const ended = new Map<string, number>();
  for (const { name, seconds, isScarce, needs } of jobs) {
    const pool = free[`${isScarce}`];
    const from = Math.min(...pool);
    const ready = Math.max(0, ...needs.map((one) => ended.get(one) ?? Number.NaN));
    if (Number.isNaN(ready)) throw new Error(`${name} waits for what does not come before it`);
    const end = Math.max(from, ready) + seconds;
    pool[pool.indexOf(from)] = end;
    ended.set(name, end);
  }
  const sum = (own: readonly FleetJob[]): number => own.reduce((total, { seconds }) => total + seconds, 0);
  return {
    wall: Math.max(0, ...ended.values()),
    busy: sum(jobs),
    scarce: sum(jobs.filter(({ isScarce }) => isScarce)),
  };
}
