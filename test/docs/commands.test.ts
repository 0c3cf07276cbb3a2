import { documents } from "../support/documents.ts";
import { runDocuments } from "../support/run-document.ts";

runDocuments(documents().filter((path) => path !== "PYTORCH_CPU_DEPENDENCY.md"));
