"""Computes what the engine must find and writes it to values/<model>.{json,safetensors}.

    python expect.py [--only NAME ...]

Everything comes from transformers with plain PyTorch hooks (hooked.py) and, where
TransformerLens can represent the model, from TransformerLens as well (lens.py);
the two must agree to 1e-4, and the largest difference is kept. README.md has the format.
"""

import argparse
import json
import os
import zlib
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

os.environ |= {"HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1"}  # before the imports that read them

import torch
from safetensors.torch import save
from tokenizers import Tokenizer
from torch import Tensor
from transformers import AutoModelForCausalLM, logging

import lens as tl
import prompts
import random_edits
from hooked import HEAD_SITES, NEURON_SITES, STREAM_SITES, Hooked, sweep
from models import MODELS, SPECS

HERE = Path(__file__).resolve().parent
VALUES = HERE / "values"
MINI = HERE.parents[1] / "www" / "models" / "mini"

SWEPT = (*STREAM_SITES, *HEAD_SITES, "pattern")
EVERY_SWEEP = [(mode, site) for site in SWEPT for mode in ("denoising", "noising")]
LAYER_SITES = (*STREAM_SITES, *HEAD_SITES, *NEURON_SITES, "pattern")
WHOLE_SITES = ("embed", "pos_embed", "ln_final")
FULLY_TRACED = ("bare", "deep")  # models whose activations are kept
NEW_TOKENS = 20
AGREE = 1e-4  # largest |difference| / max(1, |value|) between the two oracles
CLEAR = 1e-3  # gap between two logits below which their order says nothing
LEAST_CLEAR = 5  # greedy tokens and top entries that must be decided by more than that


def number(x) -> float:
    """A float32 in as many digits as it has; text keeps the digits it gives."""
    return float(f"{float(x):.9g}")


class Agreement:
    """The largest difference seen between the two oracles, by name."""

    def __init__(self):
        self.largest: dict[str, float] = {}

    def check(self, name: str, ours: Tensor, theirs: Tensor) -> None:
        difference = ((ours - theirs).abs() / theirs.abs().clamp(min=1)).max().item()
        if not difference <= AGREE:
            raise AssertionError(f"{name}: TransformerLens and PyTorch differ by {difference:.2e}")
        self.largest[name] = number(f"{max(difference, self.largest.get(name, 0)):.3g}")


def next_token(logits: Tensor, tokenizer: Tokenizer, answer: int, wrong: int) -> dict:
    """What is read off the last position's logits [V]."""
    log_probability = logits.log_softmax(-1)
    top, ids = logits.topk(11)

    def about(token: int) -> dict:
        own = logits[token]
        others = torch.cat([logits[:token], logits[token + 1 :]])
        return {
            "logit": number(own),
            "probability": number(log_probability[token].exp()),
            "log_probability": number(log_probability[token]),
            "rank": int((others > own).sum()),
            "rank_range": [int((others > own + CLEAR).sum()), int((others > own - CLEAR).sum())],
        }

    return {
        "answer": about(answer),
        "wrong": about(wrong),
        "logit_difference": number(logits[answer] - logits[wrong]),
        "top": [{"id": i, **about(i)} for i in ids[:10].tolist()],
        "top_clear": clear_steps(top[:-1] - top[1:]),
    }


def clear_steps(gaps: Tensor, least: int = LEAST_CLEAR) -> int:
    """How many of the first gaps are wide enough that their order must be found again."""
    close = (gaps < CLEAR).nonzero()
    clear = int(close[0]) if len(close) else len(gaps)
    if clear < least:
        raise AssertionError(f"only {clear} choices before a near tie: choose another prompt")
    return clear


def greedy(model, tokens: list[int]) -> tuple[list[int], float]:
    """transformers' own greedy continuation and the least gap between its two best logits.

    End-of-text does not stop it; the first step that is nearly a tie does.
    """
    new = min(NEW_TOKENS, model.config.n_positions - len(tokens))
    model.generation_config.eos_token_id = None
    inputs = torch.tensor([tokens])
    made = model.generate(
        inputs,
        attention_mask=torch.ones_like(inputs),
        max_new_tokens=new,
        do_sample=False,
        pad_token_id=0,
        output_logits=True,
        return_dict_in_generate=True,
    )
    best = torch.cat(made.logits).topk(2).values
    gaps = best[:, 0] - best[:, 1]
    clear = clear_steps(gaps, least=1)
    continuation = made.sequences[0, len(tokens) : len(tokens) + clear].tolist()
    return continuation, number(f"{gaps[:clear].min().item():.6g}")


def one_case(
    index: int,
    case,
    hooked: Hooked,
    lens,
    tokenizer: Tokenizer,
    kept_logits,
    agreement,
    sweeps=EVERY_SWEEP,
    stride: int = 1,
):
    """The json of one prompt pair, and its arrays; of the kept logits every `stride`th."""
    clean, corrupted = prompts.pair(tokenizer, case)
    clean_logits, clean_run = hooked.activations(clean)
    corrupted_logits, corrupted_run = hooked.activations(corrupted)

    apart = (clean_logits - corrupted_logits)[-1, : tokenizer.get_vocab_size()]
    answer = prompts.one_token(tokenizer, case.answer) if case.answer else int(apart.argmax())
    wrong = prompts.one_token(tokenizer, case.wrong) if case.wrong else int(apart.argmin())
    metric = lambda logits: logits[-1, answer] - logits[-1, wrong]

    kept = kept_logits(len(clean))
    arrays = {
        "clean.logits": clean_logits[kept, ::stride],
        "corrupted.logits": corrupted_logits[kept, ::stride],
    }
    if lens:
        lens_clean, clean_cache = lens.activations(clean)
        lens_corrupted, corrupted_cache = lens.activations(corrupted)
        agreement.check("logits", clean_logits, lens_clean)
        agreement.check("logits", corrupted_logits, lens_corrupted)
        for (site, layer), ours in clean_run.items():
            agreement.check(f"activation {site}", ours, lens.activation(clean_cache, site, layer))

    into = {"denoising": corrupted, "noising": clean}
    source = {"denoising": clean_run, "noising": corrupted_run}
    if lens:
        caches = {"denoising": clean_cache, "noising": corrupted_cache}
    for mode, site in sweeps:
        found = sweep(hooked, site, into[mode], source[mode], metric)
        if lens:
            theirs = lens.sweep(site, into[mode], caches[mode], metric)
            agreement.check(f"{mode} {site}", found, theirs)
            found = theirs
        arrays[f"{mode}.{site}"] = found

    continuation, closest = greedy(hooked.model, clean)
    if lens and lens.greedy(clean, len(continuation)) != continuation:
        raise AssertionError(f"{case.name}: TransformerLens generates other tokens")

    def prompt(text: str, ids: list[int], logits: Tensor) -> dict:
        return {"text": text, "tokens": ids, **next_token(logits[-1], tokenizer, answer, wrong)}

    about = {
        "name": case.name,
        "bos": case.bos,
        "answer": answer,
        "wrong": wrong,
        "first_difference": next(i for i, (a, b) in enumerate(zip(clean, corrupted)) if a != b),
        "clean": prompt(case.clean, clean, clean_logits),
        "corrupted": prompt(case.corrupted, corrupted, corrupted_logits),
        "greedy": continuation,
        "greedy_closest": closest,
        "logits_positions": kept,
        "arrays": {key: f"case{index}.{key}" for key in arrays},
    }
    return about, {f"case{index}.{key}": array for key, array in arrays.items()}, clean_run


def rounding(folder: Path, hooked: Hooked, cases: list[dict]) -> float:
    """How far float32 itself is from float64 on the clean logits, in the tolerance's measure."""
    exact = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float64, attn_implementation="eager"
    ).eval()
    largest = 0.0
    for case in cases:
        tokens = case["clean"]["tokens"]
        expected = exact(torch.tensor([tokens]), use_cache=False).logits[0]
        difference = (hooked.logits(tokens).double() - expected).abs() / expected.abs().clamp(min=1)
        largest = max(largest, difference.max().item())
    return number(f"{largest:.3g}")


def stacked(run: dict, layers: int) -> dict[str, Tensor]:
    """Every activation of a run; those of a layer stacked, layer first."""
    made = {site: torch.stack([run[site, l] for l in range(layers)]) for site in LAYER_SITES}
    return made | {site: run[site, None] for site in WHOLE_SITES}


def write(name: str, folder: Path, cases: list, kept_logits, singles: int, sets: int) -> None:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    hooked = Hooked(model)
    reason = tl.cannot_represent(model.config)
    lens = None if reason else tl.Lens(str(folder))
    agreement = Agreement()

    written, arrays, activations = [], {}, None
    for index, case in enumerate(cases):
        about, made, clean_run = one_case(
            index, case, hooked, lens, tokenizer, kept_logits, agreement
        )
        written.append(about)
        arrays |= made
        if index == 0 and name in FULLY_TRACED:
            activations = stacked(clean_run, model.config.n_layer)
            arrays |= {f"case0.clean.{site}": array for site, array in activations.items()}

    seed = zlib.crc32(name.encode())
    clean = [case["clean"]["tokens"] for case in written]

    def compare(case: int):
        def check(made: list, logits: Tensor) -> None:
            if lens:
                agreement.check("edits", logits, lens.edited(clean[case], made))

        return check

    edits, _, vectors = random_edits.write(hooked, clean[0], 0, singles, 0, seed, compare(0))
    _, edit_sets, more = random_edits.write(hooked, clean[1], 1, 0, sets, seed + 1, compare(1))
    arrays |= vectors | more

    # One prompt may run into a tie early, not all of them.
    longest = max(len(case["greedy"]) for case in written)
    if longest < LEAST_CLEAR:
        raise AssertionError(f"no greedy continuation is clear for more than {longest} tokens")
    report = {
        "model": name,
        "weights_sha256": sha256((folder / "model.safetensors").read_bytes()).hexdigest(),
        "versions": {k: version(k) for k in ("torch", "transformers", "transformer-lens")},
        "transformer_lens": f"not compared: {reason}" if reason else "compared",
        "largest_differences": agreement.largest,
        "float32_rounding": rounding(folder, hooked, written),
        "cases": written,
        "activations": activations and {site: f"case0.clean.{site}" for site in activations},
        "edits": edits,
        "edit_sets": edit_sets,
    }
    VALUES.mkdir(exist_ok=True)
    arrays = {key: array.detach().float().contiguous() for key, array in arrays.items()}
    (VALUES / f"{name}.safetensors").write_bytes(save(arrays))
    text = json.dumps(report, ensure_ascii=False, indent=1) + "\n"
    (VALUES / f"{name}.json").write_text(text, encoding="utf-8")
    worst = max(agreement.largest.items(), key=lambda kv: kv[1], default=("nothing compared", 0))
    spread = [
        round(c["clean"]["logit_difference"] - c["corrupted"]["logit_difference"], 2)
        for c in written
    ]
    print(
        f"values/{name}: clean - corrupted {spread}; worst of TransformerLens: {worst}; "
        f"rounding of float32: {report['float32_rounding']}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", metavar="NAME", help="models to do, else all")
    only = parser.parse_args().only

    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    torch.use_deterministic_algorithms(True)
    logging.set_verbosity_error()
    logging.disable_progress_bar()

    for spec in SPECS:
        if not only or spec.name in only:
            everything = lambda length: list(range(length))
            write(spec.name, MODELS / spec.name, prompts.RANDOM, everything, singles=40, sets=10)
    if not only or "mini" in only:
        if not (MINI / "model.safetensors").exists():
            print("values/mini: left out, www/models/mini has no model.safetensors yet")
            return
        # The mini's vocabulary is large: three positions and fewer edits keep the file small.
        ends = lambda length: [0, length - 2, length - 1]
        write("mini", MINI, prompts.MINI, ends, singles=16, sets=4)


if __name__ == "__main__":
    main()
