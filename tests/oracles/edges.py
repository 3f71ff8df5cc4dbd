"""Edge scores, circuits and how faithful they are, by plain PyTorch and by EAP-IG's code.

    python edges.py        # writes values/edges.{json,safetensors}

Everything is computed by circuit.py in float64 and kept in float32. With

    PATCHBAY_EAP_IG=<folders>          what PYTHONPATH has to hold, see eap_ig.py
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

import prompts
from circuit import GraphModel, Pair, acdc
from gradients import SHORT, relative

STEPS = 5
AGREE = 1e-5  # largest |difference| / max(1, |value|); EAP-IG keeps its scores in float32
METHODS = ("EAP", "EAP-IG-inputs", "EAP-IG-activations", "clean-corrupted", "exact")
SIZES = (5, 20, 50, 100, 200)
PERCENTAGES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1)  # MIB's
TAUS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1)  # of ACDC: those of which every decision is clear
CLEAR = 1e-4  # how near tau one may come
NEXT = 1e-4  # how near, relatively, the first score left out may come to the last one taken

# The second name is who receives; the corrupted prompt has a third one in the giver's place.
OBJECTS = [
    ("When{} and{} went to the store,{} gave a bottle to", " John", " Mary", " Tom"),
    ("When{} and{} went to the shops,{} gave the bag to", " Tom", " James", " Anna"),
    ("When{} and{} went to the park,{} gave the ball to", " Martin", " Amy", " Peter"),
    ("After{} and{} went to the house,{} gave a letter to", " Anna", " Peter", " Mary"),
    ("When{} and{} went to the store,{} gave the bag to", " Sarah", " David", " Paul"),
    ("When{} and{} went to the park,{} gave a letter to", " Amy", " John", " James"),
]


def pairs_of(name: str, folder: Path, model: GraphModel) -> list[dict]:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    if name == "mini":
        made = []
        for text, giver, receiver, third in OBJECTS:
            told = lambda who: text.format(giver, receiver, who)
            case = prompts.Case(text, told(giver), told(third))
            clean, corrupted = prompts.pair(tokenizer, case)
            token = lambda who: prompts.one_token(tokenizer, who)
            made.append(
                {
                    "clean": clean,
                    "corrupted": corrupted,
                    "answer": token(receiver),
                    "wrong": token(giver),
                }
            )
        return made
    clean, corrupted = prompts.pair(tokenizer, SHORT)
    with torch.no_grad():
        apart = model.run(clean)[0] - model.run(corrupted)[0]
    apart = apart[: tokenizer.get_vocab_size()]
    answer, wrong = int(apart.argmax()), int(apart.argmin())
    return [{"clean": clean, "corrupted": corrupted, "answer": answer, "wrong": wrong}]


class Subject:
    def __init__(self, name: str, arrays: dict):
        self.name, self.arrays = name, arrays
        self.folder = MINI if name == "mini" else MODELS / name
        self.model = GraphModel(self.folder)
        self.graph = self.model.graph
        self.records = pairs_of(name, self.folder, self.model)
        metric = lambda record: lambda logits: logits[record["answer"]] - logits[record["wrong"]]
        self.metrics = [metric(record) for record in self.records]
        self.pairs = [
            Pair(self.model, r["clean"], r["corrupted"], lambda logits, m=m: -m(logits))
            for r, m in zip(self.records, self.metrics)
        ]
        # [edge, T], means over the pairs; the exact ones have no positions.
        mean = lambda score: self.graph.flat(sum(score(p) for p in self.pairs) / len(self.pairs))
        self.by_position = {
            "EAP": mean(lambda p: p.eap()),
            "EAP-IG-inputs": mean(lambda p: p.ig_inputs(STEPS)),
            "EAP-IG-activations": mean(lambda p: p.ig_activations(STEPS)),
            "clean-corrupted": mean(lambda p: p.clean_corrupted()),
            "EAP-relp": mean(lambda p: p.eap("relp")),
            "EAP-relp_ah": mean(lambda p: p.eap("relp_ah")),
        }
        self.scores = {how: x.sum(-1) for how, x in self.by_position.items()}
        self.scores["exact"] = mean(lambda p: p.exact())
        # What is kept and sorted, here as in EAP-IG, is float32.
        self.scores = {how: x.float() for how, x in self.scores.items()}

    def matrix(self, how: str) -> Tensor:
        made = torch.zeros(self.graph.real.shape)
        s, r = torch.tensor(self.graph.edges).T
        made[s, r] = self.scores[how]
        return made

    def values(self, kept: Tensor) -> list[float]:
        """The metric of each pair in a circuit."""
        return [m(p.circuit(kept)).item() for p, m in zip(self.pairs, self.metrics)]

    def kept(self, kept: Tensor) -> list[int]:
        return self.graph.flat(kept).nonzero().flatten().tolist()

    def choices(self) -> list[tuple[str, str, int]]:
        sizes = [n for n in SIZES if n < len(self.graph.edges)] + [len(self.graph.edges)]
        hows = ("strongest", "greedy") if self.name == "mini" else ("strongest",)
        return [("EAP-IG-inputs", how, n) for how in hows for n in sizes]

    def clear(self, method: str, n: int) -> bool:
        """Whether the n strongest are told from the next by more than rounding."""
        order = self.scores[method].abs().sort(descending=True).values
        return n >= len(order) or (order[n - 1] - order[n] > NEXT * order[n - 1]).item()

    def circuits(self) -> list[dict]:
        made = []
        for method, how, n in self.choices():
            chosen = getattr(self.graph, how)(self.matrix(method), n)
            pruned = self.graph.pruned(chosen)
            made.append(
                {
                    "scores": method,
                    "how": how,
                    "n": n,
                    "clear": self.clear(method, n),
                    "edges": self.kept(pruned),
                    "values": [number(x) for x in self.values(pruned)],
                }
            )
        return made

    def areas(self, method: str) -> dict:
        """MIB's curve: CPR is the area under it, CMD that between it and 1."""
        mean = lambda kept: torch.tensor(self.values(kept), dtype=torch.float64).mean().item()
        nothing = torch.zeros_like(self.graph.real)
        whole, none = mean(self.graph.real), mean(nothing)
        counts, faithful = [], []
        for share in PERCENTAGES:
            n = int(share * len(self.graph.edges))
            kept = self.graph.pruned(self.graph.strongest(self.matrix(method), n))
            counts.append(int(kept.sum()))
            faithful.append((mean(kept) - none) / (whole - none))
        steps = [b - a for a, b in zip(PERCENTAGES, PERCENTAGES[1:])]
        area = lambda ys: sum(w * (a + b) / 2 for w, a, b in zip(steps, ys, ys[1:]))
        return {
            "scores": method,
            "percentages": list(PERCENTAGES),
            "edges": counts,
            "faithfulness": [number(x) for x in faithful],
            "cpr": number(area(faithful)),
            "cmd": number(area([abs(1 - x) for x in faithful])),
        }

    def acdc(self) -> list[dict]:
        def kl(pair: Pair, logits: Tensor) -> Tensor:
            clean = pair.logits.log_softmax(-1)
            return (clean.exp() * (clean - logits.log_softmax(-1))).sum()

        difference = lambda pair, logits: pair.loss(logits)
        made = []
        for metric, loss in (("kl", kl), ("logit_difference", difference)):
            for tau in TAUS:
                kept, value, closest = acdc(self.pairs, loss, tau)
                if not closest > CLEAR:
                    continue
                value = value if metric == "kl" else -value
                made.append(
                    {
                        "metric": metric,
                        "tau": tau,
                        "edges": self.kept(kept),
                        "pruned": self.kept(self.graph.pruned(kept)),
                        "value": number(value),
                        "closest": number(f"{closest:.3g}"),
                    }
                )
        if len({one["metric"] for one in made}) < 2:
            raise AssertionError(f"{self.name}: no tau decides clearly: {made}")
        return made

    def request(self) -> dict:
        return {
            "name": self.name,
            "folder": str(self.folder),
            "pairs": self.records,
            "steps": STEPS,
            "methods": METHODS,
            "circuits": self.choices(),
            "areas": "EAP-IG-inputs" if self.name == "mini" else None,
        }

    def report(self) -> dict:
        keep = lambda key, x: self.arrays.update({key: x.float().contiguous()}) or key
        for record, pair, metric in zip(self.records, self.pairs, self.metrics):
            record["values"] = [
                number(metric(pair.logits)),
                number(metric(pair.corrupted_logits)),
            ]
        made = {
            "model": self.name,
            "weights_sha256": sha256((self.folder / "model.safetensors").read_bytes()).hexdigest(),
            "pairs": self.records,
            "edges": [self.graph.name(edge) for edge in self.graph.edges],
            "scores": {h: keep(f"{self.name}.{h}", x) for h, x in self.scores.items()},
            "by_position": {
                how: keep(f"{self.name}.{how}.by_position", self.by_position[how])
                for how in ("EAP", "EAP-IG-inputs")
            },
            "circuits": self.circuits(),
        }
        if self.name == "mini":
            made["areas"] = self.areas("EAP-IG-inputs")
        else:
            made["acdc"] = self.acdc()
        return made


def compare(subjects: list[Subject], reports: list[dict]) -> dict | str:
    """What EAP-IG's own code finds, which must be the same."""
    folders, python = (os.environ.get(f"PATCHBAY_EAP_IG{x}") for x in ("", "_PYTHON"))
    if not folders or not python:
        return "not run"
    with tempfile.TemporaryDirectory() as folder:
        request, answer = Path(folder) / "request.json", Path(folder) / "answer"
        request.write_text(json.dumps([s.request() for s in subjects]), encoding="utf-8")
        script = Path(__file__).with_name("eap_ig.py")
        subprocess.run(
            [python, script, request, answer],
            check=True,
            env=os.environ | {"PYTHONPATH": folders},
        )
        theirs = json.loads(answer.with_suffix(".json").read_text(encoding="utf-8"))
        arrays = load_file(answer.with_suffix(".safetensors"))

    largest: dict[str, float] = {}

    def check(what: str, ours, expected) -> None:
        as_tensor = lambda x: torch.as_tensor(x, dtype=torch.float64)
        worst = relative(as_tensor(ours), as_tensor(expected))
        if not worst <= AGREE:
            raise AssertionError(f"{what}: EAP-IG's code differs by {worst}")
        key = what.split(" ")[1]
        largest[key] = number(f"{max(worst, largest.get(key, 0)):.3g}")

    for subject, report, found in zip(subjects, reports, theirs):
        name = subject.name
        if report["edges"] != found["edges"]:
            raise AssertionError(f"{name}: EAP-IG names other edges")
        for method in METHODS:
            check(f"{name} {method}", subject.scores[method], arrays[f"{name}.{method}"])
        # Its loss is a mean over the batch, and its scores are divided by the pairs again.
        again = arrays[f"{name}.EAP.all_at_once"] * len(subject.pairs)
        check(f"{name} EAP-one-batch", subject.scores["EAP"], again)
        check(f"{name} values", [r["values"][0] for r in subject.records], found["baseline"])
        check(f"{name} values", [r["values"][1] for r in subject.records], found["corrupted"])
        for ours, expected in zip(report["circuits"], found["circuits"]):
            edges = [report["edges"][i] for i in ours["edges"]]
            if ours["clear"] and edges != expected["edges"]:
                raise AssertionError(f"{name}: EAP-IG keeps other edges for {ours['n']}")
            if edges == expected["edges"]:
                check(f"{name} circuits", ours["values"], expected["values"])
        if "areas" in report:
            for key in ("edges", "faithfulness", "cpr", "cmd"):
                check(f"{name} {key}", report["areas"][key], found["areas"][key])
    return largest


def main() -> None:
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    arrays: dict[str, Tensor] = {}
    subjects = [Subject(name, arrays) for name in ("bare", "deep", "mini")]
    reports = [subject.report() for subject in subjects]
    compared = compare(subjects, reports)
    report = {
        "versions": {k: version(k) for k in ("torch",)},
        "steps": STEPS,
        "eap_ig": compared,  # the largest differences from the authors' code
        "models": reports,
    }
    VALUES.mkdir(exist_ok=True)
    file = save(arrays)
    (VALUES / "edges.safetensors").write_bytes(file)
    text = json.dumps(report, indent=1) + "\n"
    (VALUES / "edges.json").write_text(text, encoding="utf-8")
    print(f"values/edges: {len(file):,} and {len(text):,} bytes; EAP-IG's code: {compared}")


if __name__ == "__main__":
    main()
