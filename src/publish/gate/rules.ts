import { type IndexedFile, indexFileProblems } from "../../wheel/index-rules.ts";

/** What a kind of target refuses whatever a wheel's proof says. */
export interface Limits {
  /** Bytes of one file. */
  file: number;
  /** Bytes of all files of a project; null where the target has no such limit. */
  project: number | null;
  /** True for an upload index: its rules on versions, tags and metadata count. */
  isUploadIndex: boolean;
}

const MIB = 1024 ** 2;

/** PyPI's default limits: 100 MiB a file, 10 GiB a project; it grants more on request (its help, "Storage Limits"). */
export const PYPI_LIMITS: Limits = { file: 100 * MIB, project: 10 * 1024 * MIB, isUploadIndex: true };

/** Other servers have each their own limits of size, if any. */
export const UPLOAD_LIMITS: Limits = { file: Number.MAX_SAFE_INTEGER, project: null, isUploadIndex: true };

/** A target's limits with what a project was granted. @param mib of a file @param gib of a project */
export function withGranted(limits: Limits, mib: number | null, gib: number | null): Limits {
  return {
    ...limits,
    file: mib === null ? limits.file : mib * MIB,
    project: gib === null ? limits.project : gib * 1024 * MIB,
  };
}

/** GitHub takes assets below 2 GiB. Source: GitHub documentation, "About releases", "Storage and bandwidth quotas". */
export const RELEASE_LIMITS: Limits = { file: 2 * 1024 * MIB - 1, project: null, isUploadIndex: false };

export const FOLDER_LIMITS: Limits = { file: Number.MAX_SAFE_INTEGER, project: null, isUploadIndex: false };

export interface Subject extends IndexedFile {
  /** Bytes. */
  size: number;
}

const mib = (bytes: number): string => `${(bytes / MIB).toFixed(1)} MiB`;

/**
 * Every rule of the target that a wheel breaks, so that all are known before the first byte goes.
 * @param projectBytes what the project's files take already, bytes
 */
export function ruleProblems(subject: Subject, limits: Limits, projectBytes: number): string[] {
  const problems = limits.isUploadIndex ? indexFileProblems(subject) : [];
  if (subject.size > limits.file)
    problems.push(`it has ${mib(subject.size)}; the target takes ${mib(limits.file)} a file`);
  if (limits.project !== null && projectBytes + subject.size > limits.project)
    problems.push(`the project would have ${mib(projectBytes + subject.size)} of ${mib(limits.project)}`);
  return problems;
}
