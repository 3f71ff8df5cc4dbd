"""The same numbers from TransformerLens: TransformerBridge, raw weights, `patching`."""

import torch
from torch import Tensor
from transformer_lens import patching
from transformer_lens.model_bridge import TransformerBridge

SWEEPS = {
    "resid_pre": patching.get_act_patch_resid_pre,
    "attn_out": patching.get_act_patch_attn_out,
    "resid_mid": patching.get_act_patch_resid_mid,
    "mlp_out": patching.get_act_patch_mlp_out,
    "resid_post": lambda model, tokens, cache, metric: patching.generic_activation_patch(
        model,
        tokens,
        cache,
        metric,
        patch_setter=patching.layer_pos_patch_setter,
        activation_name="resid_post",
        index_axis_names=("layer", "pos"),
    ),
    "z": patching.get_act_patch_attn_head_out_all_pos,
    "q": patching.get_act_patch_attn_head_q_all_pos,
    "k": patching.get_act_patch_attn_head_k_all_pos,
    "v": patching.get_act_patch_attn_head_v_all_pos,
    "pattern": patching.get_act_patch_attn_head_pattern_all_pos,
}

# Where TransformerBridge keeps each site; the final LayerNorm's `hook_normalized`
# is taken before its weight and bias, so its output is read instead.
NAMES = {
    "resid_pre": "blocks.{}.hook_resid_pre",
    "q": "blocks.{}.attn.hook_q",
    "k": "blocks.{}.attn.hook_k",
    "v": "blocks.{}.attn.hook_v",
    "pattern": "blocks.{}.attn.hook_pattern",
    "z": "blocks.{}.attn.hook_z",
    "attn_out": "blocks.{}.hook_attn_out",
    "resid_mid": "blocks.{}.hook_resid_mid",
    "mlp_pre": "blocks.{}.mlp.hook_pre",
    "mlp_post": "blocks.{}.mlp.hook_post",
    "mlp_out": "blocks.{}.hook_mlp_out",
    "resid_post": "blocks.{}.hook_resid_post",
    "embed": "hook_embed",
    "pos_embed": "hook_pos_embed",
    "ln_final": "ln_final.hook_out",
}


def cannot_represent(config) -> str | None:
    """Why TransformerLens would compute another model from this config, or None."""
    if not config.scale_attn_weights:
        return "TransformerBridge 4.3 always divides attention scores by sqrt(d_head)"
    return None


class Lens:
    def __init__(self, folder: str):
        self.model = TransformerBridge.boot_transformers(folder, device="cpu", dtype=torch.float32)
        self.model.eval()

    def activations(self, tokens: list[int]) -> tuple[Tensor, dict]:
        """The unedited run: logits [T, V], and its cache."""
        logits, cache = self.model.run_with_cache(torch.tensor([tokens]))
        return logits[0], cache

    def activation(self, cache, site: str, layer: int | None) -> Tensor:
        return cache[NAMES[site].format(layer)][0]

    def edited(self, tokens: list[int], edits: list) -> Tensor:
        """[T, V], under the same edits as `hooked.Hooked.logits` takes."""

        def hook(edit):
            # In place, for the bridge's resid_mid hook sits on the LayerNorm's input:
            # a new tensor there would miss the residual stream beside it.
            def change(activation, hook):
                activation[0] = edit.change(activation[0].clone())
                return activation

            return NAMES[edit.site].format(edit.layer), change

        return self.model.run_with_hooks(torch.tensor([tokens]), fwd_hooks=list(map(hook, edits)))[
            0
        ]

    def greedy(self, tokens: list[int], new: int, end: int | None) -> list[int]:
        """The greedy continuation, up to the first `end`, which ends a text."""
        made = self.model.generate(
            torch.tensor([tokens]),
            max_new_tokens=new,
            stop_at_eos=False,
            do_sample=False,
            verbose=False,
            return_type="tokens",
        )
        written = made[0, len(tokens) :].tolist()
        return written[: written.index(end) + 1] if end in written else written

    def sweep(self, site: str, tokens: list[int], cache, metric) -> Tensor:
        """[layer, position] or [layer, head], as `hooked.sweep`."""
        of_batch = lambda logits: metric(logits[0])
        return SWEEPS[site](self.model, torch.tensor([tokens]), cache, of_batch)
