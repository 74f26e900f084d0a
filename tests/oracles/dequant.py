"""Writes tests/fixtures/kernel/dequant.txt: random blocks of each encoding and the floats that gguf-py makes of them.

Run: python tests/oracles/dequant.py > tests/fixtures/kernel/dequant.txt   (pip install gguf numpy)
A line is: encoding, the block in hex, its values as little-endian float32 in hex.
"""
import importlib.metadata

import gguf
import numpy

SCALES = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q4_K": [0, 2], "Q5_K": [0, 2],
          "Q6_K": [208], "F16": [], "BF16": []}
VALUES = [0x0000, 0x0001, 0xB800, 0x3C00, 0x83FF, 0x2E66]  # zero, least and largest subnormal, -0.5, 1, 0.1

random = numpy.random.default_rng(2)
print("# gguf", importlib.metadata.version("gguf"), "tests/oracles/dequant.py")
for name, offsets in SCALES.items():
    kind = gguf.GGMLQuantizationType[name]
    n_values, n_bytes = gguf.GGML_QUANT_SIZES[kind]
    for scale in VALUES if offsets else VALUES + [0x7BFF]:
        block = random.integers(0, 256, n_bytes, dtype=numpy.uint8)
        for at in offsets or [0]:
            block[at : at + 2] = numpy.array([scale], dtype="<u2").view(numpy.uint8)
        values = gguf.quants.dequantize(block.reshape(1, -1), kind).astype("<f4")
        print(name, block.tobytes().hex(), values.tobytes().hex())
