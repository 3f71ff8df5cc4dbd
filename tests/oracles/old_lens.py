"""A checkpoint as TransformerLens 2's HookedTransformer, for those whose code is built on it."""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformer_lens import HookedTransformer, HookedTransformerConfig


def hooked_transformer(folder: Path, **settings) -> HookedTransformer:
    """In float64, nothing folded or centred; `settings` are the config's."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    stored = load_file(folder / "model.safetensors")
    w = {key.removeprefix("transformer."): t.double() for key, t in stored.items()}
    heads, width = config["n_head"], config["n_embd"]
    model = HookedTransformer(
        HookedTransformerConfig(
            n_layers=config["n_layer"],
            n_heads=heads,
            d_model=width,
            d_head=width // heads,
            d_mlp=config.get("n_inner") or 4 * width,
            n_ctx=config["n_positions"],
            d_vocab=config["vocab_size"],
            act_fn=config["activation_function"],
            eps=config["layer_norm_epsilon"],
            normalization_type="LN",
            scale_attn_by_inverse_layer_idx=config.get("scale_attn_by_inverse_layer_idx", False),
            dtype=torch.float64,
            device="cpu",
            **settings,
        )
    )
    state = {
        "embed.W_E": w["wte.weight"],
        "pos_embed.W_pos": w["wpe.weight"],
        "ln_final.w": w["ln_f.weight"],
        "ln_final.b": w["ln_f.bias"],
        "unembed.W_U": w.get("lm_head.weight", w["wte.weight"]).T,
        "unembed.b_U": torch.zeros(config["vocab_size"], dtype=torch.float64),
    }
    for l in range(config["n_layer"]):
        from_, to = f"h.{l}", f"blocks.{l}"
        for i in (1, 2):
            state[f"{to}.ln{i}.w"] = w[f"{from_}.ln_{i}.weight"]
            state[f"{to}.ln{i}.b"] = w[f"{from_}.ln_{i}.bias"]
        weights = w[f"{from_}.attn.c_attn.weight"].chunk(3, 1)
        biases = w[f"{from_}.attn.c_attn.bias"].chunk(3)
        for part, weight, bias in zip("QKV", weights, biases):
            state[f"{to}.attn.W_{part}"] = weight.unflatten(1, (heads, -1)).transpose(0, 1)
            state[f"{to}.attn.b_{part}"] = bias.unflatten(0, (heads, -1))
        state[f"{to}.attn.W_O"] = w[f"{from_}.attn.c_proj.weight"].unflatten(0, (heads, -1))
        state[f"{to}.attn.b_O"] = w[f"{from_}.attn.c_proj.bias"]
        state[f"{to}.mlp.W_in"] = w[f"{from_}.mlp.c_fc.weight"]
        state[f"{to}.mlp.b_in"] = w[f"{from_}.mlp.c_fc.bias"]
        state[f"{to}.mlp.W_out"] = w[f"{from_}.mlp.c_proj.weight"]
        state[f"{to}.mlp.b_out"] = w[f"{from_}.mlp.c_proj.bias"]
    unknown = model.load_state_dict(state, strict=False)
    missing = [key for key in unknown.missing_keys if not key.endswith(("mask", "IGNORE"))]
    if missing or unknown.unexpected_keys:
        raise ValueError(f"{folder}: {missing} missing, {unknown.unexpected_keys} unexpected")
    return model
