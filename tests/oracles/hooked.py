"""Edits and captures on transformers' own GPT-2, with plain PyTorch hooks.

The independent half of the oracle: it shares no code with TransformerLens.
T positions, C = n_embd, H heads, D = C / H, F = inner width, V vocabulary.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers.models.gpt2 import modeling_gpt2

# Sites by the shape of one layer's activation (the batch of 1 left out).
STREAM_SITES = ("resid_pre", "attn_out", "resid_mid", "mlp_out", "resid_post")  # [T, C]
NEURON_SITES = ("mlp_pre", "mlp_post")  # [T, F]
HEAD_SITES = ("q", "k", "v", "z")  # [T, H, D]
ONCE_SITES = ("embed", "pos_embed", "ln_final")  # [T, C], without a layer
# and "pattern" [H, T, T]

_eager = modeling_gpt2.eager_attention_forward


def _eager_with_pattern(module, query, key, value, attention_mask, **kwargs):
    """transformers' eager attention, with its pattern shown to `module.at_pattern`."""
    output, pattern = _eager(module, query, key, value, attention_mask, **kwargs)
    at_pattern = getattr(module, "at_pattern", None)
    if at_pattern is None:
        return output, pattern
    edited = at_pattern(pattern)
    if edited is pattern:
        return output, pattern
    return torch.matmul(edited, value).transpose(1, 2), edited


modeling_gpt2.eager_attention_forward = _eager_with_pattern


@dataclass(frozen=True)
class Edit:
    """`change` maps the whole activation of one site, batch left out, to its edited self."""

    site: str
    layer: int | None
    change: Callable[[Tensor], Tensor]


class Hooked:
    """A GPT2LMHeadModel whose every site can be read and edited."""

    def __init__(self, model):
        self.model = model
        self.edits: list[Edit] = []
        self.kept: dict[tuple[str, int | None], Tensor] | None = None
        body = model.transformer
        body.wte.register_forward_hook(lambda m, i, out: self.at("embed", None, out))
        body.wpe.register_forward_hook(lambda m, i, out: self.at("pos_embed", None, out))
        body.ln_f.register_forward_hook(lambda m, i, out: self.at("ln_final", None, out))
        for layer, block in enumerate(body.h):
            self._hook_block(layer, block)

    def _hook_block(self, layer: int, block) -> None:
        heads = block.attn.num_heads
        entering: list[Tensor] = [None]

        def before_block(module, args):
            entering[0] = self.at("resid_pre", layer, args[0])
            return (entering[0], *args[1:])

        def after_c_attn(module, args, out):
            parts = []
            for site, part in zip("qkv", out.chunk(3, dim=-1)):
                split = part.unflatten(-1, (heads, -1))
                parts.append(self.at(site, layer, split).flatten(-2))
            return torch.cat(parts, dim=-1)

        def before_c_proj(module, args):
            return (self.at("z", layer, args[0].unflatten(-1, (heads, -1))).flatten(-2),)

        def after_attention(module, args, out):
            attn_out = self.at("attn_out", layer, out[0])
            # The block adds attn_out to what entered it and keeps the sum as
            # its residual, so an edit of resid_mid is made through attn_out.
            mid = attn_out + entering[0]
            edited = self.at("resid_mid", layer, mid)
            if edited is not mid:
                attn_out = edited - entering[0]
            return (attn_out, *out[1:])

        block.register_forward_pre_hook(before_block)
        block.attn.c_attn.register_forward_hook(after_c_attn)
        block.attn.at_pattern = lambda pattern: self.at("pattern", layer, pattern)
        block.attn.c_proj.register_forward_pre_hook(before_c_proj)
        block.attn.register_forward_hook(after_attention)
        block.mlp.c_fc.register_forward_hook(lambda m, i, out: self.at("mlp_pre", layer, out))
        block.mlp.c_proj.register_forward_pre_hook(lambda m, i: (self.at("mlp_post", layer, i[0]),))
        block.mlp.register_forward_hook(lambda m, i, out: self.at("mlp_out", layer, out))
        block.register_forward_hook(lambda m, i, out: self.at("resid_post", layer, out))

    def at(self, site: str, layer: int | None, activation: Tensor) -> Tensor:
        for edit in self.edits:
            if (edit.site, edit.layer) == (site, layer):
                activation = edit.change(activation[0].clone())[None]
        if self.kept is not None:
            self.kept[site, layer] = activation[0].clone()
        return activation

    def logits(self, tokens: list[int], edits: list[Edit] = ()) -> Tensor:
        """[T, V]"""
        self.edits = list(edits)
        try:
            return self.model(torch.tensor([tokens]), use_cache=False).logits[0]
        finally:
            self.edits = []

    def activations(
        self, tokens: list[int], edits: list[Edit] = ()
    ) -> tuple[Tensor, dict[tuple[str, int | None], Tensor]]:
        """A run, edited or not: logits [T, V], and every site's activation by (site, layer)."""
        self.kept = {}
        try:
            return self.logits(tokens, edits), self.kept
        finally:
            self.kept = None


def replace_position(site: str, layer: int, position: int, source: Tensor) -> Edit:
    def change(x: Tensor) -> Tensor:
        x[position] = source[position]
        return x

    return Edit(site, layer, change)


def replace_head(site: str, layer: int, head: int, source: Tensor) -> Edit:
    """One head, all positions; the head's axis is the first of a pattern, else the second."""

    def change(x: Tensor) -> Tensor:
        if site == "pattern":
            x[head] = source[head]
        else:
            x[:, head] = source[:, head]
        return x

    return Edit(site, layer, change)


def sweep(hooked: Hooked, site: str, tokens: list[int], source: dict, metric) -> Tensor:
    """The metric of `tokens` with one site at a time replaced from the run `source`.

    [layer, position] for a site of the stream, [layer, head] for one of a head.
    """
    config = hooked.model.config
    stream = site in STREAM_SITES
    edit = replace_position if stream else replace_head
    across = len(tokens) if stream else config.n_head
    return torch.tensor(
        [
            [
                metric(hooked.logits(tokens, [edit(site, layer, i, source[site, layer])])).item()
                for i in range(across)
            ]
            for layer in range(config.n_layer)
        ]
    )
