// Jest runs this once, before all tests.
import { join } from "node:path";
import refuseOldBundle from "./fresh-bundle.mjs";

/** @param {{ rootDir: string }} config Jest's, for all projects */
export default function beforeAll(config) {
  refuseOldBundle(config);
  // Most tests that build ask what becomes of a compile, and each would take a minute for the same one. Those that ask
  // for the compile itself go without.
  process.env.CCACHE_DIR = join(config.rootDir, ".test-cache", "ccache");
}
