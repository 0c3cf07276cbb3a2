/** uv's arguments that make a virtual environment. @param wanted Python version or path */
export const venvArgs = (folder: string, wanted: string): string[] => [
  "venv",
  "--quiet",
  "--no-project",
  "--python",
  wanted,
  folder,
];

/** uv's arguments that resolve a project file. @param more what to print */
export const resolveArgs = (python: string, file: string, more: readonly string[]): string[] => [
  ...["pip", "compile", "--python", python, "--no-header", "--only-binary", ":all:", "--quiet"],
  ...more,
  file,
];

/** What is printed of the torch that was decided on. */
export const TORCH_PRINTED = ["--no-annotate"];

/** uv's arguments that decide which torch it will be. @param file a {@link project} */
export const resolveTorchArgs = (python: string, file: string): string[] =>
  resolveArgs(python, file, TORCH_PRINTED);

/** uv's arguments that install the torch that was resolved. @param pins file of its versions */
export const installTorchArgs = (python: string, file: string, pins: string): string[] => [
  ...["pip", "install", "--python", python, "--only-binary", ":all:"],
  ...["-r", file, "--constraint", pins],
];
