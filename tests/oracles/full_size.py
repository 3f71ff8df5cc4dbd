"""The same at full size: values/random-gpt2.{json,safetensors}, of the model that
`make random-gpt2` writes, for what only 768 dimensions, 12 layers and 50,257 tokens show.

    python full_size.py [--only random-gpt2]

The logits kept are every 61st; the sweeps are few. The one pair that differs late
and is short has so few cells that a GPU in software runs it, too.
"""

import argparse
import json
from dataclasses import dataclass
from hashlib import file_digest
from importlib.metadata import version
from pathlib import Path

from expect import VALUES, Agreement, one_case, rounding  # first: it sets the environment

import torch
from safetensors.torch import save
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, logging

import lens as tl
from hooked import Hooked
from prompts import Case, MINI

NAME = "random-gpt2"
FOLDER = Path(__file__).resolve().parents[1] / "out" / NAME
STRIDE = 61  # a prime: no power of two of a kernel's tile hides behind it


@dataclass(frozen=True)
class Part:
    case: Case
    sweeps: list[tuple[str, str]]
    small: bool  # whether it is little enough work for a GPU in software


name, giver, _ = MINI
PARTS = [
    Part(
        Case("short", "Anna sent tea to", "Anna sent milk to"),
        [("denoising", "resid_pre"), ("noising", "resid_pre")],
        small=True,
    ),
    Part(
        giver,
        [("denoising", "resid_pre"), ("noising", "resid_pre"), ("denoising", "z")],
        small=False,
    ),
    Part(name, [("denoising", "resid_pre")], small=False),
]


def write() -> None:
    tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    model = AutoModelForCausalLM.from_pretrained(
        FOLDER, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    hooked = Hooked(model)
    lens = tl.Lens(str(FOLDER))
    agreement = Agreement()
    ends = lambda length: [0, length - 2, length - 1]

    cases, arrays = [], {}
    for index, part in enumerate(PARTS):
        about, made, _ = one_case(
            index, part.case, hooked, lens, tokenizer, ends, agreement, part.sweeps, STRIDE
        )
        cases.append({**about, "small": part.small, "logits_stride": STRIDE})
        arrays |= made

    with open(FOLDER / "model.safetensors", "rb") as file:
        weights = file_digest(file, "sha256").hexdigest()
    report = {
        "model": NAME,
        "weights_sha256": weights,
        "versions": {k: version(k) for k in ("torch", "transformers", "transformer-lens")},
        "transformer_lens": "compared",
        "largest_differences": agreement.largest,
        "float32_rounding": rounding(FOLDER, hooked, cases),
        "cases": cases,
        "activations": None,
        "edits": [],
        "edit_sets": [],
    }
    arrays = {key: array.detach().float().contiguous() for key, array in arrays.items()}
    (VALUES / f"{NAME}.safetensors").write_bytes(save(arrays))
    text = json.dumps(report, ensure_ascii=False, indent=1) + "\n"
    (VALUES / f"{NAME}.json").write_text(text, encoding="utf-8")
    print(f"values/{NAME}: {agreement.largest}; rounding of float32: {report['float32_rounding']}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", metavar="NAME", help="models to do, else all")
    only = parser.parse_args().only
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    torch.use_deterministic_algorithms(True)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    if not only or NAME in only:
        write()


if __name__ == "__main__":
    main()
