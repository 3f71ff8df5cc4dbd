"""Directions, probes and steered texts as the named tools find them, for engine/tests/directions.rs.

    python steer.py        # writes values/steering.{json,safetensors}

repeng's own `read_representations` runs on the transformers model; means are
steering-vectors' `mean_aggregator`; probes are scikit-learn's `LogisticRegression`
with its defaults, on folds that are written down; steered logits are plain PyTorch
hooks, a whole pass for each token. Needs, besides requirements.txt:

    pip install scikit-learn==1.9.1 gguf==0.19.0
    pip install --no-deps repeng==0.4.0 steering-vectors==0.12.2

(repeng asks for an older numpy than transformers does, and only for one name.)
"""

import json
import os
from pathlib import Path

os.environ |= {"HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1"}  # before the imports that read them

import numpy as np

np.float_ = np.float64  # the one name

import torch
from repeng import DatasetEntry
from repeng.extract import read_representations
from safetensors.torch import save
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from steering_vectors.aggregators import mean_aggregator
from transformers import AutoModelForCausalLM, LogitsProcessorList, PreTrainedTokenizerFast
from transformers import RepetitionPenaltyLogitsProcessor, TemperatureLogitsWarper
from transformers import TopKLogitsWarper, TopPLogitsWarper

from hooked import Edit, Hooked

HERE = Path(__file__).resolve().parent
SITE = "resid_post"

# Two moods, short enough for the random models' contexts.
POSITIVE = [
    "I love you",
    "great food",
    "I am happy",
    "She smiled",
    "What a nice day",
    "You are kind",
    "the best",
]
NEGATIVE = [
    "I hate you",
    "awful food",
    "I am sad",
    "She cried",
    "What a bad day",
    "You are cruel",
    "the worst",
]


def fold_accuracy(positive: np.ndarray, negative: np.ndarray, folds: int) -> float:
    """Example i of each side is held out in fold i % folds."""
    right = 0
    for fold in range(folds):
        held = [np.arange(len(side)) % folds == fold for side in (positive, negative)]
        x = np.vstack([positive[~held[0]], negative[~held[1]]])
        y = [1] * int((~held[0]).sum()) + [0] * int((~held[1]).sum())
        probe = LogisticRegression(max_iter=10_000, tol=1e-10).fit(x, y)
        right += int((probe.predict(positive[held[0]]) == 1).sum())
        right += int((probe.predict(negative[held[1]]) == 0).sum())
    return right / (len(positive) + len(negative))


def greedy(hooked: Hooked, tokens: list[int], edits: list[Edit], count: int) -> list[int]:
    written = []
    for _ in range(count):
        logits = hooked.logits(tokens + written, edits)[-1]
        first, second = logits.topk(2).values.tolist()
        if first - second < 1e-3:
            break  # decided by rounding
        written.append(int(logits.argmax()))
    return written


def of_model(name: str, folder: Path, arrays: dict) -> dict:
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    tokenizer.pad_token = tokenizer.eos_token = "<|endoftext|>"
    hooked = Hooked(model)
    ids = lambda text: tokenizer(text, add_special_tokens=False)["input_ids"]

    def last(texts: list[str], layer: int) -> torch.Tensor:
        return torch.stack([hooked.activations(ids(t))[1][SITE, layer][-1] for t in texts])

    def keep(key: str, array) -> str:
        arrays[f"{name}.{key}"] = torch.as_tensor(np.array(array)).float().contiguous()
        return f"{name}.{key}"

    # hidden_states has the last layer's output only after ln_f, so repeng is not asked for it.
    layers = list(range(model.config.n_layer - 1))
    entries = [DatasetEntry(positive=p, negative=n) for p, n in zip(POSITIVE, NEGATIVE)]
    of_repeng = {
        method: read_representations(model, tokenizer, entries, layers, 4, method)
        for method in ("pca_diff", "pca_center")
    }
    found = []
    for layer in layers:
        positive, negative = last(POSITIVE, layer), last(NEGATIVE, layer)
        mean = mean_aggregator()(positive, negative)
        p, n = positive.double().numpy(), negative.double().numpy()
        x, y = np.vstack([p, n]), [1] * len(p) + [0] * len(n)
        probe = LogisticRegression(max_iter=10_000, tol=1e-10).fit(x, y)
        middle = (p + n) / 2
        shares = {
            "pca_diff": PCA(n_components=1).fit(p - n).explained_variance_ratio_[0],
            "pca_center": PCA(n_components=1)
            .fit(np.vstack([p - middle, n - middle]))
            .explained_variance_ratio_[0],
        }
        about = {
            "layer": layer,
            "mean_difference": keep(f"{layer}.mean_difference", mean),
            "logistic": keep(f"{layer}.logistic", probe.coef_[0] / np.linalg.norm(probe.coef_[0])),
            "accuracy": fold_accuracy(p, n, 5),
        }
        for method, share in shares.items():
            about[method] = keep(f"{layer}.{method}", of_repeng[method][layer])
            about[f"{method}_explained"] = float(share)
        found.append(about)

    # Steering with the mean difference of a middle layer, at every position.
    layer = layers[len(layers) // 2]
    vector = mean_aggregator()(last(POSITIVE, layer), last(NEGATIVE, layer))
    unit = vector / vector.norm()
    prompt = "I hate you"
    tokens = ids(prompt)
    along = lambda x: (x @ unit)[..., None]
    operators = {
        "add": lambda x: x + 1.5 * vector,
        "subtract": lambda x: x - 1.5 * vector,
        "project_out": lambda x: x - along(x) * unit,
        "set_projection": lambda x: x - along(x) * unit + 1.5 * unit,
        "cap": lambda x: x - (along(x) - 1.5).clamp(min=0) * unit,
    }
    steered = []
    for operator, change in operators.items():
        edits = [Edit(SITE, layer, change)]
        logits = hooked.logits(tokens, edits)[-1]
        steered.append(
            {
                "operator": operator,
                "logits": keep(f"{operator}.logits", logits),
                "greedy": greedy(hooked, tokens, edits, 8),
            }
        )
    return {
        "model": name,
        "prompt": prompt,
        "tokens": tokens,
        "layer": layer,
        "coefficient": 1.5,
        "directions": found,
        "steered": steered,
    }


def warpers(arrays: dict) -> list[dict]:
    """transformers' processors and warpers on made-up logits: what is left and its scores."""
    random = np.random.default_rng(5)
    cases = []
    for i, (penalty, temperature, top_k, top_p) in enumerate(
        [
            (1.0, 0.7, None, None),
            (1.3, 1.0, 5, None),
            (1.0, 1.5, None, 0.6),
            (1.2, 0.8, 7, 0.9),
            (0.8, 1.0, 50, 0.3),
        ]
    ):
        logits = torch.from_numpy(random.standard_normal(40) * 2).float()[None]
        tokens = torch.from_numpy(random.integers(0, 40, 9))[None]
        steps = LogitsProcessorList(
            [RepetitionPenaltyLogitsProcessor(penalty), TemperatureLogitsWarper(temperature)]
        )
        if top_k:
            steps.append(TopKLogitsWarper(top_k))
        if top_p:
            steps.append(TopPLogitsWarper(top_p))
        arrays[f"warp{i}.logits"] = logits[0].contiguous()
        scores = steps(tokens, logits.clone())[0]
        kept = {str(j): float(s) for j, s in enumerate(scores) if s > -np.inf}
        cases.append(
            {
                "logits": f"warp{i}.logits",
                "tokens": tokens[0].tolist(),
                "repetition_penalty": penalty,
                "temperature": temperature,
                "top_k": top_k,
                "top_p": top_p,
                "kept": kept,
            }
        )
    return cases


def main() -> None:
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    arrays: dict = {}
    folders = {name: HERE / "models" / name for name in ("bare", "deep", "inverse")}
    report = {
        "positive": POSITIVE,
        "negative": NEGATIVE,
        "site": SITE,
        "models": [of_model(name, folder, arrays) for name, folder in folders.items()],
        "warpers": warpers(arrays),
    }
    values = HERE / "values"
    (values / "steering.safetensors").write_bytes(save(arrays))
    (values / "steering.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
