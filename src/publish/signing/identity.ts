import { wheelsError } from "../../errors/wheels-error.ts";

/** Who must have signed: the repository that a workflow ran for, and the workflow file that signed. */
export interface SignedBy {
  /** OWNER/NAME */
  repository: string;
  /** Repository of the workflow file; another one than `repository` for a reusable workflow of somebody else. */
  workflowRepository: string;
  /** Path in its repository; null for any workflow of it. */
  workflow: string | null;
  /** Ref that the workflow file must come from, `*` at its end for any that begins so; null for any ref. */
  ref: string | null;
}

/** What a certificate says of its owner, as Fulcio wrote it there. */
export interface Identity {
  issuer: string;
  /** The workflow file that signed: https://github.com/OWNER/REPO/PATH@REF. */
  workflow: string;
  /** The repository that the run belongs to: https://github.com/OWNER/REPO. */
  repository: string;
}

const ISSUER = "https://token.actions.githubusercontent.com";
const SERVER = "https://github.com";
const FORM =
  /^([\w-]+\/[\w.-]+)(?:@(?:([\w-]+\/[\w.-]+)\/)?(?:\.github\/workflows\/)?([\w.-]+\.ya?ml)(?:@(refs\/[\w./-]+\*?))?)?$/;

/**
 * Reads REPO, REPO@WORKFLOW.yml or REPO@OWNER/OTHER/.github/workflows/WORKFLOW.yml, a workflow with or without @REF.
 * @throws E_OPTION_VALUE
 */
export function parseSignedBy(text: string): SignedBy {
  const [, repository, other, file, ref] = FORM.exec(text) ?? [];
  if (repository === undefined)
    throw wheelsError("E_OPTION_VALUE", {
      option: "--signed-by",
      value: text.slice(0, 80),
      expected: "OWNER/REPO, OWNER/REPO@WORKFLOW.yml or OWNER/REPO@WORKFLOW.yml@refs/…",
    });
  return {
    repository,
    workflowRepository: other ?? repository,
    workflow: file === undefined ? null : `.github/workflows/${file}`,
    ref: ref ?? null,
  };
}

/**
 * Why an identity is not the one that must have signed; null where it is. Repositories are compared as GitHub does,
 * whatever their case. Source: Fulcio, docs/oid-info.md, and its GitHub issuer.
 */
export function identityProblem(identity: Identity, wanted: SignedBy): string | null {
  if (identity.issuer !== ISSUER)
    return `it was signed with an identity of ${identity.issuer}, not of GitHub Actions`;
  const repository = `${SERVER}/${wanted.repository}`;
  if (identity.repository.toLowerCase() !== repository.toLowerCase())
    return `it was signed by a workflow run of ${identity.repository}, not of ${repository}`;
  const [, signer = "", path = "", ref = ""] =
    /^(https:\/\/[^/]+\/[^/]+\/[^/@]+)\/(\.github\/workflows\/[^@]+)@(.+)$/.exec(identity.workflow) ?? [];
  const workflowRepository = `${SERVER}/${wanted.workflowRepository}`;
  if (signer.toLowerCase() !== workflowRepository.toLowerCase() || (wanted.workflow ?? path) !== path)
    return `it was signed by the workflow ${identity.workflow}, not by ${workflowRepository}/${wanted.workflow ?? ".github/workflows/…"}`;
  const isRef =
    wanted.ref === null ||
    (wanted.ref.endsWith("*") ? ref.startsWith(wanted.ref.slice(0, -1)) : ref === wanted.ref);
  return isRef ? null : `it was signed by the workflow of ${ref}, not of ${wanted.ref}`;
}
