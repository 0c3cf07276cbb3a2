// The layers of the engine. Imports go one way: faces → options, jobs → use cases → pure parts; only host/ touches the world.
const PURE = "^src/(errors|variants|wheel|elf|findings)/";
const USE_CASES = "^src/(torch|build|verify|publish)/";

module.exports = {
  forbidden: [
    { name: "no-circular", severity: "error", from: {}, to: { circular: true } },
    {
      name: "pure-parts-touch-no-world",
      comment: "variants, wheel, elf, findings and the errors are pure: bytes and data in, data out.",
      severity: "error",
      from: { path: PURE },
      to: {
        path: [
          "^src/(host/(?!units)|(faces|jobs|options|torch|build|verify|publish)/)",
          "^(node:)?(fs|child_process|worker_threads|os|net|http|https)(/|$)",
        ],
      },
    },
    {
      name: "checks-are-pure",
      severity: "error",
      from: {
        path: "^src/verify/(checks/|facts/(facts|gather|contents)|verdict/(check|result|verdict|read-verdict|twins))",
      },
      to: {
        path: [
          "^src/(host/(?!units)|(faces|jobs|options|torch|build|publish)/)",
          "^(node:)?(fs|child_process|worker_threads)(/|$)",
        ],
      },
    },
    {
      name: "reports-are-pure",
      comment: "A report is text made of answers: it reads and writes nothing.",
      severity: "error",
      from: { path: "^src/(report|compare)/" },
      to: {
        path: [
          "^src/(host/(?!units)|(faces|jobs|options|torch|build|publish)/)",
          "^(node:)?(fs|child_process|worker_threads)(/|$)",
        ],
      },
    },
    {
      name: "report-knows-no-comparison",
      severity: "error",
      from: { path: "^src/report/" },
      to: { path: "^src/compare/" },
    },
    {
      name: "policy-is-pure",
      severity: "error",
      from: {
        path: "^src/(publish/(gate/(gate|rules)|plan/planner|targets/(index-pages|front-page|linked-pages))|torch/gate)\\.ts$",
      },
      to: { path: ["^src/host/", "^(node:)?(fs|child_process)(/|$)"] },
    },
    {
      name: "use-cases-reach-the-world-through-host",
      severity: "error",
      from: { path: USE_CASES, pathNot: "^src/verify/facts/audit-worker" },
      to: {
        path: [
          "^src/(faces|jobs|options)/",
          "^(node:)?(fs|child_process|worker_threads|net|http|https)(/|$)",
          "^@actions/",
          "node_modules/@actions/",
        ],
      },
    },
    {
      name: "host-knows-no-use-case",
      severity: "error",
      from: { path: "^src/host/" },
      to: { path: "^src/(faces|jobs|options|variants|wheel|elf|torch|build|verify|publish)/" },
    },
    {
      name: "build-and-publish-are-strangers",
      severity: "error",
      from: { path: "^src/build/" },
      to: { path: "^src/(publish|verify)/" },
    },
    {
      name: "faces-know-no-use-case",
      comment:
        "A face reads words, calls one job and shows its report; what a report is made of, the job says.",
      severity: "error",
      from: { path: "^src/faces/" },
      to: { path: "^src/(?!faces/|options/|jobs/|host/|report/|errors/)" },
    },
    {
      name: "faces-are-strangers",
      severity: "error",
      from: { path: "^src/faces/([^/]+)/" },
      to: { path: "^src/faces/", pathNot: "^src/faces/$1/" },
    },
    {
      name: "jobs-know-no-face",
      severity: "error",
      from: { path: "^src/(?!faces/)" },
      to: { path: "^src/faces/" },
    },
    {
      name: "options-know-no-use-case",
      comment: "Only the words of verdicts and reports, which are data.",
      severity: "error",
      from: { path: "^src/options/" },
      to: {
        path: "^src/(faces|jobs|host|torch|build|publish|compare|elf|verify|report)/",
        pathNot: "^src/(verify/verdict/verdict|report/sarif)\\.ts$",
      },
    },
    {
      name: "options-are-for-the-outer-ring",
      severity: "error",
      from: { path: "^src/(?!faces/|jobs/|options/)" },
      to: { path: "^src/(options|jobs)/" },
    },
    {
      name: "only-the-action-face-knows-actions",
      severity: "error",
      from: { path: "^src/(?!faces/action/)" },
      to: { path: ["^@actions/", "node_modules/@actions/"] },
    },
    { name: "no-orphans", severity: "error", from: { orphan: true, pathNot: "\\.d\\.ts$" }, to: {} },
    { name: "not-to-unresolvable", severity: "error", from: {}, to: { couldNotResolve: true } },
    {
      name: "no-dev-dependencies",
      severity: "error",
      from: { path: "^src/" },
      to: { dependencyTypes: ["npm-dev"] },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "require", "node", "default", "types"],
    },
  },
};
