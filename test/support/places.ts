import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import type { Block } from "./documents.ts";
import { copyProject } from "./repository.ts";
import { ended, exec, root, scratch } from "./run.ts";
import { startWorld, type World } from "./world.ts";

interface Place {
  folder: string;
  env: NodeJS.ProcessEnv;
}

/** What a newcomer's shell does not have. */
const UNSET = /^(PIP_|UV_|CONDA|VIRTUAL_ENV|PYTHON|POETRY_|PDM_|TEST_TORCH|VLLM_CPU_WHEELS|XDG_)/;

/**
 * The places in which documents' blocks are run: `clone` is a copy of this project, every `user…` an empty folder with
 * an active virtual environment. Each has a HOME of its own, and sees the indexes of a {@link World}.
 */
export class Places {
  readonly #folder = scratch();
  readonly #places = new Map<string, Place>();
  readonly #worlds = new Map<string, World>();

  async #world(kind: "stand-in" | "real"): Promise<World> {
    const own = this.#worlds.get(kind) ?? (await startWorld(join(this.#folder, `world-${kind}`), kind));
    this.#worlds.set(kind, own);
    return own;
  }

  async get(name: string): Promise<Place> {
    const known = this.#places.get(name);
    if (known) return known;
    if (name !== "clone" && !/^user(-\w+)*$/.test(name)) throw new Error(`there is no place ${name}`);
    const isClone = name === "clone";
    const world = await this.#world(isClone ? "real" : "stand-in");
    const folder = join(this.#folder, name);
    const home = join(this.#folder, `home-${name}`);
    for (const one of [folder, home]) mkdirSync(one, { recursive: true });
    const kept = Object.entries(process.env).filter(([key]) => !UNSET.test(key));
    const tools = join(root, ".test-cache", "tools", "bin");
    const env: NodeJS.ProcessEnv = {
      ...Object.fromEntries(kept),
      ...world.env,
      HOME: home,
      PIP_DISABLE_PIP_VERSION_CHECK: "1",
      PDM_CHECK_UPDATE: "0",
      PATH: [dirname(process.execPath), process.env["PATH"], tools].join(delimiter),
    };
    if (isClone) {
      copyProject(folder);
      cpSync(join(root, "dist"), join(folder, "dist"), { recursive: true });
    } else {
      // What this machine's pip is told of is none of the newcomer's.
      env["PIP_CONFIG_FILE"] = "/dev/null";
      const venv = join(folder, ".venv");
      // pip takes longer to install than all else; uv, Poetry and PDM need none.
      const bare = name.endsWith("pip") ? [] : ["--without-pip"];
      const made = exec("python3", ["-m", "venv", ...bare, venv]);
      if (made.status !== 0) throw new Error(made.stderr);
      env["PATH"] = [join(venv, "bin"), env["PATH"]].join(delimiter);
      env["VIRTUAL_ENV"] = venv;
    }
    const place = { folder, env };
    this.#places.set(name, place);
    return place;
  }

  /** Writes a block of a document into its file. */
  async write(block: Block, name: string, path: string): Promise<void> {
    const { folder } = await this.get(name);
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, block.text);
  }

  /** Runs a block as one script, and stops at its first failure. @param dry pip resolves, and installs nothing */
  async run(block: Block, name: string, dry: boolean): Promise<{ status: number | null; output: string }> {
    const { folder, env } = await this.get(name);
    const command = block.language === "python" ? ["python", "-c"] : ["sh", "-ec"];
    const child = spawn(command[0] ?? "", [command[1] ?? "", block.text], {
      cwd: folder,
      env: dry ? { ...env, PIP_DRY_RUN: "1", PIP_IGNORE_INSTALLED: "1" } : env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => {
        output += chunk.toString();
      });
    const status = await ended(child);
    return { status, output };
  }

  /** The lock files in a place, as one text. */
  async locks(name: string): Promise<string> {
    const { folder } = await this.get(name);
    const names = readdirSync(folder).filter((file) => file.endsWith(".lock"));
    return names.map((file) => readFileSync(join(folder, file), "utf8")).join("\n");
  }

  async close(): Promise<void> {
    for (const world of this.#worlds.values()) await world.close();
    if (existsSync(this.#folder)) this.#places.clear();
  }
}
