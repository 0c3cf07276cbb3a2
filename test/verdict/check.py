"""Judges verdicts by docs/verdict.md, and by nothing else: written from that page, without the project's code.

check.py wheel --target=KIND [--policy=FILE] WHEEL...   each with its verdict beside it
check.py vectors FOLDER [FILE...]                       what comes of each test vector, as JSON
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).resolve().parents[2] / "docs" / "verdict-vectors"

STATIC = (
    "zip.integrity",
    "record.hashes",
    "name.agreement",
    "tags.agreement",
    "platform.glibc",
    "platform.libraries",
    "elf.cuda-free",
    "metadata.torch-requirement",
    "metadata.cpu-instructions",
    "isa.contained",
    "isa.used",
)
IMPORT = (
    "runtime.resolve",
    "runtime.torch-cpu",
    "runtime.cuda-unavailable",
    "runtime.no-cuda-packages",
    "runtime.torchvision",
    "runtime.import",
)
LEVELS = {
    "static": STATIC,
    "import": STATIC + IMPORT,
    "kernels": (*STATIC, *IMPORT, "runtime.kernels"),
    "engine": (*STATIC, *IMPORT, "runtime.kernels", "runtime.engine"),
}
IDS = LEVELS["engine"]
RESULTS = ("pass", "fail", "warn", "not-run")
TARGETS = ("index", "pypi", "url", "github-release")
EXCUSABLE = ("runtime.import", "runtime.kernels", "runtime.engine")


class Invalid(Exception):
    """The document is no verdict."""


def need(holds: bool, what: str) -> None:
    if not holds:
        raise Invalid(what)


def is_text(value: object) -> bool:
    return isinstance(value, str)


def is_texts(value: object) -> bool:
    return isinstance(value, list) and all(map(is_text, value))


def is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_counts(value: object) -> bool:
    return isinstance(value, dict) and all(map(is_number, value.values()))


def field(value: object, name: str) -> Any:
    need(isinstance(value, dict) and name in value, f"no field {name}")
    return value[name]  # type: ignore[index]


def is_digest(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value) is not None


def demand_check(check: object) -> None:
    need(isinstance(check, dict), "a check is no object")
    need(field(check, "id") in IDS, "an unknown check")
    need(field(check, "result") in RESULTS, "an unknown result")
    need(is_text(field(check, "detail")), "detail is no text")
    need(isinstance(field(check, "evidence"), dict), "evidence is no object")
    assert isinstance(check, dict)
    if "before" in check:
        need(check["before"] in RESULTS, "an unknown result in before")
    for name in ("reference", "remedy"):
        need(name not in check or is_text(check[name]), f"{name} is no text")
    need("lacks" not in check or is_texts(check["lacks"]), "lacks is no list of texts")
    accepted = check.get("acceptedBy", [])
    need(
        isinstance(accepted, list) and all(kind in TARGETS for kind in accepted),
        "an unknown target",
    )


def demand_isa(isa: object) -> None:
    need(is_texts(field(isa, "claimed")), "isa.claimed is no list of texts")
    need(is_counts(field(isa, "found")), "isa.found has no counts")
    files = field(isa, "files")
    need(isinstance(files, list), "isa.files is no list")
    for one in files:
        need(
            is_text(field(one, "path")) and is_text(field(one, "method")), "isa.files: path, method"
        )
        need(
            is_number(field(one, "bytes")) and is_counts(field(one, "found")),
            "isa.files: bytes, found",
        )


def demand_verdict(verdict: object) -> None:
    """Refuses what is no verdict: the tables of "Form"."""
    need(field(verdict, "_type") == "https://in-toto.io/Statement/v1", "another type of statement")
    need(
        field(verdict, "predicateType") == "https://slsa.dev/verification_summary/v1",
        "another type of predicate",
    )
    subject = field(verdict, "subject")
    need(isinstance(subject, list) and len(subject) == 1, "not one subject")
    need(is_text(field(subject[0], "name")), "the subject has no name")
    need(is_digest(field(field(subject[0], "digest"), "sha256")), "the subject has no sha256")
    predicate = field(verdict, "predicate")
    verifier = field(predicate, "verifier")
    versions = field(verifier, "version")
    need(is_text(field(verifier, "id")), "verifier.id is no text")
    need(isinstance(versions, dict) and all(map(is_text, versions.values())), "verifier.version")
    for name in ("timeVerified", "resourceUri"):
        need(is_text(field(predicate, name)), f"{name} is no text")
    policy = field(predicate, "policy")
    need(is_text(field(policy, "uri")), "policy.uri is no text")
    if "digest" in policy:
        need(is_digest(field(policy["digest"], "sha256")), "policy.digest is no sha256")
    need(field(predicate, "verificationResult") in ("PASSED", "FAILED"), "verificationResult")
    need(is_texts(field(predicate, "verifiedLevels")), "verifiedLevels is no list of texts")
    need(field(predicate, "variant") is None or is_text(predicate["variant"]), "variant is no text")
    need(field(predicate, "level") in tuple(LEVELS), "an unknown level")
    torch = field(predicate, "torch")
    if torch is not None:
        need(is_text(field(torch, "version")), "torch.version is no text")
        need(isinstance(field(torch, "cudaAvailable"), bool), "torch.cudaAvailable is no boolean")
    demand_isa(field(predicate, "isa"))
    checks = field(predicate, "checks")
    need(isinstance(checks, list), "checks is no list")
    for check in checks:
        demand_check(check)


def severity(policy: dict[str, Any], check: str, target: str) -> str:
    stated = policy["targets"][target]["checks"].get(check, policy["checks"][check])
    return "strict" if stated == "error" and policy["strict"] else stated


def judged(answer: str, how: str) -> str:
    if how == "off":
        return "not-run"
    if how == "strict" and answer == "warn":
        return "fail"
    if how == "warn" and answer == "fail":
        return "warn"
    return answer


def answer_of(check: dict[str, Any]) -> str:
    return check.get("before", check["result"])


def judge(
    name: str,
    sha256: str,
    verdict: Any,
    policy: dict[str, Any],
    target: str,
    contracts: dict[str, list[str]],
    implied: dict[str, list[str]],
) -> dict[str, Any]:
    """The numbered steps of "How one is judged"."""
    try:
        demand_verdict(verdict)
    except Invalid as problem:
        return {"decision": "refuse", "code": "E_VERDICT_INVALID", "reasons": [str(problem)]}
    subject, predicate = verdict["subject"][0], verdict["predicate"]
    if (subject["name"], subject["digest"]["sha256"]) != (name, sha256):
        return {"decision": "refuse", "code": "E_VERDICT_OTHER_BYTES", "reasons": ["other bytes"]}
    reasons: list[tuple[str | None, str]] = []
    checks = predicate["checks"]
    for check in checks:
        if judged(answer_of(check), severity(policy, check["id"], target)) == "fail":
            reasons.append((check["id"], check["detail"]))
    gaps = policy["targets"][target]["acceptUnproven"]
    excused = {one for feature in gaps["features"] for one in implied[feature]}
    if gaps["ownContract"]:
        excused.update(contracts.get(predicate["variant"] or "", []))
    lacked: set[str] = set()
    for wanted in LEVELS[policy["targets"][target]["level"]]:
        if severity(policy, wanted, target) == "off":
            continue
        answers = [check for check in checks if check["id"] == wanted]
        if len(answers) != 1:
            reasons.append((wanted, f"it is answered {len(answers)} times"))
            continue
        (check,) = answers
        if answer_of(check) != "not-run":
            continue
        lacks = check.get("lacks", [])
        is_taken = (
            wanted in EXCUSABLE
            and check["result"] == "not-run"
            and len(lacks) > 0
            and excused.issuperset(lacks)
            and target in check.get("acceptedBy", [])
        )
        if is_taken:
            lacked.update(lacks)
        else:
            reasons.append((wanted, check["detail"]))
    if predicate["verificationResult"] != "PASSED":
        reasons.append((None, "the verdict's own result is FAILED"))
    if reasons:
        return {
            "decision": "refuse",
            "code": "E_VERDICT_FAILED",
            "checks": sorted({check for check, _ in reasons if check is not None}),
            "reasons": [f"{check}: {why}" if check else why for check, why in reasons],
        }
    status = "proven-but-isa" if lacked else "proven"
    return {"decision": "accept", "status": status, "lacked": sorted(lacked)}


def read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def judge_vectors(folder: Path, files: list[Path]) -> dict[str, Any]:
    contracts, implied = read(folder / "contracts.json"), read(folder / "features.json")
    outcomes = {}
    for path in files or sorted((folder / "cases").glob("*.json")):
        case = read(path)
        policy = read(folder / "policies" / f"{case['policy']}.json")
        wheel = case["wheel"]
        known = (policy, case["target"], contracts, implied)
        outcome = judge(wheel["fileName"], wheel["sha256"], case["verdict"], *known)
        outcome.pop("reasons", None)
        outcomes[path.stem] = outcome
    return outcomes


def judge_wheel(wheel: Path, target: str, policy: Path) -> bool:
    try:
        verdict = read(wheel.with_name(f"{wheel.name}.verdict.json"))
    except FileNotFoundError:
        print(f"{wheel.name}: refuse, E_VERDICT_MISSING")
        return False
    except ValueError:
        verdict = None
    sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
    contracts, implied = read(VECTORS / "contracts.json"), read(VECTORS / "features.json")
    outcome = judge(wheel.name, sha256, verdict, read(policy), target, contracts, implied)
    lacked = f", not run: {', '.join(outcome['lacked'])}" if outcome.get("lacked") else ""
    print(
        f"{wheel.name}: {outcome['decision']}, {outcome.get('code') or outcome['status']}{lacked}"
    )
    for reason in outcome.get("reasons", []):
        print(f"  {reason}")
    return outcome["decision"] == "accept"


def main() -> int:
    parser = argparse.ArgumentParser(description="Judges verdicts by docs/verdict.md.")
    commands = parser.add_subparsers(dest="command", required=True)
    wheel = commands.add_parser("wheel", help="judge wheels that lie beside their verdicts")
    wheel.add_argument("--target", choices=TARGETS, default="pypi")
    wheel.add_argument("--policy", type=Path, default=VECTORS / "policies" / "default.json")
    wheel.add_argument("wheels", nargs="+", type=Path)
    vectors = commands.add_parser("vectors", help="judge test vectors and print JSON")
    vectors.add_argument("folder", type=Path)
    vectors.add_argument("files", nargs="*", type=Path)
    options = parser.parse_args()
    if options.command == "vectors":
        json.dump(judge_vectors(options.folder, options.files), sys.stdout, indent=1)
        return 0
    taken = [judge_wheel(path, options.target, options.policy) for path in options.wheels]
    return 0 if all(taken) else 1


if __name__ == "__main__":
    sys.exit(main())
