"""The kernel of a stage compiles for a GPU, whether there is one here or not."""

import os

import pytest

from seeds_samplers.sampling import fused

compiler = pytest.importorskip("triton.compiler")
if os.environ.get(fused.INTERPRETED) == "1":
    pytest.skip("Triton's interpreter does not compile", allow_module_level=True)


@pytest.mark.parametrize("result", ["fp32", "fp16", "bf16"])
@pytest.mark.parametrize(
    ("points", "known", "draws"), [(1, 0, False), (2, 0, True), (1, 1, True), (3, 0, True), (2, 2, True)]
)
def test_it_compiles(result, points, known, draws):
    from triton.backends.compiler import GPUTarget

    constants = {"POINTS": points, "KNOWN": known, "DRAWS": draws, "BLOCK": fused.BLOCK}
    kinds = {"x": "*fp32", "weights": "*fp32", "keys": "*i32", "denoised": f"*{result}"}
    kinds |= {f"to_{k}": "*fp32" for k in range(fused.MOST_POINTS)} | dict.fromkeys(constants, "constexpr")
    kinds |= dict.fromkeys(["begin", "end", "size", "half", "images"], "i32")
    kernel = fused.kernel()
    signature = {name: kinds.get(name, "fp32") for name in kernel.arg_names}
    source = compiler.ASTSource(kernel, signature, constexprs=constants)
    assert compiler.compile(source, target=GPUTarget("cuda", 90, 32)).asm["cubin"]
