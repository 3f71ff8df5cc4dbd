"""Writes www/verify/mini.json: what the page verify.html must find on the mini model.

    python verify.py [--only mini]

Everything is TransformerLens's (lens.py), on the raw weights in float32. The form is
that of www/verify/gpt2.json, which holds what others published; www/verify/README.md
describes it.
"""

import argparse
import json
import os
import re
from hashlib import sha256
from importlib.metadata import version

os.environ |= {"HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1"}  # before the imports that read them

import torch
from tokenizers import Tokenizer
from torch import Tensor
from transformers import logging

import prompts
from expect import MINI
from hooked import HEAD_SITES, STREAM_SITES, Edit, replace_head, replace_position
from lens import Lens

PLACE = MINI.parents[1] / "verify" / "mini.json"
SOURCE = (
    f"TransformerLens {version('transformer-lens')} on the same weights, tests/oracles/verify.py"
)
VALUES = 1e-3
TOKENS = 12

# The second is the first with the names exchanged, and so on.
GIVERS = [
    ("When John and Mary went to the shops, {} gave the bag to", " Mary", " John"),
    ("When Tom and Anna went to the park, {} gave the ball to", " Anna", " Tom"),
]


def number(x) -> float:
    return float(f"{float(x):.7g}")


def numbers(x: Tensor) -> list:
    return [numbers(row) if row.dim() else number(row) for row in x]


def text_of(value) -> str:
    """JSON with a row of numbers, or a short object, on one line."""
    text = json.dumps(value, indent=1, ensure_ascii=False)
    joined = lambda match: re.sub(r"\s*\n\s*", " ", match[0])
    text = re.sub(r"\[\s+[-\d.e+]+(?:,\s+[-\d.e+]+)*\s+\]", joined, text)
    short = lambda match: joined(match) if len(joined(match)) < 160 else match[0]
    return re.sub(r"\{\n[^{}\n]*(?:\n[^{}\n]*)*?\n\s*\}", short, text) + "\n"


class Checks:
    def __init__(self):
        self.lens = Lens(str(MINI))
        self.tokenizer = Tokenizer.from_file(str(MINI / "tokenizer.json"))
        self.end = json.loads((MINI / "config.json").read_text())["eos_token_id"]
        self.checks = []

    def add(self, name: str, experiments: list[dict], expect: list[dict], **more) -> None:
        common = {"version": 2, "bos": True}
        experiments = [common | experiment for experiment in experiments]
        self.checks.append(
            {"name": name, "source": SOURCE, "experiments": experiments, **more, "expect": expect}
        )

    def ids(self, text: str, bos: bool) -> list[int]:
        return prompts.tokens(self.tokenizer, text, bos)

    def one(self, text: str) -> int:
        return prompts.one_token(self.tokenizer, text)

    def prompt(self, case) -> None:
        """What follows a prompt."""
        tokens = self.ids(case.clean, case.bos)
        logits, cache = self.lens.activations(tokens)
        log_probability = logits.log_softmax(-1)
        loss = -log_probability[:-1].gather(1, torch.tensor(tokens[1:])[:, None]).mean()
        first = int(logits[-1].argmax())
        last = len(tokens) - 1
        captured = [("z", 1), ("mlp_post", 2), ("resid_post", 3), ("ln_final", None)]
        captures = [{"run": "clean", "site": "logits"}]
        for site, layer in captured:
            of_layer = {} if layer is None else {"layer": layer}
            captures.append({"run": "clean", "site": site, **of_layer, "positions": [last]})
        expect = [
            {"what": "the likeliest next token", "read": "first_token", "value": first},
            {
                "what": "its logit",
                "read": "first_logit",
                "value": number(logits[-1, first]),
                "tolerance": VALUES,
            },
            {
                "what": "its probability",
                "read": "metric",
                "value": number(log_probability[-1, first].exp()),
                "tolerance": VALUES,
            },
            {"what": "mean loss", "read": "mean_loss", "value": number(loss), "tolerance": VALUES},
            {
                "what": "greedy continuation",
                "read": "continuation",
                "value": self.lens.greedy(tokens, TOKENS, self.end),
            },
        ]
        for i, (site, layer) in enumerate(captured, start=1):
            where = "" if layer is None else f" of layer {layer}"
            value = numbers(self.lens.activation(cache, site, layer)[last].flatten())
            expect.append(
                {
                    "what": f"{site}{where} at the last position",
                    "read": "capture",
                    "capture": i,
                    "axes": ["number"],
                    "value": value,
                    "tolerance": VALUES,
                }
            )
        experiment = {
            "bos": case.bos,
            "clean": case.clean,
            "corrupted": case.clean,
            "metrics": [{"kind": "probability", "answer": first}],
            "generate": {"tokens": TOKENS},
            "captures": captures,
        }
        self.add(f"“{case.clean}”" + ("" if case.bos else ", no BOS"), [experiment], expect)

    def pair(self, case) -> None:
        """Every kind of sweep on one pair."""
        clean, corrupted = self.ids(case.clean, case.bos), self.ids(case.corrupted, case.bos)
        answer, wrong = self.one(case.answer), self.one(case.wrong)
        metric = lambda logits: logits[-1, answer] - logits[-1, wrong]
        logits, cache = self.lens.activations(clean)
        other, corrupted_cache = self.lens.activations(corrupted)
        expect = [
            {
                "what": f"logit difference of the {name} prompt",
                "read": "metric",
                "run": name,
                "value": number(metric(x)),
                "tolerance": VALUES,
            }
            for name, x in (("clean", logits), ("corrupted", other))
        ]
        sweeps = []

        def swept(what: str, sweep: dict, value: Tensor) -> None:
            axes = ["layer", "position" if sweep["site"] in STREAM_SITES else "head"]
            expect.append(
                {
                    "what": what,
                    "read": "sweep",
                    "sweep": len(sweeps),
                    "axes": axes,
                    "value": numbers(value),
                    "tolerance": VALUES,
                }
            )
            sweeps.append(sweep)

        for site in (*STREAM_SITES, *HEAD_SITES, "pattern"):
            for mode, into, source in (
                ("denoising", corrupted, cache),
                ("noising", clean, corrupted_cache),
            ):
                value = self.lens.sweep(site, into, source, metric)
                swept(f"{site} sweep, {mode}", {"site": site, "mode": mode}, value)
        for site in ("z", "mlp_out"):
            edit = replace_head if site == "z" else replace_position
            across = self.lens.model.cfg.n_heads if site == "z" else len(clean)

            def without(layer: int, i: int) -> Tensor:
                nothing = torch.zeros_like(self.lens.activation(cache, site, layer))
                return metric(self.lens.edited(clean, [edit(site, layer, i, nothing)]))

            layers = range(self.lens.model.cfg.n_layers)
            value = torch.tensor([[without(layer, i) for i in range(across)] for layer in layers])
            swept(f"{site} set to 0", {"site": site, "mode": "noising", "bring": "zero"}, value)
        experiment = {
            "clean": case.clean,
            "corrupted": case.corrupted,
            "metrics": [{"kind": "logit_difference", "answer": case.answer, "wrong": case.wrong}],
            "sweeps": sweeps,
        }
        self.add(f"one pair, “{case.answer}” or “{case.wrong}”", [experiment], expect)

    def set_of_pairs(self) -> None:
        """Means over pairs, and what each head and MLP writes."""
        experiments, found, clean_values, corrupted_values, heads, mlps = [], [], [], [], [], []
        for template, io, s in GIVERS:
            for right, given in ((io, s), (s, io)):
                clean, corrupted = template.format(given.strip()), template.format(right.strip())
                answer, wrong = self.one(right), self.one(given)
                metric = lambda logits: logits[-1, answer] - logits[-1, wrong]
                logits, cache = self.lens.activations(self.ids(clean, True))
                other, _ = self.lens.activations(self.ids(corrupted, True))
                clean_values.append(metric(logits))
                corrupted_values.append(metric(other))
                found.append(self.lens.sweep("resid_pre", self.ids(corrupted, True), cache, metric))
                by_head, by_mlp = self.attribution(cache, answer, wrong)
                heads.append(by_head)
                mlps.append(by_mlp)
                kind = {"kind": "logit_difference", "answer": right, "wrong": given}
                experiments.append({"clean": clean, "corrupted": corrupted, "metrics": [kind]})
        mean = lambda values: torch.stack(values).mean(0)
        high, low = mean(clean_values), mean(corrupted_values)
        sweep = {"site": "resid_pre", "mode": "denoising"}
        pairs = [
            {
                "clean": e["clean"],
                "corrupted": e["corrupted"],
                "answer": e["metrics"][0]["answer"],
                "wrong": e["metrics"][0]["wrong"],
            }
            for e in experiments[1:]
        ]
        self.add(
            "four pairs of prompts",
            [{**experiments[0], "pairs": pairs, "sweeps": [sweep]}],
            [
                {
                    "what": "mean logit difference of the clean prompts",
                    "read": "mean_metric",
                    "run": "clean",
                    "value": number(high),
                    "tolerance": VALUES,
                },
                {
                    "what": "mean logit difference of the corrupted prompts",
                    "read": "mean_metric",
                    "run": "corrupted",
                    "value": number(low),
                    "tolerance": VALUES,
                },
                {
                    "what": "resid_pre sweep, normalised",
                    "read": "sweep",
                    "sweep": 0,
                    "normalised": True,
                    "axes": ["layer", "position"],
                    "value": numbers((mean(found) - low) / (high - low)),
                    "tolerance": VALUES,
                },
            ],
        )
        cell = {"sweeps": [{"site": "z", "mode": "noising"}], "cell": {"row": 0, "column": 0}}
        self.add(
            "four prompts, one by one",
            [experiment | cell for experiment in experiments],
            [
                {
                    "what": "direct logit attribution of every head, mean",
                    "read": "head_attribution",
                    "axes": ["layer", "head"],
                    "value": numbers(mean(heads)),
                    "tolerance": VALUES,
                },
                {
                    "what": "direct logit attribution of every MLP, mean",
                    "read": "mlp_attribution",
                    "axes": ["layer"],
                    "value": numbers(mean(mlps)),
                    "tolerance": VALUES,
                },
            ],
            preview=True,
        )

    def attribution(self, cache, answer: int, wrong: int) -> tuple[Tensor, Tensor]:
        """[layer, head] and [layer]: along the difference of two unembedding columns,
        through the last LayerNorm with its scale held."""
        model = self.lens.model
        layers = range(model.cfg.n_layers)
        last = self.lens.activation(cache, "resid_post", model.cfg.n_layers - 1)[-1]
        scale = (last.var(unbiased=False) + model.cfg.eps).sqrt()
        direction = (model.W_U[:, answer] - model.W_U[:, wrong]) * model.ln_final.weight / scale
        direction = direction - direction.mean()
        z = torch.stack([self.lens.activation(cache, "z", layer)[-1] for layer in layers])
        written = torch.einsum(
            "lhd,lhdm->lhm", z, torch.stack([model.blocks[layer].attn.W_O for layer in layers])
        )
        mlp = torch.stack([self.lens.activation(cache, "mlp_out", layer)[-1] for layer in layers])
        return written @ direction, mlp @ direction

    def steered(self) -> None:
        """A token's embedding, added to every MLP's output at the last position."""
        text, token = "When John and Mary went to the store, John gave a bottle to", " Anna"
        tokens = self.ids(text, True)
        vector = self.lens.model.W_E[self.one(token)]

        def change(x: Tensor) -> Tensor:
            x[-1] += vector
            return x

        layers = list(range(self.lens.model.cfg.n_layers))
        logits = self.lens.edited(tokens, [Edit("mlp_out", layer, change) for layer in layers])[-1]
        probability, ids = logits.softmax(-1).topk(3)
        direction = {
            "name": "a name",
            "source": {"kind": "token", "token": token, "matrix": "embedding"},
            "site": "mlp_out",
            "layers": layers,
            "positions": "last",
            "operator": "add",
            "coefficient": 1,
            "unit": "absolute",
        }
        sampling = {"tokens": 1, "samples": 1, "seed": 0, "temperature": 0}
        experiment = {
            "clean": text,
            "corrupted": text,
            "metrics": [{"kind": "probability", "answer": token}],
            "room": "steering",
            "steer": {"prompt": text, "directions": [direction], "sampling": sampling},
        }
        expect = [
            {
                "what": f"probability of “{self.tokenizer.decode([i])}”",
                "read": "steered_top",
                "token": i,
                "value": number(p),
                "tolerance": VALUES,
            }
            for p, i in zip(probability, ids.tolist())
        ]
        self.add(
            f"“{text}”, the embedding of “{token}” added to mlp_out of all layers at the last position",
            [experiment],
            expect,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", metavar="MODEL", help="models to do, else all")
    only = parser.parse_args().only
    if only and "mini" not in only:
        return
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    torch.use_deterministic_algorithms(True)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    checks = Checks()
    for case in prompts.MINI:
        checks.prompt(case)
    checks.pair(prompts.MINI[0])
    checks.set_of_pairs()
    checks.steered()
    facts = {
        "model": "mini",
        "sha256": sha256((MINI / "model.safetensors").read_bytes()).hexdigest(),
        "about": "Values that TransformerLens computes from the mini model's own weights.",
        "left_out": [],
        "checks": checks.checks,
    }
    PLACE.write_text(text_of(facts), encoding="utf-8")
    print(
        f"www/verify/mini.json: {sum(len(check['expect']) for check in checks.checks)} values or grids"
    )


if __name__ == "__main__":
    main()
