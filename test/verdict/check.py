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
from collections.abc import Callable
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).resolve().parents[2] / "docs" / "verdict-vectors"

STATIC = (
    *("zip.integrity", "record.hashes", "name.agreement", "tags.agreement", "platform.glibc"),
    *("platform.libraries", "elf.cuda-free", "metadata.torch-requirement"),
    *("metadata.cpu-instructions", "isa.contained", "isa.used"),
)
IMPORT = (
    *("runtime.resolve", "runtime.torch-cpu", "runtime.cuda-unavailable"),
    *("runtime.no-cuda-packages", "runtime.torchvision", "runtime.import"),
)
LEVELS = {
    "static": STATIC,
    "import": STATIC + IMPORT,
    "kernels": (*STATIC, *IMPORT, "runtime.kernels"),
    "engine": (*STATIC, *IMPORT, "runtime.kernels", "runtime.engine"),
}
# Asked on request only: no level is made of it.
IDS = (*LEVELS["engine"], "runtime.speed")
RESULTS = ("pass", "fail", "warn", "not-run")
ISOLATIONS = ("none", "landlock", "namespaces")
TARGETS = ("index", "pypi", "url", "github-release")
EXCUSABLE = ("runtime.import", "runtime.kernels", "runtime.engine")


class Invalid(Exception):
    """The document is no verdict."""


Test = Callable[[Any], bool]


def text(value: object) -> bool:
    return isinstance(value, str)


def number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def digest(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value) is not None


def one_of(*words: object) -> Test:
    return lambda value: any(value == word and type(value) is type(word) for word in words)


def list_of(test: Test) -> Test:
    return lambda value: isinstance(value, list) and all(map(test, value))


def map_of(test: Test) -> Test:
    return lambda value: isinstance(value, dict) and all(map(test, value.values()))


def fields(**tests: Test) -> Test:
    """An object with these fields; one whose name ends in _ may be absent, and is spelt without."""

    def test(value: object) -> bool:
        if not isinstance(value, dict):
            return False
        for name, inner in tests.items():
            key = name.removesuffix("_")
            is_left_out = name.endswith("_") and key not in value
            if not is_left_out and (key not in value or not inner(value[key])):
                raise Invalid(f"{key} is missing or is something else")
        return True

    return test


def or_null(test: Test) -> Test:
    return lambda value: value is None or test(value)


PLACE = fields(address=text, symbol=or_null(text), instruction=text)
FINDING = fields(kind=text, file_=or_null(text), requirement_=or_null(text), places_=list_of(PLACE))
CHECK = {
    "id": one_of(*IDS),
    "result": one_of(*RESULTS),
    "detail": text,
    "evidence": map_of(lambda _any: True),
    "before_": one_of(*RESULTS),
    "omitted_": number,
    "reference_": text,
    "remedy_": text,
    "lacks_": list_of(text),
    "emulated_": list_of(text),
    "acceptedBy_": list_of(one_of(*TARGETS)),
    "isolation_": one_of(*ISOLATIONS),
    "provenAt_": text,
    "provenOn_": text,
}
COVERAGE = {"symbols": number, "unwind": number, "linear": number, "padding": number}
COUNTS = map_of(number)


def file_with(coverage: Test) -> Test:
    return fields(
        path=text, method=text, bytes=number, found=COUNTS, coverage_=coverage, codeSha256_=digest
    )


COMMON = {
    "verifier": fields(id=text, version=map_of(text)),
    "timeVerified": text,
    "resourceUri": text,
    "policy": fields(uri=text, digest_=fields(sha256=digest)),
    "verificationResult": one_of("PASSED", "FAILED"),
    "verifiedLevels": list_of(text),
    "variant": or_null(text),
    "level": one_of(*LEVELS),
    "torch": or_null(fields(version=text, cudaAvailable=one_of(True, False))),
}


def predicate(nobody: str, check: Test, **more: Test) -> Test:
    """A predicate of one format; nobody is what it calls the bytes that nobody names."""
    files = list_of(file_with(fields(**COVERAGE, **{nobody: number})))
    isa = fields(claimed=list_of(text), found=COUNTS, files=files)
    return fields(**COMMON, isa=isa, checks=list_of(check), **more)


OLDER = predicate("unowned", fields(**CHECK))
CURRENT = predicate(
    "unattributed", fields(**CHECK, findings=list_of(FINDING)), formatVersion=one_of(2)
)


def is_older(predicate_: object) -> bool:
    return isinstance(predicate_, dict) and "formatVersion" not in predicate_


SUBJECT = list_of(fields(name=text, digest=fields(sha256=digest)))
VERDICT = fields(
    _type=one_of("https://in-toto.io/Statement/v1"),
    subject=lambda value: SUBJECT(value) and len(value) == 1,
    predicateType=one_of("https://slsa.dev/verification_summary/v1"),
    predicate=lambda value: (OLDER if is_older(value) else CURRENT)(value),
)


def demand_verdict(verdict: object) -> None:
    """Refuses what is no verdict: the tables of "Form"."""
    if not VERDICT(verdict):
        raise Invalid("it is no object")


def satisfies(version: str, specifiers: str) -> bool:
    """PEP 440, for plain releases such as 1.2.3; anything else satisfies nothing here."""
    release = re.compile(r"\d+(\.\d+)*")
    for clause in filter(None, map(str.strip, specifiers.split(","))):
        found = re.fullmatch(r"(>=|<=|==|!=|>|<)\s*(\S+)", clause)
        if not found or not release.fullmatch(found[2]) or not release.fullmatch(version):
            return False
        have, want = ([*map(int, one.split(".")), *[0] * 9][:9] for one in (version, found[2]))
        sides = {">": have > want, "<": have < want, "=": have == want, "!": have != want}
        if not (sides[found[1][0]] or (found[1] in (">=", "<=") and have == want)):
            return False
    return True


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
    told = [answer for one in predicate["checks"] for answer in (one["result"], answer_of(one))]
    if is_older(predicate) and ("fail" in told or "warn" in told):
        return {"decision": "refuse", "code": "E_VERDICT_OLDER", "reasons": ["no findings"]}
    if (subject["name"], subject["digest"]["sha256"]) != (name, sha256):
        return {"decision": "refuse", "code": "E_VERDICT_OTHER_BYTES", "reasons": ["other bytes"]}
    if policy["signedBy"] is not None:
        return {
            "decision": "refuse",
            "code": "E_SIGNATURE",
            "reasons": ["no signature is checked here"],
        }
    reasons: list[tuple[str | None, str]] = []
    version = predicate["verifier"]["version"].get("vllm-cpu-wheels", "none")
    if policy["verifierVersions"] is not None and not satisfies(
        version, policy["verifierVersions"]
    ):
        reasons.append((None, f"verifier {version}, not {policy['verifierVersions']}"))
    checks = predicate["checks"]
    for check in checks:
        if judged(answer_of(check), severity(policy, check["id"], target)) == "fail":
            reasons.append((check["id"], check["detail"]))
    gaps = policy["targets"][target]["acceptUnproven"]
    excused = {one for feature in gaps["features"] for one in implied[feature]}
    if gaps["ownContract"]:
        excused.update(contracts.get(predicate["variant"] or "", []))
    lacked: set[str] = set()
    emulated: set[str] = set()
    for wanted in LEVELS[policy["targets"][target]["level"]]:
        if severity(policy, wanted, target) == "off":
            continue
        answers = [check for check in checks if check["id"] == wanted]
        if len(answers) != 1:
            reasons.append((wanted, f"it is answered {len(answers)} times"))
            continue
        (check,) = answers
        least = ISOLATIONS.index(policy["targets"][target]["isolation"])
        if (
            answer_of(check) in ("pass", "warn")
            and wanted in EXCUSABLE
            and ISOLATIONS.index(check.get("isolation", "none")) < least
        ):
            reasons.append((wanted, f"ran with isolation {check.get('isolation', 'none')}"))
        if answer_of(check) != "not-run":
            features = check.get("emulated", [])
            if answer_of(check) == "fail" or not features:
                continue
            may = policy["targets"][target]["acceptEmulated"] or excused.issuperset(features)
            if wanted in EXCUSABLE and may and target in check.get("acceptedBy", []):
                emulated.update(features)
            else:
                reasons.append((wanted, f"ran with {', '.join(features)} emulated"))
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
    status = "proven-but-isa" if lacked else "proven-emulated" if emulated else "proven"
    return {"decision": "accept", "status": status, "lacked": sorted(lacked | emulated)}


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
    how = "not run" if outcome.get("status") == "proven-but-isa" else "emulated"
    lacked = f", {how}: {', '.join(outcome['lacked'])}" if outcome.get("lacked") else ""
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
