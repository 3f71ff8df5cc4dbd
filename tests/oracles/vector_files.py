"""A control vector as repeng itself writes it, for engine/tests/vector_files.rs.

    python vector_files.py        # writes values/control_vector.{gguf,json}

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

numbers = np.random.default_rng(7).normal(size=(3, 24)).astype(np.float32)
directions = {layer: row for layer, row in zip((1, 2, 11), numbers)}
ControlVector(model_type="gpt2", directions=directions).export_gguf(VALUES / "control_vector.gguf")
expected = {str(layer): [float(x) for x in row] for layer, row in directions.items()}
(VALUES / "control_vector.json").write_text(json.dumps(expected) + "\n")
