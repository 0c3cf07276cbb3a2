import { type Asked, isAsked, READERS, type Reader, relation } from "./ask.ts";
import { MILDER, STRICTER } from "./reasons.ts";

/** What is known of a reader, for the page. */
const ABOUT: Readonly<Record<Reader, string>> = {
  pip: "installs the wheel",
  uv: "installs the wheel",
  installer: "installs the wheel, RECORD validated",
  twine: "`twine check`, before an upload",
  packaging: "the file name, and METADATA validated",
};

/** A case on which readers and we differ. */
interface Difference {
  key: string;
  takenBy: Reader[];
  refusedBy: Reader[];
}

/** Cases in which we stand to a reader at least in one way, with what all that look at it make of them. */
function differing(asked: readonly Asked[], way: "stricter" | "milder"): Difference[] {
  return asked
    .filter((one) => READERS.some((reader) => relation(one, reader) === way))
    .map((one) => {
      const looking = READERS.filter((reader) => isAsked(one, reader));
      return {
        key: one.key,
        takenBy: looking.filter((reader) => one.said[reader] === null),
        refusedBy: looking.filter((reader) => one.said[reader] !== null),
      };
    });
}

/** What every reader takes that looks at it. */
const alone = (asked: readonly Asked[]): Difference[] =>
  differing(asked, "stricter").filter(({ refusedBy }) => refusedBy.length === 0);

/** What readers differ in among themselves: a wheel is good where all of them take it. */
const withOne = (asked: readonly Asked[]): Difference[] =>
  differing(asked, "stricter").filter(({ refusedBy }) => refusedBy.length > 0);

/** Differences that no reason stands for, and reasons that no difference is left for: both must be empty. */
export function unexplained(asked: readonly Asked[]): string[] {
  const of = (way: string, found: Difference[], reasons: Readonly<Record<string, string>>): string[] => [
    ...found
      .filter(({ key }) => !(key in reasons))
      .map((one) => `${way}, and nobody says why: ${one.key} (taken by ${one.takenBy.join(", ") || "none"})`),
    ...Object.keys(reasons)
      .filter((key) => !found.some((one) => one.key === key))
      .map((key) => `not ${way} any more: ${key}`),
  ];
  return [...of("stricter", alone(asked), STRICTER), ...of("milder", differing(asked, "milder"), MILDER)];
}

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");

/** The table of a page and of the test's last words. */
export function closingTable(asked: readonly Asked[]): string {
  const rows = READERS.map((reader) => {
    const count = (way: ReturnType<typeof relation>): number =>
      asked.filter((one) => relation(one, reader) === way).length;
    const looked = asked.length - count("not asked");
    return `| ${reader} | ${ABOUT[reader]} | ${looked} | ${count("agreed")} | ${count("stricter")} | ${count("milder")} |`;
  });
  return [
    "| reader | what it does | wheels | agreed | stricter here | milder here |",
    "| --- | --- | ---: | ---: | ---: | ---: |",
    ...rows,
  ].join("\n");
}

/** The page docs/agreement.md. */
export function agreementPage(asked: readonly Asked[]): string {
  return `# Agreement with other readers

A wheel that passes has to be one that installers and indexes take, and one that they take has to be refused for a reason alone. So
${asked.length} wheels, each of Python alone and with one thing about it (\`test/agreement/cases.ts\`), are made anew whenever the tests run, and
\`verify --level=static\` is asked about each beside the others. This page is made by \`npm run agreement\`; a test fails where it says
anything else than what was answered.

${closingTable(asked)}

Wheels that a reader was not asked about have what it does not look at. *Agreed*: both take the wheel, or both refuse it; what an
index refuses and no installer minds is agreed where \`verify\` tells it (\`indexRefuses\`). What a reader refuses because of the machine it runs on (a tag, a Python) was not asked.

## Stricter by design

Every reader that looks at these takes them:

${table(
  ["wheel", "why it is refused here"],
  alone(asked).map(({ key }) => [key, STRICTER[key] ?? ""]),
)}

## Where readers differ among themselves

A wheel is good where all of them take it, so these are refused here:

${table(
  ["wheel", "taken by", "refused by"],
  withOne(asked).map(({ key, takenBy, refusedBy }) => [key, takenBy.join(", "), refusedBy.join(", ")]),
)}

## Milder by design

${table(
  ["wheel", "refused by", "why it is taken here"],
  differing(asked, "milder").map(({ key, refusedBy }) => [key, refusedBy.join(", "), MILDER[key] ?? ""]),
)}
`;
}
