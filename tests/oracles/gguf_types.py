"""Writes tests/fixtures/gguf: a file with a key of every type and a model split in three, by gguf-py.

Usage: gguf_types.py OUT_DIR        (Python 3.11, requirements.txt)
"""
import sys
from pathlib import Path

import numpy
from gguf import GGMLQuantizationType, GGUFValueType, GGUFWriter

from quern_random import random_u64

T = GGUFValueType


def some_bytes(seed, n):
    return (random_u64(seed, numpy.arange(n)) & numpy.uint64(255)).astype(numpy.uint8)


def all_types(path):
    w = GGUFWriter(path, "test")
    w.add_custom_alignment(64)
    w.add_uint8("a.u8", 255)
    w.add_int8("a.i8", -128)
    w.add_uint16("a.u16", 65535)
    w.add_int16("a.i16", -32768)
    w.add_uint32("a.u32", 4294967295)
    w.add_int32("a.i32", -2147483648)
    w.add_float32("a.f32", 0.1)
    w.add_bool("a.true", True)
    w.add_bool("a.false", False)
    w.add_string("a.string", "gr\u00fc\u00dfe \U0001f600\n")
    w.add_key_value("a.empty", "", T.STRING)
    w.add_uint64("a.u64", 18446744073709551615)
    w.add_int64("a.i64", -9223372036854775808)
    w.add_float64("a.f64", 0.1)
    for name, kind, values in (
        ("u8", T.UINT8, [0, 255]), ("i8", T.INT8, [-128, 127]), ("u16", T.UINT16, [1, 65535]),
        ("i16", T.INT16, [-32768, 5]), ("u32", T.UINT32, [7, 8, 9]), ("i32", T.INT32, [-1, 2]),
        ("f32", T.FLOAT32, [0.5, -1.25, 3e38]), ("bool", T.BOOL, [True, False, True]),
        ("u64", T.UINT64, [2**63]), ("i64", T.INT64, [-5, 2**62]), ("f64", T.FLOAT64, [1e-300]),
        ("string", T.STRING, ["", "one", "\u0120two", "three"]),
    ):
        w.add_key_value("array." + name, values, T.ARRAY, sub_type=kind)
    w.add_key_value("array.array", [[1, 2], [3]], T.ARRAY, sub_type=T.ARRAY)
    w.add_tensor("token_embd.weight", numpy.arange(12, dtype=numpy.float32).reshape(3, 4))
    w.add_tensor("blk.0.half", numpy.arange(5, dtype=numpy.float16))
    w.add_tensor("blk.0.attn_q.weight", some_bytes(1, 2 * 2 * 34).reshape(2, 68),
                 raw_dtype=GGMLQuantizationType.Q8_0)
    w.add_tensor("blk.0.experts", some_bytes(2, 2 * 3 * 18).reshape(2, 3, 18),
                 raw_dtype=GGMLQuantizationType.Q4_0)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def split(path):
    w = GGUFWriter(path, "test", split_max_tensors=2)
    w.add_name("split in three")
    for i in range(5):
        w.add_tensor(f"t{i}", numpy.full(4 + i, i, dtype=numpy.float32))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


out = Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
all_types(out / "all_types.gguf")
split(out / "split.gguf")
