"""Writes values/patching-<model>.{json,safetensors}: what the patching room must find.

    python patching.py [--only NAME ...]

Every cell is a whole pass with plain PyTorch hooks (reference.py). Where TransformerLens
has a function for a grid, it is run too and must agree; of the rest, cells here and
there are run through it with the same edits. README.md has the format.
"""

import argparse
import json
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from expect import MINI, VALUES, Agreement, number  # sets the environment first

import torch
from safetensors.torch import save
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, logging

import lens as tl
import philox
from hooked import Hooked
from models import MODELS
from patching_lens import agree
from patching_sets import Maker
from reference import Reference

NAMES = ("bare", "deep", "half", "mini")
RESAMPLES = 400  # of a bootstrap, as engine/src/patching/tally.rs


def one_experiment(
    place: int, title: str, experiment: dict, hooked, lens, agreement
) -> tuple[dict, dict]:
    reference = Reference(hooked, experiment)
    cases, kinds = reference.cases, [m["kind"] for m in experiment["metrics"]]
    rank = kinds.index("rank") if "rank" in kinds else None
    arrays: dict[str, torch.Tensor] = {}

    def keep(key: str, array) -> str:
        arrays[f"{place}.{key}"] = torch.as_tensor(array).float().contiguous()
        return f"{place}.{key}"

    def measured(key: str, found) -> dict:
        """`found` ends in [metric, 3] or [metric, row, column, 3]; the metric's axis is `axis`."""
        axis = -2 if found.dim() < 4 or key == "lens" else -4
        about = {"values": keep(key, found[..., 0])}
        if rank is not None:
            ranks = found.select(axis, rank)[..., 1:]
            about["ranks"] = keep(f"{key}.ranks", ranks.movedim(-1, 0))
        return about

    ends = torch.stack(
        [torch.stack([c.values(c.clean_logits), c.values(c.corrupted_logits)]) for c in cases]
    )  # [case, run, metric, 3]
    written = {"name": title, "experiment": experiment}
    written["metrics"] = measured("metrics", ends.mean(0))
    written["sweeps"] = []
    for s, sweep in enumerate(experiment["sweeps"]):
        found = torch.stack([reference.grid(sweep, i) for i in range(len(cases))])
        agree(lens, reference, sweep, found[0, 0, ..., 0], agreement)
        about = measured(f"sweep{s}", found.mean(0))
        if len(cases) > 1:
            low, high, least = intervals(found, ends, rank)
            about["pairs"] = measured(f"sweep{s}.pairs", found)
            about["intervals"] = keep(f"sweep{s}.intervals", torch.stack([low, high]))
            about["least_span"] = [number(x) for x in least]
        if "resample" in (b := sweep.get("bring", "other")) and b != "other":
            about["partners"] = [reference.partner(sweep, i) for i in range(len(cases))]
        written["sweeps"].append(about)

    look = reference.look(experiment["cell"])
    tl_attribution(lens, reference, look, agreement)
    written["cell"] = measured("cell", look.pop("metrics")) | {
        "lens": measured("lens", look.pop("lens")),
        "lens_top": look.pop("lens_top").tolist(),
    }
    written["cell"] |= {key: keep(key, array) for key, array in look.items()}
    return written, arrays


def intervals(found, ends, rank: int | None):
    """95 % percentile intervals of the ratio of means, [metric, row, column], over the keyed
    resamples, and by metric the least span that one of them is divided by."""
    draws = torch.as_tensor(philox.resamples(RESAMPLES, len(ends)))
    value = found[..., 0][draws].sum(1)  # [draw, metric, row, column]
    clean, corrupted = (ends[:, run, :, 0][draws].sum(1)[..., None, None] for run in (0, 1))
    shares = ((value - corrupted) / (clean - corrupted)).sort(0).values
    edge = RESAMPLES // 40
    low, high = shares[edge], shares[RESAMPLES - 1 - edge]
    # Ranks may be told either way within a near tie, which moves a mean by much: where
    # there is one, there is nothing to compare.
    if rank is not None:
        unsure = (found[:, rank, ..., 1] != found[:, rank, ..., 2]).any(0)
        unsure |= bool((ends[:, :, rank, 1] != ends[:, :, rank, 2]).any())
        low[rank][unsure] = high[rank][unsure] = torch.nan
    span = ((clean - corrupted).abs() / len(ends)).flatten(1).min(0).values
    # A span of 0 has no share; the engine gives no interval then.
    low[span == 0] = high[span == 0] = torch.nan
    return low, high, span.tolist()


def tl_attribution(lens, reference: Reference, look: dict, agreement: Agreement) -> None:
    """TransformerLens's own direct logit attribution of the clean run."""
    case = reference.cases[0]
    if case.clean_edits:
        return  # it has none of a run that is steered
    _, cache = lens.activations(case.clean)
    towards = reference.hooked.model.transformer.ln_f.weight * reference.direction(case)
    heads = cache.stack_head_results(layer=-1, pos_slice=-1)
    mlps = torch.stack([cache[f"blocks.{l}.hook_mlp_out"][:, -1] for l in range(reference.layers)])
    for name, stack in (("head_attribution", heads), ("mlp_attribution", mlps)):
        scaled = cache.apply_ln_to_stack(stack, layer=-1, pos_slice=-1)[:, 0]
        agreement.check(name, look[name].flatten(), scaled @ towards)


def write(name: str, folder: Path) -> None:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    hooked = Hooked(model)
    lens, agreement = tl.Lens(str(folder)), Agreement()
    written, arrays = [], {}
    for i, (title, experiment) in enumerate(Maker(name, tokenizer, hooked).all().items()):
        about, made = one_experiment(i, title, experiment, hooked, lens, agreement)
        written.append(about)
        arrays |= made
        print(f"  {name}: {title}", flush=True)
    report = {
        "model": name,
        "weights_sha256": sha256((folder / "model.safetensors").read_bytes()).hexdigest(),
        "versions": {k: version(k) for k in ("torch", "transformers", "transformer-lens")},
        "largest_differences": agreement.largest,
    }
    # One experiment a line: long, and still readable as a difference.
    lines = ",\n".join(json.dumps(e, ensure_ascii=False) for e in written)
    text = json.dumps(report, indent=1)[:-2] + ',\n "experiments": [\n' + lines + "\n]}\n"
    (VALUES / f"patching-{name}.safetensors").write_bytes(save(arrays))
    (VALUES / f"patching-{name}.json").write_text(text, encoding="utf-8")
    worst = max(agreement.largest.items(), key=lambda kv: kv[1])
    print(f"values/patching-{name}: worst of TransformerLens: {worst}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", metavar="NAME", help="models to do, else all")
    only = parser.parse_args().only
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    torch.use_deterministic_algorithms(True)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    for name in NAMES:
        if not only or name in only:
            write(name, MINI if name == "mini" else MODELS / name)


if __name__ == "__main__":
    main()
