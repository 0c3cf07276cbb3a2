"""Compares every kernel with plain torch; `python -m vllm_cpu_sample.selfcheck` prints a table.

The functions are the entry points of the group `cpu_wheel.kernel_checks`. Each takes nothing and
returns one dict a case: `name`, `shape`, `max_error` and `tolerance`. A case holds if
`max_error <= tolerance`; errors are relative, to what each function says.
"""

import sys
from typing import TypedDict

import torch

import vllm_cpu_sample  # noqa: F401  (registers the operators)

ops = torch.ops.vllm_cpu_sample

# Half a unit in the last place of a float: what one rounding can do, relative to the value.
ROUNDING = 2.0**-24


class Case(TypedDict):
    name: str
    shape: str
    max_error: float
    tolerance: float


def _generator() -> torch.Generator:
    # Its own, so that a check neither depends on nor disturbs the caller's random numbers.
    return torch.Generator().manual_seed(20240229)


def _worst(out: torch.Tensor, expected: torch.Tensor, scale: torch.Tensor) -> float:
    """The largest |out - expected| / scale; infinite where the output is no number or no fit."""
    if out.shape != expected.shape:
        return float("inf")
    if out.numel() == 0:
        return 0.0
    error = (out.double() - expected.double()).abs()
    # 0 / 0 is no error: nothing was summed, and nothing came out.
    relative = torch.where(error == 0, 0.0, error / scale.double())
    return float(torch.nan_to_num(relative, nan=float("inf")).max())


def int8_gemv() -> list[Case]:
    """u8 x s8 sums in 32 bits are exact whatever the order, so the tolerance is 0."""
    generator = _generator()
    cases: list[Case] = []

    def case(shape: str, weight: torch.Tensor, x: torch.Tensor) -> None:
        expected = (weight.long() * x.long()).sum(1)
        error = (ops.int8_gemv(weight, x).long() - expected).abs()
        worst = float(error.max()) if error.numel() else 0.0
        cases.append({"name": "int8_gemv", "shape": shape, "max_error": worst, "tolerance": 0.0})

    for rows, cols in [
        *[(0, 7), (3, 0), (1, 1), (3, 15), (4, 16), (5, 17), (2, 31), (4, 32), (6, 33)],
        *[(7, 63), (8, 64), (9, 65), (13, 127), (33, 1000), (130, 4099)],
    ]:
        weight = torch.randint(-128, 128, (rows, cols), generator=generator, dtype=torch.int8)
        x = torch.randint(0, 256, (cols,), generator=generator, dtype=torch.uint8)
        case(f"{rows}x{cols}", weight, x)
    # Instructions that keep pairs in 16 bits saturate here; 65793 is the longest legal row.
    for cols in (2, 67, 65793):
        for value in (-128, 127):
            weight = torch.full((5, cols), value, dtype=torch.int8)
            x = torch.full((cols,), 255, dtype=torch.uint8)
            case(f"5x{cols} of 255*{value}", weight, x)
    return cases


def _bf16(generator: torch.Generator, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=generator).to(torch.bfloat16)


def bf16_gemv() -> list[Case]:
    """Relative to the sum of the products' magnitudes.

    Products of bf16 are exact in float, so only the additions round. At least 8 sums run side by
    side, and fewer than 16 steps put them together: no value goes through more than
    cols / 8 + 16 roundings, each of at most 2**-24 of that sum.
    """
    generator = _generator()
    cases: list[Case] = []
    for rows, cols in [
        *[(0, 7), (3, 0), (1, 1), (3, 7), (4, 8), (5, 9), (2, 15), (4, 16), (6, 17)],
        *[(7, 31), (8, 32), (9, 33), (13, 127), (33, 1000), (130, 4099)],
    ]:
        weight, x = _bf16(generator, rows, cols), _bf16(generator, cols)
        products = weight.double() * x.double()
        cases.append(
            {
                "name": "bf16_gemv",
                "shape": f"{rows}x{cols}",
                "max_error": _worst(
                    ops.bf16_gemv(weight, x), products.sum(1), products.abs().sum(1)
                ),
                "tolerance": (cols / 8 + 16) * ROUNDING,
            }
        )
    return cases


def bf16_matmul() -> list[Case]:
    """Relative to the sum of the products' magnitudes, as for bf16_gemv.

    But an AMX tile adds all of a depth one after the other: up to depth + 16 roundings.
    """
    generator = _generator()
    cases: list[Case] = []
    for rows, depth, columns in [
        *[(0, 8, 4), (4, 8, 0), (3, 0, 5), (1, 1, 1), (2, 7, 3), (5, 31, 4), (15, 32, 15)],
        *[(16, 32, 16), (17, 33, 17), (31, 65, 47), (64, 64, 64), (65, 127, 33), (129, 515, 131)],
    ]:
        a, b = _bf16(generator, rows, depth), _bf16(generator, columns, depth)
        left, right = a.double(), b.double()
        cases.append(
            {
                "name": "bf16_matmul",
                "shape": f"{rows}x{depth}x{columns}",
                "max_error": _worst(
                    ops.bf16_matmul(a, b), left @ right.T, left.abs() @ right.T.abs()
                ),
                "tolerance": (depth + 16) * ROUNDING,
            }
        )
    return cases


def rms_norm() -> list[Case]:
    """Relative to each value.

    Squares don't cancel, so their sum is as good as its longest chain of additions, cols / 8 + 8
    roundings; the root halves that, and the handful of roundings after it adds less than 8.
    """
    generator = _generator()
    epsilon = 1e-6
    cases: list[Case] = []
    for shape in [
        *[(0, 16), (1, 1), (3, 7), (2, 8), (5, 15), (4, 16), (3, 17), (2, 31), (7, 33)],
        *[(2, 3, 129), (64, 1000), (9, 4099)],
    ]:
        cols = shape[-1]
        weight = torch.randn(cols, generator=generator)
        # From tiny, where epsilon decides, to large.
        for factor in (1e-4, 1.0, 1e4):
            x = torch.randn(*shape, generator=generator) * factor
            out = torch.empty_like(x)
            ops.rms_norm(out, x, weight, epsilon)
            wide = x.double()
            mean = wide.square().mean(-1, keepdim=True)
            expected = wide * (mean + epsilon).rsqrt() * weight.double()
            cases.append(
                {
                    "name": "rms_norm",
                    "shape": f"{'x'.join(map(str, shape))} of {factor:g}",
                    "max_error": _worst(out, expected, expected.abs()),
                    "tolerance": (cols / 16 + 12) * ROUNDING,
                }
            )
    return cases


def silu_and_mul() -> list[Case]:
    """Relative to each value, or to 2**-80 below that.

    The exponential is good to 4 roundings at most, the sum, the quotient and the product after it
    add one each; twice that and a little more is 16. The kernel stops at exp(88): what lies beyond
    is below 2**-110 and counts as nothing.
    """
    generator = _generator()
    cases: list[Case] = []

    def case(shape: str, x: torch.Tensor) -> None:
        cols = x.shape[-1] // 2
        out = torch.empty(*x.shape[:-1], cols)
        ops.silu_and_mul(out, x)
        gate, up = x.double().split(cols, dim=-1) if cols else (x.double(), x.double())
        expected = gate / (1 + (-gate).exp()) * up
        worst = _worst(out, expected, expected.abs().clamp_min(2.0**-80))
        tolerance = 16 * ROUNDING
        cases.append(
            {"name": "silu_and_mul", "shape": shape, "max_error": worst, "tolerance": tolerance}
        )

    for shape in [
        *[(0, 16), (3, 0), (1, 2), (3, 14), (2, 16), (5, 18), (4, 30), (3, 32), (2, 34)],
        *[(2, 3, 258), (64, 2000), (9, 8198)],
    ]:
        x = torch.randn(*shape, generator=generator) * 4
        case("x".join(map(str, shape)), x)
    # Past where the exponential under- and overflows, both ways.
    gate = torch.linspace(-200, 200, 4001)
    case("1x8002 from -200 to 200", torch.cat([gate, torch.ones_like(gate)])[None])
    return cases


CHECKS = (int8_gemv, bf16_gemv, bf16_matmul, rms_norm, silu_and_mul)


def main() -> int:
    cases = [case for check in CHECKS for case in check()]
    # `not <=`, so that a NaN misses.
    missed = sum(not case["max_error"] <= case["tolerance"] for case in cases)
    print(f"compiled for {ops.compiled_isa()}")
    print(f"{'kernel':<14}{'shape':<28}{'max error':>12}{'tolerance':>12}")
    for case in cases:
        verdict = "ok" if case["max_error"] <= case["tolerance"] else "MISS"
        print(
            f"{case['name']:<14}{case['shape']:<28}"
            f"{case['max_error']:>12.3g}{case['tolerance']:>12.3g}  {verdict}"
        )
    print(f"{len(cases)} cases, {missed} missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
