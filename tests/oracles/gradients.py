"""Gradients of metrics at every site, and what attribution patching makes of them.

    python gradients.py        # writes values/gradients.{json,safetensors}

`exact` is PyTorch's autograd through transformers' own GPT-2 with plain hooks; `relp` and
`relp_ah` are autograd through plain.py, whose logits and exact gradients must agree with
those. Computed in float64, kept in float32. With

    PATCHBAY_RELP=<folder>             what PYTHONPATH has to hold, see relp.py
    PATCHBAY_EAP_IG_PYTHON=<python>    of the environment that eap_ig.py asks for

the authors' code is run too and must find the same. Run by hand; README.md has the format.
"""

import json
import os
import subprocess
import tempfile
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from expect import MINI, MODELS, VALUES, number  # sets the environment first

import torch
from safetensors.torch import load_file, save
from tokenizers import Tokenizer
from torch import Tensor
from transformers import AutoModelForCausalLM, logging

import prompts
import random_edits
from hooked import HEAD_SITES, Edit, Hooked
from plain import Plain, divided

SHORT = prompts.Case("short", "tea to Kim", "tea to Jim")
GIVER = prompts.MINI[1]
NAMES = ("bare", "deep", "thin", "untied", "inverse", "mini")

ONCE = ("embed", "pos_embed", "ln_final")
LAYERED = (
    *("resid_pre", "q", "k", "v", "pattern", "z", "attn_out", "resid_mid"),
    *("mlp_pre", "mlp_post", "mlp_out", "resid_post"),
)
EVERY = (*ONCE, *LAYERED)
FEW = ("resid_pre", "z", "mlp_post")
KINDS = (
    *("logit_difference", "probability", "log_probability"),
    *("probability_difference", "cross_entropy", "kl"),
)
COMPARES = ("logit_difference", "probability_difference")
STEPS = 5  # of integrated gradients
AGREE = 1e-9  # largest |difference| / max(1, |value|) of plain.py and transformers, in float64

# What has the same gradient where nothing is edited, so that one array serves both.
SAME = {"attn_out": "resid_mid", "mlp_out": "resid_post", "pos_embed": "embed"}


class Traced(Hooked):
    """Hooked, but every site's value stays in autograd's graph, after its edits."""

    def at(self, site: str, layer: int | None, activation: Tensor) -> Tensor:
        for edit in self.edits:
            if (edit.site, edit.layer) == (site, layer):
                activation = edit.change(activation[0].clone())[None]
        if self.kept is not None:
            if site == "resid_mid":
                # A tensor of its own, or hooked.py takes it for unedited and the block
                # computes the sum a second time, past this one.
                activation = activation.clone()
            self.kept[site, layer] = activation
        return activation

    def trace(self, tokens: list[int], edits: list[Edit] = ()) -> tuple[Tensor, dict]:
        """Logits [T, V] and the graph's own tensors by (site, layer), with their batch."""
        self.kept = {}
        try:
            return self.logits(tokens, list(edits)), self.kept
        finally:
            self.kept = None


def measure(metric: dict, logits: Tensor, clean: Tensor) -> Tensor:
    """A metric of the last position's logits [V]; `clean` are the clean run's."""
    as_list = lambda of: of if isinstance(of, list) else [of]
    answers, wrongs = as_list(metric["answer"]), as_list(metric.get("wrong", []))
    p, clean = logits.log_softmax(-1), clean.detach().log_softmax(-1)
    match metric["kind"]:
        case "logit_difference":
            return logits[answers].mean() - logits[wrongs].mean()
        case "probability":
            return p[answers].exp().sum()
        case "log_probability":
            return p[answers].logsumexp(-1)
        case "cross_entropy":
            return -p[answers].logsumexp(-1)
        case "probability_difference":
            return p[answers].exp().sum() - p[wrongs].exp().sum()
        case "kl":
            return (clean.exp() * (clean - p)).sum()
    raise ValueError(f"no gradient of {metric['kind']}")


def gradients(value: Tensor, kept: dict) -> dict:
    """d value / d each kept tensor; 0 where it does not reach the value."""
    found = torch.autograd.grad(value, list(kept.values()), allow_unused=True)
    return {
        place: torch.zeros_like(x).squeeze(0) if g is None else g.reshape(x.shape).squeeze(0)
        for (place, x), g in zip(kept.items(), found)
    }


def plain_gradients(
    plain: Plain, tokens: list[int], rule: str, value_of, edits: list[Edit] = ()
) -> tuple[Tensor, dict]:
    """The last position's logits, and gradients by (site, layer) as a rule propagates them."""
    kept = {}

    def at(site, layer, x):
        for edit in edits:
            if (edit.site, edit.layer) == (site, layer):
                x = edit.change(x.clone())
        kept[site, layer] = x if x.requires_grad else x.detach().requires_grad_()
        return kept[site, layer]

    logits = plain.logits(tokens, rule, at)
    return logits, gradients(value_of(logits[-1]), kept)


def relative(ours: Tensor, theirs: Tensor) -> float:
    return ((ours - theirs).abs() / theirs.abs().clamp(min=1)).max().item()


class Writer:
    def __init__(self):
        self.arrays: dict[str, Tensor] = {}

    def keep(self, key: str, array: Tensor) -> str:
        self.arrays[key] = array.detach().float().contiguous()
        return key

    def sites(self, key: str, found: dict, sites, layers: int, rows: list[int], alias: bool):
        """The json of some sites' gradients: key by site, None where all are 0."""

        def stacked(site: str) -> Tensor:
            each = [None] if site in ONCE else range(layers)
            made = torch.stack([found[site, l] for l in each])
            if site == "pattern":
                made = made.tril()  # there is no weight of a later key
            if site in HEAD_SITES:
                made = made.flatten(-2)  # [L, T, H * D]
            made = made[:, :, rows] if site == "pattern" else made[:, rows]
            return made[0] if site in ONCE else made

        about = dict.fromkeys(sites)  # in the order asked for
        for site in sorted(sites, key=lambda site: site in SAME):
            array = stacked(site)
            twin = SAME.get(site) if alias else None
            if twin in sites:
                if relative(array, stacked(twin)) > AGREE:
                    raise AssertionError(f"{key}: {site} is not {twin}")
                about[site] = about[twin]
            elif array.any():
                about[site] = self.keep(f"{key}.{site}", array)
        return about


class Subject:
    """One model and one pair of prompts."""

    def __init__(self, name: str, writer: Writer):
        self.name, self.writer = name, writer
        self.folder = MINI if name == "mini" else MODELS / name
        tokenizer = Tokenizer.from_file(str(self.folder / "tokenizer.json"))
        case = GIVER if name == "mini" else SHORT
        clean, corrupted = prompts.pair(tokenizer, case)
        self.tokens = {"clean": clean, "corrupted": corrupted}
        self.rows = [2, 10, 14] if name == "mini" else list(range(len(clean)))
        self.hooked = Traced(
            AutoModelForCausalLM.from_pretrained(
                self.folder, dtype=torch.float64, attn_implementation="eager"
            ).eval()
        )
        self.plain = Plain(self.folder)
        self.layers = self.plain.layers
        self.differences = {"logits": 0.0, "gradients": 0.0, "float32": 0.0}

        with torch.no_grad():
            last = {run: self.hooked.logits(ids)[-1] for run, ids in self.tokens.items()}
        self.clean_logits = last["clean"]
        apart = (last["clean"] - last["corrupted"])[: tokenizer.get_vocab_size()]
        if case.answer:
            self.answers = [prompts.one_token(tokenizer, case.answer)]
            self.wrongs = [prompts.one_token(tokenizer, case.wrong)]
        else:
            self.answers = apart.topk(2).indices.tolist()
            self.wrongs = (-apart).topk(2).indices.tolist()

        # What is hardly possible has no gradient to speak of, nor has what is certain.
        p = last["corrupted"].softmax(-1)
        self.unsure = (p * (1 - p)).topk(4).indices.tolist()

    def metric(self, kind: str, of: int = 1) -> dict:
        some = lambda tokens: tokens[0] if of == 1 else tokens[:of]
        answers, wrongs = self.answers, self.wrongs
        if kind not in ("logit_difference", "kl"):
            answers, wrongs = self.unsure[::2], self.unsure[1::2]
        made = {"kind": kind, "answer": some(answers)}
        return made | ({"wrong": some(wrongs)} if kind in COMPARES else {})

    def exact(self, run: str, metric: dict, edits=()) -> tuple[float, dict]:
        logits, kept = self.hooked.trace(self.tokens[run], edits)
        value = measure(metric, logits[-1], self.clean_logits)
        return value.item(), gradients(value, kept)

    def held(self, run: str, metric: dict, rule: str) -> tuple[float, dict]:
        value_of = lambda logits: measure(metric, logits, self.clean_logits)
        logits, found = plain_gradients(self.plain, self.tokens[run], rule, value_of)
        return value_of(logits[-1]).item(), found

    def check(self) -> None:
        """plain.py computes what transformers computes, forwards and backwards."""
        metric = self.metric("logit_difference")
        _, found = self.exact("corrupted", metric)
        _, same = self.held("corrupted", metric, "exact")
        for place, gradient in found.items():
            if place[0] in HEAD_SITES or place[0] in EVERY:
                worst = relative(same[place], gradient)
                self.differences["gradients"] = max(self.differences["gradients"], worst)
        with torch.no_grad():
            for ids in self.tokens.values():
                worst = relative(self.plain.logits(ids), self.hooked.logits(ids))
                self.differences["logits"] = max(self.differences["logits"], worst)
        for what in ("logits", "gradients"):
            if not self.differences[what] <= AGREE:
                raise AssertionError(f"{self.name}: plain.py differs: {self.differences}")
        single = Subject.single(self.folder)
        logits, kept = single.trace(self.tokens["corrupted"])
        for place, gradient in gradients(
            measure(metric, logits[-1], self.clean_logits.float()), kept
        ).items():
            worst = relative(gradient.double(), found[place])
            self.differences["float32"] = max(self.differences["float32"], worst)

    @staticmethod
    def single(folder: Path) -> Traced:
        """The same in float32: how far its rounding alone goes."""
        return Traced(
            AutoModelForCausalLM.from_pretrained(
                folder, dtype=torch.float32, attn_implementation="eager"
            ).eval()
        )

    def passes(self) -> list[dict]:
        asked = [("corrupted", "exact", self.metric("logit_difference"), EVERY)]
        asked += [("clean", "exact", self.metric("logit_difference"), EVERY)]
        asked += [
            ("corrupted", rule, self.metric("logit_difference"), EVERY)
            for rule in ("relp", "relp_ah")
        ]
        few = FEW[:2] if self.name == "mini" else FEW  # its MLPs are wide
        asked += [("corrupted", "exact", self.metric(kind), few) for kind in KINDS[1:]]
        if self.name == "bare":
            asked += [("corrupted", "exact", self.metric(kind, 2), FEW) for kind in KINDS[:-1]]
        made = []
        for place, (run, rule, metric, sites) in enumerate(asked):
            if rule == "exact":
                value, found = self.exact(run, metric)
            else:
                value, found = self.held(run, metric, rule)
            key = f"{self.name}.{place}"
            made.append(
                {
                    "run": run,
                    "rule": rule,
                    "metric": metric,
                    "edits": [],
                    "value": number(value),
                    "gradients": self.writer.sites(key, found, sites, self.layers, self.rows, True),
                }
            )
        return made

    def edited(self) -> dict:
        """Three kinds of edit in force; the gradient is at the value that they leave."""
        random = torch.Generator().manual_seed(15)
        width = self.plain.config["n_embd"]
        # Drawn in float32, as they are kept.
        z = torch.randn(width // self.plain.heads, generator=random).double()
        push = torch.randn(width, generator=random).double()
        fields = ("site", "layer", "position", "head", "op", "coef", "vector")
        edit = lambda *values: dict(zip(fields, values))
        edits = [
            edit("z", 1, 6, 1, "replace", None, z),
            edit("resid_pre", 2, 4, None, "add", 2.5, push),
            edit("resid_pre", 2, 7, None, "add", 2.5, push),
            edit("mlp_out", 3, 6, None, "scale", 0.5, None),
        ]

        def as_edit(record: dict) -> Edit:
            return random_edits.as_edit(record, record["vector"])

        metric = self.metric("logit_difference")
        value, found = self.exact("corrupted", metric, [as_edit(e) for e in edits])
        unedited, _ = self.exact("corrupted", metric)
        if abs(value - unedited) < 0.1:
            raise AssertionError(f"the edits move {unedited} to {value} only")
        made = lambda logits: measure(metric, logits, self.clean_logits)
        _, same = plain_gradients(
            self.plain, self.tokens["corrupted"], "exact", made, [as_edit(e) for e in edits]
        )
        worst = max(relative(same[place], gradient) for place, gradient in found.items())
        if not worst <= AGREE:
            raise AssertionError(f"{self.name}: plain.py, edited, differs by {worst}")
        key = f"{self.name}.edited"
        for each in edits:
            if each["vector"] is not None:
                each["vector"] = self.writer.keep(f"{key}.{each['site']}.vector", each["vector"])
        return {
            "run": "corrupted",
            "rule": "exact",
            "metric": metric,
            "edits": edits,
            "value": number(value),
            "gradients": self.writer.sites(key, found, EVERY, self.layers, self.rows, False),
        }

    def estimates(self) -> list[dict]:
        """Cells of two grids, from the gradients of the run that is patched."""
        metric = self.metric("logit_difference")
        traces = {}
        with torch.no_grad():
            for run, ids in self.tokens.items():
                _, kept = self.hooked.trace(ids)
                traces[run] = {place: x[0].clone() for place, x in kept.items()}
        made = []
        for mode, base, source in (
            ("denoising", "corrupted", "clean"),
            ("noising", "clean", "corrupted"),
        ):
            by_rule = {
                rule: (
                    self.exact if rule == "exact" else lambda r, m, rule=rule: self.held(r, m, rule)
                )(base, metric)[1]
                for rule in ("exact", "relp", "relp_ah")
            }
            for site in ("resid_pre", "z"):
                moved = [
                    traces[source][site, l] - traces[base][site, l] for l in range(self.layers)
                ]
                # [T] of a site of the stream, [H] of one of heads.
                cells = lambda d, g: (
                    (d * g).sum(-1) if site == "resid_pre" else (d * g).sum((0, -1))
                )

                def along(layer: int) -> Tensor:
                    """The mean gradient on the way, all positions of one layer together."""
                    total = torch.zeros_like(moved[layer])
                    for k in range(1, STEPS + 1):
                        there = traces[base][site, layer] + k / STEPS * moved[layer]
                        edit = Edit(site, layer, lambda x, there=there: there.clone() + 0 * x)
                        total += self.exact(base, metric, [edit])[1][site, layer]
                    return total / STEPS

                grids = {
                    rule: torch.stack([cells(moved[l], found[site, l]) for l in range(self.layers)])
                    for rule, found in by_rule.items()
                }
                grids["integrated"] = torch.stack(
                    [cells(moved[l], along(l)) for l in range(self.layers)]
                )
                made.append(
                    {
                        "mode": mode,
                        "site": site,
                        "metric": metric,
                        "value": number(self.exact(base, metric)[0]),
                        **{
                            how: self.writer.keep(f"{self.name}.{mode}.{site}.{how}", grid)
                            for how, grid in grids.items()
                        },
                    }
                )
        return made

    def report(self) -> dict:
        self.check()
        made = {
            "model": self.name,
            "weights_sha256": sha256((self.folder / "model.safetensors").read_bytes()).hexdigest(),
            "clean": self.tokens["clean"],
            "corrupted": self.tokens["corrupted"],
            "positions": self.rows,
            "passes": self.passes(),
        }
        if self.name == "deep":
            made["passes"].append(self.edited())
        if self.name == "mini":
            made["estimates"] = {"steps": STEPS, "grids": self.estimates()}
        made["largest_differences"] = {
            key: number(f"{x:.3g}") for key, x in self.differences.items()
        }
        print(f"{self.name}: {len(made['passes'])} passes, {made['largest_differences']}")
        return made


def compare(subjects: list[Subject]) -> dict | str:
    """What the authors of relevance patching find with their own code."""
    folder_of_theirs = os.environ.get("PATCHBAY_RELP")
    python = os.environ.get("PATCHBAY_EAP_IG_PYTHON")
    if not folder_of_theirs or not python:
        return "not run"
    asked = [
        {
            "name": s.name,
            "folder": str(s.folder),
            "tokens": s.tokens["corrupted"],
            "answer": s.answers[0],
            "wrong": s.wrongs[0],
        }
        for s in subjects
    ]
    with tempfile.TemporaryDirectory() as folder:
        request, answer = Path(folder) / "request.json", Path(folder) / "answer.safetensors"
        request.write_text(json.dumps(asked), encoding="utf-8")
        subprocess.run(
            [python, Path(__file__).with_name("relp.py"), request, answer],
            check=True,
            env=os.environ | {"PYTHONPATH": folder_of_theirs},
        )
        theirs = load_file(answer)
    largest = {}
    metric = lambda subject: subject.metric("logit_difference")
    for subject in subjects:
        for rule in ("relp", "relp_ah"):
            _, ours = subject.held("corrupted", metric(subject), rule)
            # Values are kept without the 1e-6 that they add to what they divide by.
            subject.plain.gate = divided
            _, found = subject.held("corrupted", metric(subject), rule)
            subject.plain.gate = Plain.gate
            added = max(relative(ours[place], x) for place, x in found.items())
            largest["1e-6"] = max(largest.get("1e-6", 0.0), added)
            worst, seen = 0.0, 0
            for (site, layer), ours in found.items():
                gradient = theirs.get(f"{subject.name}/{rule}/{site}/{layer}")
                if gradient is not None:
                    worst, seen = max(worst, relative(ours, gradient)), seen + 1
                elif site == "pattern":
                    continue  # cut off by them, a place of its own here
                elif ours.any():
                    raise AssertionError(f"{subject.name}: nothing at {site} {layer} with {rule}")
            if not worst <= AGREE or seen < len(found) / 2:
                raise AssertionError(f"{subject.name}: {rule} differs by {worst} of {seen}")
            largest[rule] = max(largest.get(rule, 0.0), worst)
    return {rule: number(f"{x:.3g}") for rule, x in largest.items()}


def main() -> None:
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    writer = Writer()
    subjects = [Subject(name, writer) for name in NAMES]
    models = [subject.report() for subject in subjects]
    compared = compare(subjects)
    report = {
        "versions": {k: version(k) for k in ("torch", "transformers")},
        "relp": compared,  # the largest differences from the authors' code
        "models": models,
    }
    VALUES.mkdir(exist_ok=True)
    file = save(writer.arrays)
    (VALUES / "gradients.safetensors").write_bytes(file)
    text = json.dumps(report, indent=1) + "\n"
    (VALUES / "gradients.json").write_text(text, encoding="utf-8")
    print(f"values/gradients: {len(file):,} and {len(text):,} bytes; RelP's code: {compared}")


if __name__ == "__main__":
    main()
