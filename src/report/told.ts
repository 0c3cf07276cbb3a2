import { type Finding, type FindingPlace, findingText, placeOf } from "../findings/findings.ts";
import { type Check, isProblem } from "../verify/verdict/check.ts";

/** One thing that a report tells of a check. */
export interface Told extends FindingPlace {
  /** For people; made of the finding, not of any other text. */
  message: string;
  /** What stays the same of it from one build of the wheel to the next. */
  subject: string;
}

/** Characters by which a finding is known again. */
const MOST_SUBJECT = 500;

/** Fields that say how much or where exactly, which moves from build to build. */
const MOVING: ReadonlySet<string> = new Set(["places", "count", "bytes", "offset", "address", "seconds"]);

/** What a finding is about, as a text: its kind and the facts that name things. */
function subjectOf(finding: Finding): string {
  const naming = Object.entries(finding).filter(([name]) => !MOVING.has(name));
  return JSON.stringify(Object.fromEntries(naming)).slice(0, MOST_SUBJECT);
}

/** What a check that did not pass found, one by one; its own sentence where it has no findings. */
export function toldOf(check: Check): Told[] {
  if (!isProblem(check) || check.findings.length === 0)
    return [{ message: check.detail, file: null, places: [], requirement: null, subject: check.id }];
  return check.findings.map((finding) => ({
    message: findingText(finding),
    ...placeOf(finding),
    subject: subjectOf(finding),
  }));
}

/** True where a check's own sentence says all that there is to tell: there is one finding, and it names no places. */
export const isToldByDetail = (told: readonly Told[]): boolean =>
  told.length === 1 && told[0]?.places.length === 0;
