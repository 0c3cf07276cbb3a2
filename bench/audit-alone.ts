// The instruction audit by itself, in one thread: reads libraries, decodes them, and prints the CPU seconds that took.
// Usage: node --import tsx bench/audit-alone.ts LIBRARY...
import { readFileSync } from "node:fs";
import { auditElf } from "../src/elf/audit.ts";
import { readElf } from "../src/elf/elf.ts";

const before = process.cpuUsage();
let instructions = 0;
for (const path of process.argv.slice(2)) {
  const bytes = readFileSync(path);
  instructions += auditElf(bytes, readElf(bytes), { globs: [], matches: () => 0 }).instructions;
}
const { user, system } = process.cpuUsage(before);
console.log(JSON.stringify({ seconds: (user + system) / 1e6, instructions }));
