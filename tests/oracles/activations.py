"""Raw activations as files, for engine/tests/export.rs.

    python activations.py        # writes values/activations.safetensors and values/clean.{z,pattern}.npy

PyTorch's own, by TransformerLens's names and shapes, of the first case of values/bare.json.
"""

import json

import numpy as np
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

from hooked import Hooked
from steer import HERE

NAMES = {
    "resid_pre": "hook_resid_pre",
    "q": "attn.hook_q",
    "pattern": "attn.hook_pattern",
    "z": "attn.hook_z",
    "mlp_pre": "mlp.hook_pre",
    "mlp_post": "mlp.hook_post",
    "resid_post": "hook_resid_post",
}

torch.set_grad_enabled(False)
model = AutoModelForCausalLM.from_pretrained(
    HERE / "models/bare", dtype=torch.float32, attn_implementation="eager"
).eval()
case = json.loads((HERE / "values/bare.json").read_text())["cases"][0]
hooked, arrays = Hooked(model), {}
for run in ("clean", "corrupted"):
    logits, kept = hooked.activations(case[run]["tokens"])
    arrays[f"{run}.logits"] = logits.contiguous()
    for site, name in NAMES.items():
        for layer in range(model.config.n_layer):
            arrays[f"{run}.blocks.{layer}.{name}"] = kept[site, layer].contiguous()
    if run == "clean":
        for site in ("z", "pattern"):
            stacked = [kept[site, layer].numpy() for layer in range(model.config.n_layer)]
            np.save(HERE / f"values/clean.{site}.npy", np.stack(stacked))
save_file(arrays, HERE / "values/activations.safetensors")
