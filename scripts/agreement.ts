// Asks every reader of test/agreement about every wheel, and writes docs/agreement.md.
// Usage: npm run agreement
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { askAll } from "../test/agreement/ask.ts";
import { agreementPage, unexplained } from "../test/agreement/page.ts";
import { removeScratch, root } from "../test/support/run.ts";

try {
  const asked = askAll();
  writeFileSync(join(root, "docs", "agreement.md"), agreementPage(asked));
  const open = unexplained(asked);
  for (const line of open) process.stderr.write(`${line}\n`);
  if (open.length > 0) process.exitCode = 1;
} finally {
  removeScratch();
}
