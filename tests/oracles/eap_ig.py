"""Edge scores and circuits by the authors' own code, for edges.py to compare with.

    python eap_ig.py REQUEST ANSWER

It runs in an environment of its own: transformer-lens 2.16.1, transformers 4.53.3, and on
PYTHONPATH the `src` folder of hannamw/EAP-IG (795f560) with the folder of
hannamw/MIB-circuit-track (b759df3), neither of which is a package of any registry. The
models are built from the checkpoints' tensors; prompts are token ids, which take the
tokenizer's place; nothing else of the authors' code is touched but its device.
"""

import importlib
import importlib.util
import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

BATCH = 1  # of the loss's mean: with more, their scores are as many times smaller


def on_the_cpu() -> None:
    """The modules of `eap` with the CPU where they name a GPU."""
    package = Path(importlib.util.find_spec("eap").origin).parent
    for name in ("visualization", "graph", "utils", "evaluate", "attribute"):
        spec = importlib.util.spec_from_file_location(f"eap.{name}", package / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        source = (package / f"{name}.py").read_text(encoding="utf-8")
        exec(compile(source.replace("'cuda'", "'cpu'"), spec.origin, "exec"), module.__dict__)


on_the_cpu()

import MIB_circuit_track.evaluation as mib
from eap import attribute, evaluate, utils
from eap.graph import Graph
from old_lens import hooked_transformer

GRAPHS = evaluate.evaluate_graph


def tokenize_plus(model, inputs, max_length=None):
    """Prompts of token ids, all of one length, in place of texts."""
    tokens = torch.tensor([[int(i) for i in text.split()] for text in inputs])
    mask = torch.ones_like(tokens)
    return tokens, mask, mask.sum(1), tokens.shape[1]


for module in (attribute, evaluate, utils):
    module.tokenize_plus = tokenize_plus


def evaluate_graph(*args, optimal_ablation_path=None, **kwargs):
    """Without an argument that MIB passes on and this version does not know; unused here."""
    return GRAPHS(*args, **kwargs)


mib.evaluate_graph = evaluate_graph


def logit_difference(logits, clean_logits, lengths, labels, loss=False, mean=True):
    """As in the authors' ioi.ipynb."""
    last = logits[torch.arange(len(logits)), lengths - 1]
    good_bad = torch.gather(last, -1, labels)
    value = good_bad[:, 0] - good_bad[:, 1]
    value = -value if loss else value
    return value.mean() if mean else value


def loss(*args):
    return logit_difference(*args, loss=True)


def metric(*args):
    return logit_difference(*args, mean=False)


def batches(pairs: list[dict], size: int) -> list:
    text = lambda ids: " ".join(map(str, ids))
    made = []
    for start in range(0, len(pairs), size):
        some = pairs[start : start + size]
        labels = torch.tensor([[p["answer"], p["wrong"]] for p in some])
        made.append(
            ([text(p["clean"]) for p in some], [text(p["corrupted"]) for p in some], labels)
        )
    return made


def one(asked: dict, arrays: dict) -> dict:
    model = hooked_transformer(
        Path(asked["folder"]),
        use_split_qkv_input=True,
        use_attn_result=True,
        use_hook_mlp_in=True,
    )
    data, name = batches(asked["pairs"], BATCH), asked["name"]

    def score(method: str, data=data) -> Graph:
        graph = Graph.from_model(model)
        attribute.attribute(model, graph, data, loss, method, ig_steps=asked["steps"], quiet=True)
        return graph

    graphs = {method: score(method) for method in asked["methods"]}
    for method, graph in graphs.items():
        arrays[f"{name}.{method}"] = torch.stack([e.score.clone() for e in graph.edges.values()])
    all_at_once = score("EAP", batches(asked["pairs"], len(asked["pairs"])))
    arrays[f"{name}.EAP.all_at_once"] = torch.stack(
        [e.score.clone() for e in all_at_once.edges.values()]
    )
    about = {
        "edges": list(graphs["EAP"].edges),
        "baseline": evaluate.evaluate_baseline(model, data, metric, quiet=True).tolist(),
        "corrupted": evaluate.evaluate_baseline(
            model, data, metric, run_corrupted=True, quiet=True
        ).tolist(),
        "circuits": [],
    }
    for method, how, n in asked["circuits"]:
        graph = graphs[method]
        if how == "strongest":
            graph.apply_topn(n, True)
        else:
            graph.apply_greedy(n)
        values = evaluate.evaluate_graph(model, graph, data, metric, quiet=True).tolist()
        kept = [name for name, edge in graph.edges.items() if edge.in_graph]
        about["circuits"].append({"edges": kept, "values": values})
    if asked["areas"]:
        graph = graphs[asked["areas"]]
        counts, cpr, cmd, _, faithfulness = mib.evaluate_area_under_curve(
            model, graph, data, metric, quiet=True
        )
        about["areas"] = {"edges": counts, "faithfulness": faithfulness, "cpr": cpr, "cmd": cmd}
    return about


def main() -> None:
    torch.set_num_threads(1)
    request = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    arrays: dict[str, torch.Tensor] = {}
    answer = [one(asked, arrays) for asked in request]
    save_file(arrays, f"{sys.argv[2]}.safetensors")
    Path(f"{sys.argv[2]}.json").write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    main()
