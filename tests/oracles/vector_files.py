"""Directions in files that others write and read, for engine/tests/vector_files.rs.

    python vector_files.py [patchbay]

writes into values/

    control_vector{,_mini}.{gguf,json}   by repeng (that of `mini`, which is 128 wide, is for
                                         tests/browser/sources.test.mjs)
    control_vector_zero.gguf             by repeng, a layer of zeros in the middle
    other_tensor.gguf                    by the gguf package, a tensor that is no direction
    transformer_lens_{pre,two,z,sites}.safetensors, transformer_lens.json
                                         by PyTorch, under the names that TransformerLens gives
    written.{gguf,json}                  by the command `patchbay` (target/debug/patchbay or the
                                         one given), and what the gguf package reads of it; repeng
                                         and llama.cpp's rules have to take it

Needs, besides requirements.txt:

    pip install gguf==0.19.0
    pip install --no-deps repeng==0.4.0
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

np.float_ = np.float64  # repeng asks for an older numpy, for this one name

import gguf
import torch
from repeng import ControlVector
from safetensors.torch import save_file
from transformer_lens.utilities.components_utils import get_act_name

HERE = Path(__file__).resolve().parent
VALUES = HERE / "values"


def drawn(layers: tuple[int, ...], width: int) -> dict[int, np.ndarray]:
    numbers = np.random.default_rng(7).normal(size=(len(layers), width)).astype(np.float32)
    return dict(zip(layers, numbers))


def listed(directions: dict) -> dict:
    return {str(name): [float(x) for x in row] for name, row in directions.items()}


def write(name: str, layers: tuple[int, ...], width: int) -> None:
    directions = drawn(layers, width)
    ControlVector(model_type="gpt2", directions=directions).export_gguf(VALUES / f"{name}.gguf")
    (VALUES / f"{name}.json").write_text(json.dumps(listed(directions)) + "\n")


write("control_vector", (1, 2, 11), 24)
write("control_vector_mini", (0, 1, 2), 128)

directions = drawn((1, 2, 3), 24)
directions[2][:] = 0
ControlVector(model_type="gpt2", directions=directions).export_gguf(
    VALUES / "control_vector_zero.gguf"
)

writer = gguf.GGUFWriter(VALUES / "other_tensor.gguf", "controlvector")
writer.add_string("controlvector.model_hint", "gpt2")
writer.add_uint32("controlvector.layer_count", 1)
writer.add_tensor("mean.1", directions[1])
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()

rows = [torch.from_numpy(row) for row in drawn((0, 1, 2), 24).values()]
named = {
    "pre": {get_act_name("resid_pre", 2): rows[0]},
    "two": {get_act_name("resid_post", 1): rows[0], get_act_name("resid_post", 2): rows[1]},
    "z": {get_act_name("z", 1): rows[0].reshape(4, 6), get_act_name("z", 3): rows[1].reshape(4, 6)},
    "sites": {get_act_name("resid_pre", 2): rows[0], get_act_name("resid_post", 2): rows[1]},
}
for name, tensors in named.items():
    save_file(tensors, VALUES / f"transformer_lens_{name}.safetensors")
read = {
    name: listed({k: v.flatten() for k, v in tensors.items()}) for name, tensors in named.items()
}
(VALUES / "transformer_lens.json").write_text(json.dumps(read) + "\n")

patchbay = sys.argv[1] if len(sys.argv) > 1 else HERE.parents[1] / "target/debug/patchbay"
command = [
    patchbay,
    "direction",
    VALUES / "control_vector_mini.json",
    "--out",
    VALUES / "written.gguf",
]
subprocess.run(command, check=True)
file = gguf.GGUFReader(VALUES / "written.gguf")
fields = {
    name: field.contents() for name, field in file.fields.items() if not name.startswith("GGUF.")
}
tensors = {str(tensor.name): tensor.data for tensor in file.tensors}
for tensor in file.tensors:
    # llama.cpp, common_control_vector_load_one: of the name the part after the first dot is a
    # number and not 0; F32; one dimension.
    assert str(tensor.name).startswith("direction.") and int(str(tensor.name)[10:]) > 0, tensor.name
    assert tensor.tensor_type == gguf.GGMLQuantizationType.F32 and len(tensor.shape) == 1
own = ControlVector.import_gguf(VALUES / "written.gguf")
assert own.model_type == "gpt2" and set(own.directions) == {1, 2}
assert all((own.directions[layer] == drawn((0, 1, 2), 128)[layer]).all() for layer in (1, 2))
report = {"fields": fields, "tensors": listed(tensors)}
(VALUES / "written.json").write_text(json.dumps(report) + "\n")
