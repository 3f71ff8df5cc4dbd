"""The engine's keyed draws (engine/src/numbers/noise.rs), from their description.

Philox4x32-10 (Salmon et al., 2011) on numpy: a number is looked up by its key and
counter, so it does not depend on what else is drawn.
"""

import numpy as np

LOW = np.uint64(0xFFFFFFFF)


def philox(key: tuple[int, int], counter) -> list[np.ndarray]:
    """Four words for each of the counters, which are four arrays of one shape (or numbers)."""
    c = [np.asarray(x, dtype=np.uint64) for x in np.broadcast_arrays(*counter)]
    k = list(key)
    for _ in range(10):
        # Both factors are below 2^32, so 64 bits hold the product.
        a, b = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        high = np.uint64(32)
        c = [
            (b >> high) ^ c[1] ^ np.uint64(k[0]),
            b & LOW,
            (a >> high) ^ c[3] ^ np.uint64(k[1]),
            a & LOW,
        ]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def uniform(seed: int, sample: int, step, token: int, stream: int) -> np.ndarray:
    """Between 0 and 1, by step: 52 bits, half a step in."""
    words = philox((seed & 0xFFFFFFFF, seed >> 32), (token, step, sample, stream))
    bits = (words[0] << np.uint64(20)) | (words[1] >> np.uint64(12))
    return (bits.astype(np.float64) + 0.5) / 2.0**52


def noise(seed: int, draw: int, position: int, n: int) -> np.ndarray:
    """`n` standard normal numbers (Box and Muller, 1958), as float32."""
    u, v = (uniform(seed, draw, np.arange(n), position, stream) for stream in (4, 5))
    return (np.sqrt(-2.0 * np.log(u)) * np.cos(2.0 * np.pi * v)).astype(np.float32)


def shuffle(seed: int, n: int) -> list[int]:
    return np.argsort(uniform(seed, 0, np.arange(n), 0, 3), kind="stable").tolist()


def resamples(draws: int, n: int, seed: int = 0) -> np.ndarray:
    """[draws, n] of the numbers below n, with replacement."""
    rows = [uniform(seed, draw, np.arange(n), 0, 6) * n for draw in range(draws)]
    return np.stack(rows).astype(int)


def check() -> None:
    """Random123's own known answers, file kat_vectors, `philox4x32 10`."""
    ones = 0xFFFFFFFF
    known = [
        ((0, 0), (0, 0, 0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((ones, ones), (ones,) * 4, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    ]
    for key, counter, expected in known:
        found = tuple(int(w) for w in philox(key, counter))
        if found != expected:
            raise AssertionError(f"philox: {found}, {expected} expected")


check()
