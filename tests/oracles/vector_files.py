"""A control vector as repeng itself writes it, for engine/tests/vector_files.rs.

    python vector_files.py        # writes values/control_vector{,_mini}.{gguf,json}

(that of `mini`, which is 128 wide, is for tests/browser/sources.test.mjs)

Needs, besides requirements.txt:

    pip install gguf==0.19.0
    pip install --no-deps repeng==0.4.0
"""

import json
from pathlib import Path

import numpy as np

np.float_ = np.float64  # repeng asks for an older numpy, for this one name

from repeng import ControlVector

VALUES = Path(__file__).resolve().parent / "values"


def write(name: str, layers: tuple[int, ...], width: int) -> None:
    numbers = np.random.default_rng(7).normal(size=(len(layers), width)).astype(np.float32)
    directions = dict(zip(layers, numbers))
    ControlVector(model_type="gpt2", directions=directions).export_gguf(VALUES / f"{name}.gguf")
    expected = {str(layer): [float(x) for x in row] for layer, row in directions.items()}
    (VALUES / f"{name}.json").write_text(json.dumps(expected) + "\n")


write("control_vector", (1, 2, 11), 24)
write("control_vector_mini", (0, 1, 2), 128)
