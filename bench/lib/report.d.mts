import type { BenchRow } from "../all.ts";

export function report(title: string, rows: readonly BenchRow[]): void;
