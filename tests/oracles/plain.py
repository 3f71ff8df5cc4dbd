"""GPT-2's formula in plain PyTorch, read from the checkpoint's own tensors.

Every site can be looked at and replaced (`at`), and the backward pass of each operation
follows a rule: `exact`, or the propagation rules of relevance patching (Jafari et al.,
2025, arXiv 2508.21258), which are written as autograd sees them, with detach().
Names and shapes are hooked.py's, without the batch.
"""

import json
import math
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor

RULES = {
    # LN-rule: LayerNorm's 1/std held. Identity-rule: act(x) = x * held(act(x) / x).
    # The queries' and keys' way through the softmax stays exact: what the authors' code
    # does for GPT-2 (rules "LN-rule", "Identity-rule", "Half-rule"; no MLP of GPT-2 has a
    # gate, so that the last does nothing).
    "exact": (),
    "relp": ("LN", "identity"),
    # AH-rule (Ali et al., 2022): the attention pattern held too, so that nothing flows
    # into queries and keys.
    "relp_ah": ("LN", "identity", "AH"),
}


def gate(kind: str, x: Tensor) -> Tensor:
    """act(x) / x, without the division: 1/2 at 0 for both GELUs, 0 at 0 for ReLU."""
    match kind:
        case "gelu_new":
            return 0.5 * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
        case "gelu":
            return 0.5 * (1 + torch.erf(x / math.sqrt(2)))
        case "relu":
            return (x > 0).to(x.dtype)
    raise ValueError(f"unknown activation function {kind!r}")


def divided(kind: str, x: Tensor) -> Tensor:
    """The same as the authors of relevance patching compute it: off by 1e-6 / |x|."""
    return gate(kind, x) * x / (x + 1e-6 * ((x == 0).to(x.dtype) + x.sign()))


class Plain:
    """A checkpoint as tensors, linear weights as stored: [in, out]."""

    gate = staticmethod(gate)  # of the identity rule

    def __init__(self, folder: Path, dtype: torch.dtype = torch.float64):
        self.config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        with safe_open(folder / "model.safetensors", "pt") as file:
            stored = {key: file.get_tensor(key).to(dtype) for key in file.keys()}
        self.weights = {key.removeprefix("transformer."): t for key, t in stored.items()}
        self.layers, self.heads = self.config["n_layer"], self.config["n_head"]
        self.unembed = self.weights.get("lm_head.weight", self.weights["wte.weight"])
        self.activation = self.config["activation_function"]

    def linear(self, name: str, x: Tensor) -> Tensor:
        return x @ self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]

    def layer_norm(self, name: str, x: Tensor, rules=()) -> Tensor:
        centred = x - x.mean(-1, keepdim=True)
        scale = (centred.pow(2).mean(-1, keepdim=True) + self.config["layer_norm_epsilon"]).sqrt()
        if "LN" in rules:
            scale = scale.detach()
        return centred / scale * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]

    def activate(self, x: Tensor, rules=()) -> Tensor:
        found = x * gate(self.activation, x)
        if "identity" in rules:
            held = self.gate(self.activation, x).detach()
            return found.detach() + (x - x.detach()) * held
        return found

    def scores(self, q: Tensor, k: Tensor, layer: int) -> Tensor:
        """[T, H, D] twice -> the pattern's logits, -inf after the query: [H, T, T]."""
        scores = torch.einsum("qhd,khd->hqk", q, k)
        if self.config.get("scale_attn_weights", True):
            scores = scores / math.sqrt(q.shape[-1])
        if self.config.get("scale_attn_by_inverse_layer_idx", False):
            scores = scores / (layer + 1)
        after = torch.ones(len(q), len(q), dtype=torch.bool).triu(1)
        return scores.masked_fill(after, -torch.inf)

    def logits(
        self,
        tokens: list[int],
        rule: str = "exact",
        at: Callable[[str, int | None, Tensor], Tensor] = lambda site, layer, x: x,
    ) -> Tensor:
        """[T, V]"""
        rules = RULES[rule]
        embed = at("embed", None, self.weights["wte.weight"][tokens])
        stream = embed + at("pos_embed", None, self.weights["wpe.weight"][: len(tokens)])
        for l in range(self.layers):
            stream = at("resid_pre", l, stream)
            normal = self.layer_norm(f"h.{l}.ln_1", stream, rules)
            parts = self.linear(f"h.{l}.attn.c_attn", normal).chunk(3, -1)
            q, k, v = (
                at(site, l, part.unflatten(-1, (self.heads, -1)))
                for site, part in zip("qkv", parts)
            )
            pattern = self.scores(q, k, l).softmax(-1)
            # Held, it is still a place that can be asked for: what it would do beyond.
            pattern = at("pattern", l, pattern.detach() if "AH" in rules else pattern)
            z = at("z", l, torch.einsum("hqk,khd->qhd", pattern, v))
            attn_out = at("attn_out", l, self.linear(f"h.{l}.attn.c_proj", z.flatten(-2)))
            stream = at("resid_mid", l, stream + attn_out)
            normal = self.layer_norm(f"h.{l}.ln_2", stream, rules)
            pre = at("mlp_pre", l, self.linear(f"h.{l}.mlp.c_fc", normal))
            post = at("mlp_post", l, self.activate(pre, rules))
            stream = stream + at("mlp_out", l, self.linear(f"h.{l}.mlp.c_proj", post))
            stream = at("resid_post", l, stream)
        final = at("ln_final", None, self.layer_norm("ln_f", stream, rules))
        return final @ self.unembed.T
