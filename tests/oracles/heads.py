"""Heads chosen, shifted and steered with as Li et al. (2023) do, for engine/tests/heads.rs.

    python heads.py        # writes values/heads.{json,safetensors}

Probes are scikit-learn's `LogisticRegression` on each head's z at the last token, on
the folds of steer.py; the shift is `alpha sigma theta`, with NumPy's standard
deviation; steered logits are plain PyTorch hooks on z. Needs what steer.py needs.
"""

import json

import numpy as np
import torch
from safetensors.torch import save
from sklearn.linear_model import LogisticRegression
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from hooked import Edit, Hooked
from steer import HERE, NEGATIVE, POSITIVE, fold_accuracy, greedy

TOP, ALPHA = 4, 8.0


def of_model(name: str, arrays: dict) -> dict:
    folder = HERE / "models" / name
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    hooked = Hooked(model)
    ids = lambda text: tokenizer(text, add_special_tokens=False)["input_ids"]
    layers, heads = model.config.n_layer, model.config.n_head

    def last(texts: list[str]) -> np.ndarray:
        """[text, layer, head, d_head]"""
        kept = [hooked.activations(ids(t))[1] for t in texts]
        return np.array([[k["z", l][-1].double().numpy() for l in range(layers)] for k in kept])

    positive, negative = last(POSITIVE), last(NEGATIVE)
    accuracy = {
        (l, h): fold_accuracy(positive[:, l, h], negative[:, l, h], 5)
        for l in range(layers)
        for h in range(heads)
    }
    # `sorted` is stable: the earlier head first among equals.
    chosen = sorted(accuracy, key=lambda at: -accuracy[at])[:TOP]

    def theta(method: str, l: int, h: int) -> np.ndarray:
        p, n = positive[:, l, h], negative[:, l, h]
        if method == "mean_difference":
            along = p.mean(0) - n.mean(0)
        else:
            x, y = np.vstack([p, n]), [1] * len(p) + [0] * len(n)
            along = LogisticRegression(max_iter=10_000, tol=1e-10).fit(x, y).coef_[0]
        return along / np.linalg.norm(along)

    tokens = ids("I hate you")
    methods = []
    for method in ("logistic", "mean_difference"):
        shifts = {}
        for l, h in chosen:
            along = theta(method, l, h)
            sigma = np.std(np.vstack([positive[:, l, h], negative[:, l, h]]) @ along)
            shifts[l, h] = torch.from_numpy(sigma * along).float()

        def shifted(layer: int):
            def change(z):
                for (l, h), shift in shifts.items():
                    if l == layer:
                        z[:, h] += ALPHA * shift
                return z

            return change

        edits = [Edit("z", l, shifted(l)) for l in sorted({l for l, _ in chosen})]
        rows = torch.stack([shifts[at] for at in chosen])
        write = sum(
            model.transformer.h[l].attn.c_proj.weight.unflatten(0, (heads, -1))[h].T @ shifts[l, h]
            for l, h in chosen
        )
        # What the writes raise, through the last LayerNorm's weights, at a length of sqrt(n).
        unit = write / write.norm() * len(write) ** 0.5
        centred = unit - unit.mean()
        scale = (centred.pow(2).mean() + model.config.layer_norm_epsilon).sqrt()
        promoted = model.lm_head.weight @ (centred / scale * model.transformer.ln_f.weight)
        for key, array in (
            ("shifts", rows),
            ("promoted", promoted),
            ("logits", hooked.logits(tokens, edits)[-1]),
        ):
            arrays[f"{name}.{method}.{key}"] = array.detach().float().contiguous()
        methods.append(
            {
                "method": method,
                **{key: f"{name}.{method}.{key}" for key in ("shifts", "promoted", "logits")},
                "greedy": greedy(hooked, tokens, edits, 8),
            }
        )
    return {
        "model": name,
        "tokens": tokens,
        "top": TOP,
        "alpha": ALPHA,
        "accuracy": [[accuracy[l, h] for h in range(heads)] for l in range(layers)],
        "heads": [list(at) for at in chosen],
        "methods": methods,
    }


def main() -> None:
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    arrays: dict = {}
    models = [of_model(name, arrays) for name in ("bare", "deep", "inverse")]
    report = {"positive": POSITIVE, "negative": NEGATIVE, "models": models}
    values = HERE / "values"
    (values / "heads.safetensors").write_bytes(save(arrays))
    (values / "heads.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
