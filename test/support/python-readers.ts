import { exec } from "./run.ts";

/** What Python's own readers see in each text, as installers use them. */
export function pythonSees(kind: "metadata" | "points" | "record", all: readonly string[]): unknown[] {
  const program = `import csv, email.parser, importlib.metadata, json, sys
class One(importlib.metadata.Distribution):
    def __init__(self, text): self.text = text
    def read_text(self, name): return self.text if name in ("entry_points.txt", "RECORD") else None
    def locate_file(self, path): return path
def metadata(text):
    message = email.parser.Parser().parsestr(text)
    return [[k, v] for k, v in message.items()]
def points(text):
    return [[p.group, p.name] for p in One(text).entry_points]
def record(text):
    One(text).files
    return [row[0] for row in csv.reader(text.splitlines())]
kind, texts = json.load(sys.stdin)
answers = []
for text in texts:
    try: answers.append(globals()[kind](text))
    except Exception as error: answers.append(None)
json.dump(answers, sys.stdout)`;
  const ran = exec("python3", ["-I", "-c", program], { input: JSON.stringify([kind, all]) });
  if (ran.stderr !== "") throw new Error(ran.stderr);
  return JSON.parse(ran.stdout) as unknown[];
}
