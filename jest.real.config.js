// What takes minutes and hundreds of megabytes: real wheels of vLLM, fetched as a user does (npm run test:real).
import base from "./jest.config.js";

/** @type {import("jest").Config} */
export default {
  ...base,
  testMatch: ["<rootDir>/test/real/**/*.test.ts"],
  testPathIgnorePatterns: ["/node_modules/"],
  maxWorkers: 1,
  testTimeout: 1_800_000,
};
