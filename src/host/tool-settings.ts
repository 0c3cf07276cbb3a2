/**
 * Which of a user's settings count for the programs that we run. What says where packages come from, how they are
 * reached and whom to trust is the user's to say; all else would let a shell or another project decide what is built
 * and proved, and is left out. `docs/settings.md` is made from this table.
 */
export interface ToolSettings {
  tool: string;
  /** The variables that are this tool's; those of them that are not in `counts` do not count. */
  owns: RegExp;
  /** Variables that count, and why. A `*` stands for any name. */
  counts: readonly { names: readonly string[]; why: string }[];
  /** Variables that are read here and not handed on: what counts of that to which they lead is handed on. */
  readHere?: readonly string[];
  /** Keys of its settings files that count; the other keys do not. */
  fileKeys: readonly string[];
  /** What becomes of its settings files, for the page. */
  files: string;
}

/** Variables by which uv is told where packages come from. Source: uv documentation, "Environment variables". */
export const UV_PLACES = [
  "UV_DEFAULT_INDEX",
  "UV_INDEX_URL",
  "UV_INDEX",
  "UV_EXTRA_INDEX_URL",
  "UV_FIND_LINKS",
  "UV_NO_INDEX",
];

/**
 * Settings of ccache that say where it keeps what, how much, and whether at all. Others change what it takes for equal,
 * and so the bytes (CCACHE_SLOPPINESS, CCACHE_IGNOREOPTIONS, CCACHE_PREFIX, …); so do its configuration files.
 * Source: ccache manual 4.14, "Configuration options".
 */
export const CCACHE_PLACES = [
  "CCACHE_DIR",
  "CCACHE_MAXSIZE",
  "CCACHE_TEMPDIR",
  "CCACHE_DISABLE",
  "CCACHE_READONLY",
  "CCACHE_RECACHE",
  "CCACHE_REMOTE_STORAGE",
  "CCACHE_REMOTE_ONLY",
  "CCACHE_RESHARE",
  "CCACHE_LOGFILE",
  "CCACHE_NOSTATS",
  "CCACHE_STATSLOG",
];

const UV: ToolSettings = {
  tool: "uv",
  owns: /^UV_/,
  readHere: ["UV_CONFIG_FILE"],
  counts: [
    {
      names: [...UV_PLACES, "UV_INDEX_STRATEGY"],
      why: "where packages come from",
    },
    {
      names: [
        "UV_INDEX_*_USERNAME",
        "UV_INDEX_*_PASSWORD",
        "UV_KEYRING_PROVIDER",
        "UV_CREDENTIALS_DIR",
        "UV_S3_ENDPOINT_URL",
        "UV_GCS_ENDPOINT_URL",
        "UV_AZURE_ENDPOINT_URL",
      ],
      why: "credentials for these places",
    },
    {
      names: ["UV_NATIVE_TLS", "UV_SYSTEM_CERTS", "UV_INSECURE_HOST"],
      why: "which certificates are trusted",
    },
    {
      names: [
        "UV_HTTP_TIMEOUT",
        "UV_HTTP_CONNECT_TIMEOUT",
        "UV_REQUEST_TIMEOUT",
        "UV_HTTP_RETRIES",
        "UV_CONCURRENT_DOWNLOADS",
      ],
      why: "how patient it is with the network",
    },
    {
      names: [
        "UV_PYTHON_INSTALL_DIR",
        "UV_PYTHON_INSTALL_MIRROR",
        "UV_PYTHON_DOWNLOADS_JSON_URL",
        "UV_PYPY_INSTALL_MIRROR",
        "UV_PYTHON_DOWNLOADS",
      ],
      why: "where Pythons that it manages are, and whether it may fetch one",
    },
    { names: ["UV_CACHE_DIR", "UV_TOOL_DIR"], why: "where it keeps what it fetched" },
  ],
  fileKeys: [
    "index",
    "index-url",
    "extra-index-url",
    "find-links",
    "no-index",
    "index-strategy",
    "keyring-provider",
    "allow-insecure-host",
    "native-tls",
    "system-certs",
    "http-proxy",
    "https-proxy",
    "no-proxy",
    "concurrent-downloads",
    "python-install-mirror",
    "pypy-install-mirror",
    "python-downloads",
    "python-downloads-json-url",
    "cache-dir",
  ],
  files:
    "`uv.toml` of the user (`~/.config/uv/uv.toml`) and of the system (`/etc/uv/uv.toml`), or the one that `UV_CONFIG_FILE` names: the keys below count, at the top or in `[pip]`. `uv.toml`, `pyproject.toml` and `.python-version` of the working folder and of the folders above it do not count.",
};

const PIP: ToolSettings = {
  tool: "pip",
  owns: /^PIP_/,
  counts: [
    {
      names: ["PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX"],
      why: "where packages come from",
    },
    { names: ["PIP_KEYRING_PROVIDER"], why: "credentials for these places" },
    {
      names: ["PIP_CERT", "PIP_CLIENT_CERT", "PIP_TRUSTED_HOST", "PIP_USE_FEATURE=truststore"],
      why: "which certificates are trusted",
    },
    { names: ["PIP_PROXY"], why: "how the network is reached" },
    {
      names: ["PIP_TIMEOUT", "PIP_DEFAULT_TIMEOUT", "PIP_RETRIES", "PIP_RESUME_RETRIES"],
      why: "how patient it is with the network",
    },
    { names: ["PIP_CACHE_DIR"], why: "where it keeps what it fetched" },
    { names: ["PIP_CONFIG_FILE"], why: "which settings file is read" },
  ],
  fileKeys: [
    "index-url",
    "extra-index-url",
    "find-links",
    "no-index",
    "keyring-provider",
    "cert",
    "client-cert",
    "trusted-host",
    "proxy",
    "timeout",
    "default-timeout",
    "retries",
    "resume-retries",
    "cache-dir",
  ],
  files:
    "`pip.conf` of the system, of the user and of the environment, as `pip config list` reads them: the keys below count, in `[global]` and in `[install]`.",
};

const GIT: ToolSettings = {
  tool: "git",
  owns: /^GIT_/,
  readHere: ["GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_*", "GIT_CONFIG_VALUE_*"],
  counts: [
    {
      names: ["GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_ASKPASS", "GIT_PROXY_COMMAND"],
      why: "how repositories are reached, and credentials for them",
    },
    {
      names: [
        "GIT_SSL_CAINFO",
        "GIT_SSL_CAPATH",
        "GIT_SSL_CERT",
        "GIT_SSL_KEY",
        "GIT_SSL_NO_VERIFY",
        "GIT_PROXY_SSL_*",
      ],
      why: "which certificates are trusted",
    },
    {
      names: ["GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"],
      why: "which settings files are read",
    },
  ],
  fileKeys: ["http.*", "https.*", "url.*.insteadOf", "credential.*", "core.sshCommand", "safe.directory"],
  files:
    "`.gitconfig` of the user and of the system, for what is in the list below; of `GIT_CONFIG_COUNT` and `GIT_CONFIG_KEY_*` the same. Hooks, file system monitors, templates, line ends, attributes and ignore lists of the user are switched off, because they change what is taken for the source.",
};

const PYTHON: ToolSettings = {
  tool: "Python",
  owns: /^(_?PYTHON|VIRTUAL_ENV|CONDA_|_CE_|SETUPTOOLS_|DISTUTILS_|PEP517_|__PYVENV_LAUNCHER__$)/,
  counts: [],
  fileKeys: [],
  files: "Packages of the user (`~/.local`) and modules that lie in the working folder do not count.",
};

const COMPILER: ToolSettings = {
  tool: "compilers, CMake, ninja and ccache",
  owns: /^(CCACHE_|SCCACHE_|CMAKE_|NINJA_|NINJAFLAGS$|MAKEFLAGS$|CPATH$|C_INCLUDE_PATH$|CPLUS_INCLUDE_PATH$|OBJC_INCLUDE_PATH$|LIBRARY_PATH$|COMPILER_PATH$|GCC_|DEPENDENCIES_OUTPUT$|SUNPRO_DEPENDENCIES$|LD_RUN_PATH$|(C|CXX|CPP|LD|AS|AR)FLAGS$|COLLECT_)/,
  counts: [
    {
      names: CCACHE_PLACES,
      why: "where compiled objects are kept, and whether they are; the bytes stay the same",
    },
  ],
  fileKeys: [],
  files:
    "The compiler itself is `CXX` and `CC`. `ccache.conf` does not count; without `CCACHE_DIR` objects are kept below the cache folder.",
};

/** Whatever the tool: what makes its output another one than the one that is read here. */
const OUTPUT: ToolSettings = {
  tool: "all programs",
  owns: /^(RUST_LOG|RUST_BACKTRACE|FORCE_COLOR|CLICOLOR_FORCE|LANGUAGE|TAR_OPTIONS|GZIP|GREP_OPTIONS|POSIXLY_CORRECT|CDPATH|BASH_ENV)$/,
  counts: [],
  fileKeys: [],
  files: "",
};

export const TOOL_SETTINGS = {
  uv: UV,
  pip: PIP,
  git: GIT,
  python: PYTHON,
  compiler: COMPILER,
  output: OUTPUT,
};

/** Variables that no tool owns and that count for each: proxies, certificates, credentials files. For the page. */
export const SHARED_SETTINGS = [
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "ALL_PROXY",
  "NO_PROXY",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "SSL_CLIENT_CERT",
  "REQUESTS_CA_BUNDLE",
  "CURL_CA_BUNDLE",
  "NODE_EXTRA_CA_CERTS",
  "NETRC",
] as const;

type Environment = Readonly<Record<string, string | undefined>>;

const matches = (pattern: string, name: string, value: string): boolean => {
  const [wanted = "", only] = pattern.split("=");
  if (only !== undefined && value !== only) return false;
  const [head = "", rest] = wanted.split("*");
  return rest === undefined ? name === wanted : name.startsWith(head) && name.endsWith(rest);
};

function judge(name: string, value: string): "counts" | "does not count" | "read here" | "nobody's" {
  const owner: ToolSettings | undefined = Object.values(TOOL_SETTINGS).find(({ owns }) => owns.test(name));
  if (owner === undefined) return "nobody's";
  if (owner.readHere?.some((pattern) => matches(pattern, name, value))) return "read here";
  return owner.counts.some(({ names }) => names.some((pattern) => matches(pattern, name, value)))
    ? "counts"
    : "does not count";
}

/** An environment without the tools' settings that do not count. */
export function withoutForeignSettings(env: Environment): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(env).filter(([name, value]) => ["counts", "nobody's"].includes(judge(name, value ?? ""))),
  );
}

/** Names of the settings in an environment that do not count, sorted. Of empty ones nobody has to hear. */
export function foreignSettings(env: Environment): string[] {
  const names = Object.entries(env).filter(
    ([name, value]) => value && judge(name, value) === "does not count",
  );
  return names.map(([name]) => name).sort();
}

/** Names of the settings in an environment that count for a tool, sorted; for an error that one may have caused. */
export function countingSettings(env: Environment, tool: keyof typeof TOOL_SETTINGS): string[] {
  const own = TOOL_SETTINGS[tool];
  const shared = new Set<string>(SHARED_SETTINGS.flatMap((name) => [name, name.toLowerCase()]));
  return Object.entries(env)
    .filter(
      ([name, value]) =>
        value && (shared.has(name) || (own.owns.test(name) && judge(name, value) !== "does not count")),
    )
    .map(([name]) => name)
    .sort();
}

/** The settings of an upload, which count for it alone; where to is said by the option. */
export const PUBLISHING_SETTINGS = [
  "UV_PUBLISH_TOKEN",
  "UV_PUBLISH_USERNAME",
  "UV_PUBLISH_PASSWORD",
  "UV_PUBLISH_CHECK_URL",
] as const;

/** These settings, taken from an environment. */
export function publishingSettings(env: Environment): Record<string, string | undefined> {
  return Object.fromEntries(PUBLISHING_SETTINGS.map((name) => [name, env[name]]));
}
