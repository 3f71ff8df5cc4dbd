"""A small sparse autoencoder as SAELens writes one, for engine/tests/dictionary.rs and the browser.

    python dictionary.py        # writes dictionary/ and values/dictionary.{json,safetensors}

Random weights on the model `deep`; what its features find, computed in PyTorch as SAELens's
`SAE.encode` does: relu((x - b_dec) @ W_enc + b_enc). It knows the residual stream of
processed weights, so `x` comes from the model with its writing weights centred, as
TransformerLens's `center_writing_weights` leaves them, and not from centring `x` itself.
"""

import json

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from hooked import Hooked
from steer import HERE

LAYER, FEATURES = 2, 50
FOLDER = HERE / "dictionary" / f"blocks.{LAYER}.hook_resid_pre"

torch.set_grad_enabled(False)
model = AutoModelForCausalLM.from_pretrained(
    HERE / "models/deep", dtype=torch.float32, attn_implementation="eager"
).eval()
tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(HERE / "models/deep/tokenizer.json"))
tokens = tokenizer("I hate you because", add_special_tokens=False)["input_ids"]
raw = Hooked(model).activations(tokens)[1]["resid_pre", LAYER]

body = model.transformer
body.wte.weight.data = body.wte.weight - body.wte.weight.mean(-1, keepdim=True)
body.wpe.weight.data = body.wpe.weight - body.wpe.weight.mean(-1, keepdim=True)
for block in body.h:
    for out in (block.attn.c_proj, block.mlp.c_proj):
        out.weight.data = out.weight - out.weight.mean(-1, keepdim=True)
        out.bias.data = out.bias - out.bias.mean()
x = Hooked(model).activations(tokens)[1]["resid_pre", LAYER]
assert (x - raw).abs().max() > 1e-2, "centring is to be seen"

width = model.config.n_embd
random = torch.Generator().manual_seed(3)
draw = lambda *shape: torch.randn(*shape, generator=random)
weights = {
    "W_enc": draw(width, FEATURES) / width**0.5,
    "W_dec": torch.nn.functional.normalize(draw(FEATURES, width), dim=-1),
    "b_enc": 0.1 * draw(FEATURES),
    "b_dec": 0.1 * draw(width),
}
FOLDER.mkdir(parents=True, exist_ok=True)
save_file(weights, FOLDER / "sae_weights.safetensors")
# The fields of jbloom/GPT2-Small-SAEs-Reformatted that say what the encoder is.
config = {
    "model_name": "deep",
    "hook_point": f"blocks.{LAYER}.hook_resid_pre",
    "hook_point_layer": LAYER,
    "hook_point_head_index": None,
    "d_in": width,
    "d_sae": FEATURES,
    "dtype": "torch.float32",
}
(FOLDER / "cfg.json").write_text(json.dumps(config) + "\n")

activations = torch.relu((x - weights["b_dec"]) @ weights["W_enc"] + weights["b_enc"])
values = {"activations": activations.T.contiguous(), "W_dec": weights["W_dec"]}
save_file(values, HERE / "values/dictionary.safetensors")
report = {
    "model": "deep",
    "layer": LAYER,
    "features": FEATURES,
    "tokens": tokens,
    "activations": "activations",
    "W_dec": "W_dec",
}
(HERE / "values/dictionary.json").write_text(json.dumps(report, indent=1) + "\n")
