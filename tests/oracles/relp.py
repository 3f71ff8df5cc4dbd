"""Gradients as the authors of relevance patching propagate them, for gradients.py to compare.

    python relp.py REQUEST ANSWER

It runs in eap_ig.py's environment, with the folder TransformerLens of FarnoushRJ/RelP
(aa0e228) on PYTHONPATH: the authors' fork of TransformerLens, which is in no registry.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformer_lens import HookedTransformerConfig

from old_lens import hooked_transformer

RULES = {
    "relp": ["LN-rule", "Identity-rule", "Half-rule"],  # their README's, for GPT-2 small
    "relp_ah": ["LN-rule", "AH-rule", "Identity-rule", "Half-rule"],
}
HOOKS = {
    "embed": "hook_embed",
    "pos_embed": "hook_pos_embed",
    "ln_final": "ln_final.hook_normalized",  # in this fork after the weight and bias
    "resid_pre": "blocks.{}.hook_resid_pre",
    "q": "blocks.{}.attn.hook_q",
    "k": "blocks.{}.attn.hook_k",
    "v": "blocks.{}.attn.hook_v",
    "z": "blocks.{}.attn.hook_z",
    "pattern": "blocks.{}.attn.hook_pattern",
    "attn_out": "blocks.{}.hook_attn_out",
    "resid_mid": "blocks.{}.hook_resid_mid",
    "mlp_pre": "blocks.{}.mlp.hook_pre",
    "mlp_post": "blocks.{}.mlp.hook_post",
    "mlp_out": "blocks.{}.hook_mlp_out",
    "resid_post": "blocks.{}.hook_resid_post",
}


def main() -> None:
    torch.set_num_threads(1)
    arrays: dict[str, torch.Tensor] = {}
    for asked in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
        for rule, names in RULES.items():
            # Before the model is built: its activation function is chosen then.
            HookedTransformerConfig.LRP_rules = names
            model = hooked_transformer(Path(asked["folder"]), use_lrp=True)
            found: dict[str, torch.Tensor] = {}
            keep = lambda gradient, hook: found.update({hook.name: gradient[0].clone()})
            with model.hooks(bwd_hooks=[(lambda name: True, keep)]):
                logits = model(torch.tensor([asked["tokens"]]))[0, -1]
                (logits[asked["answer"]] - logits[asked["wrong"]]).backward()
            for site, hook in HOOKS.items():
                for l in range(model.cfg.n_layers) if "{}" in hook else [None]:
                    # A place that nothing flows back to is not there.
                    if hook.format(l) in found:
                        key = f"{asked['name']}/{rule}/{site}/{l}"
                        arrays[key] = found[hook.format(l)].contiguous()
    save_file(arrays, sys.argv[2])


if __name__ == "__main__":
    main()
