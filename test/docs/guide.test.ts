import { runDocuments } from "../support/run-document.ts";

runDocuments(["PYTORCH_CPU_DEPENDENCY.md"]);
