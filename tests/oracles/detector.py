"""A direction as a detector, and a steered text read along one, for engine/tests/detector.rs.

    python detector.py     # writes values/detector.json

Activations are transformers' (plain PyTorch hooks); the curve and the area under it
are scikit-learn's `roc_curve` and `roc_auc_score`. Needs, besides requirements.txt:

    pip install scikit-learn==1.9.1
"""

import json
import os
from pathlib import Path

os.environ |= {"HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1"}  # before the imports that read them

import torch
from sklearn.metrics import roc_auc_score, roc_curve
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from hooked import Edit, Hooked

HERE = Path(__file__).resolve().parent
FOLDERS = {
    "mini": HERE.parent.parent / "www/models/mini",
    "bare": HERE / "models/bare",
    "deep": HERE / "models/deep",
}
PLACES = {
    "mini": [("resid_pre", 1), ("resid_post", 2), ("mlp_out", 0)],
    "bare": [("resid_mid", 1)],
    "deep": [("attn_out", 3)],
}

# The direction's own prompts, then held-out ones; the last of each side look like the other.
TRAINING = (
    ["I think you are kind", "You are so sweet", "The food was lovely", "I feel happy"],
    ["I think you are mean", "You are so cruel", "The food was awful", "I feel sad"],
)
HELD_OUT = (
    [
        "My friend is gentle",
        "What a wonderful day",
        "The party was great",
        "She smiled",
        "I am glad",
        "so bad",
    ],
    ["My friend is rude", "What a horrible day", "The party was boring", "She cried", "nice"],
)
PROMPT = "I hate you because"
STEERED_AT, READ_AT, COEFFICIENT, TOKENS = 2, 3, 5.0, 8


class Model:
    def __init__(self, name: str):
        folder = FOLDERS[name]
        self.hooked = Hooked(
            AutoModelForCausalLM.from_pretrained(
                folder, dtype=torch.float32, attn_implementation="eager"
            ).eval()
        )
        tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
        self.end = tokenizer.convert_tokens_to_ids("<|endoftext|>")
        self.ids = lambda text: tokenizer(text, add_special_tokens=False)["input_ids"]

    def rows(self, text: str, place) -> torch.Tensor:
        return self.hooked.activations(self.ids(text))[1][place]

    def last(self, texts: list[str], place) -> torch.Tensor:
        return torch.stack([self.rows(t, place)[-1] for t in texts])

    def direction(self, place) -> tuple[torch.Tensor, torch.Tensor, list[float]]:
        """The difference of the means, the same at length 1, and both means along it."""
        positive, negative = (self.last(side, place) for side in TRAINING)
        vector = positive.mean(0) - negative.mean(0)
        unit = vector / vector.norm()
        return vector, unit, [float((side @ unit).mean()) for side in (positive, negative)]


def detect(name: str, place: tuple[str, int]) -> dict:
    model = Model(name)
    _, unit, means = model.direction(place)
    projections = [[(model.rows(t, place) @ unit).tolist() for t in side] for side in HELD_OUT]
    scores = [rows[-1] for side in projections for rows in side]
    ordered = sorted(scores)
    assert min(b - a for a, b in zip(ordered, ordered[1:])) > 1e-3, "an order that rounding decides"
    labels = [1] * len(HELD_OUT[0]) + [0] * len(HELD_OUT[1])
    false, true, thresholds = roc_curve(labels, scores, drop_intermediate=False)
    middle = sum(means) / 2
    said = [s >= middle for s in scores]
    share = lambda label: sum(d for d, l in zip(said, labels) if l == label) / labels.count(label)
    return {
        "model": name,
        "site": place[0],
        "layer": place[1],
        "means": means,
        "projections": projections,
        "roc": {
            "false": false.tolist(),
            "true": true.tolist(),
            "thresholds": thresholds[1:].tolist(),
        },
        "auc": float(roc_auc_score(labels, scores)),
        "rates": {"true_positive": share(1), "false_positive": share(0)},
    }


def read() -> dict:
    """The likeliest steered text, and how the unsteered model reads its tokens."""
    model = Model("mini")
    steered_at, read_at = ("resid_pre", STEERED_AT), ("resid_pre", READ_AT)
    vector, _, _ = model.direction(steered_at)
    _, unit, means = model.direction(read_at)
    middle = sum(means) / 2
    tokens = model.ids(PROMPT)

    def write(edits: list[Edit]) -> dict:
        written = []
        for _ in range(TOKENS):
            first, second = model.hooked.logits(tokens + written, edits)[-1].topk(2).values.tolist()
            assert first - second > 1e-3, "decided by rounding"
            written.append(int(model.hooked.logits(tokens + written, edits)[-1].argmax()))
            if written[-1] == model.end:
                break
        # Unsteered, over the whole text; what ends it is no word of it.
        rows = model.hooked.activations(tokens + written)[1][read_at][len(tokens) :]
        along = [
            float((x @ unit - middle) / (means[0] - middle))
            for x, t in zip(rows, written)
            if t != model.end
        ]
        return {"written": written, "reading": sum(along) / len(along)}

    return {
        "prompt": PROMPT,
        "layer": STEERED_AT,
        "read_at": READ_AT,
        "coefficient": COEFFICIENT,
        "tokens": TOKENS,
        "unsteered": write([]),
        "steered": write([Edit(*steered_at, lambda x: x + COEFFICIENT * vector)]),
    }


def main() -> None:
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    report = {
        "training": TRAINING,
        "held_out": HELD_OUT,
        "detectors": [detect(name, place) for name, places in PLACES.items() for place in places],
        "reading": read(),
    }
    (HERE / "values/detector.json").write_text(
        json.dumps(report, indent=1) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
