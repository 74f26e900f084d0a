"""The counter-based generator of the tests, alike in tests/support/support.c (qn_test_random).

Invariant: a value depends on (seed, index) and on nothing else, so that weights and prompts are
never stored: both sides make them."""

import numpy as np

MASK = (1 << 64) - 1


def random_u64(seed, index):
    """The 64-bit value at (seed, index); index may be an array of uint64."""
    index = np.asarray(index, dtype=np.uint64)
    with np.errstate(over="ignore"):
        z = np.uint64(seed * 0xD1B54A32D192ED03 & MASK) + (index + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def random_weights(seed, shape, base, scale):
    """float32 values base + scale * r, r uniform in [-1, 1) by steps of 2^-23; the product and the
    sum are each rounded to float32. Value i stands at place i of the array in row-major order."""
    n = int(np.prod(shape))
    top = (random_u64(seed, np.arange(n, dtype=np.uint64)) >> np.uint64(40)).astype(np.float32)
    r = (top - np.float32(1 << 23)) * np.float32(2.0**-23)
    return (np.float32(base) + np.float32(scale) * r).reshape(shape)


def random_ids(seed, n, n_vocab):
    """n token ids below n_vocab."""
    return [int(v) % n_vocab for v in random_u64(seed, np.arange(n, dtype=np.uint64))]
