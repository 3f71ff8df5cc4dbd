"""Writes the random GPT-2 models of odd shapes that the tests run on.

Each is drawn from a fixed seed and written to models/<name>/ as config.json,
tokenizer.json and model.safetensors. GPT-2's own initialisation (deviation
0.02, no biases) would leave attention uniform and the MLPs linear, so that a
wrong kernel could pass; these weights are drawn large, with biases and
LayerNorm parameters far from 0 and 1.
"""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

HERE = Path(__file__).resolve().parent
MODELS = HERE / "models"
END_OF_TEXT = "<|endoftext|>"

# What the byte-pair merges are learnt from.
CORPUS = [
    "The teacher and the student went to the store, and the student gave the bottle to the teacher.",
    "Anna and Peter met at the station; then Anna sent the letter to Peter.",
    "In the other street another painter wanted to hear the weather on the radio.",
    "She said that they were there, and that the rest of the tea was on the table.",
]


@dataclass(frozen=True)
class Spec:
    """One random model: its shape, what is unusual about it, how it is stored."""

    name: str
    seed: int
    n_layer: int
    n_head: int
    n_embd: int
    n_positions: int
    vocab_size: int
    tokens: int  # the tokenizer's vocabulary; vocab_size may be larger
    n_inner: int | None = None
    dtype: torch.dtype = torch.float32
    prefix: str = ""  # of the keys: "" as openai-community/gpt2, or "transformer."
    masks: bool = False  # whether the causal masks `h.N.attn.bias` are stored too
    odd_header: bool = False  # tensor data off any 4-byte boundary, as in gpt2's file
    old_style: bool = False  # config and tokenizer written as openai-community/gpt2's
    end_first: bool = False  # <|endoftext|> is token 0 and not the last
    config: dict = field(default_factory=dict)


SPECS = [
    Spec(
        "bare",
        101,
        n_layer=2,
        n_head=5,
        n_embd=30,
        n_positions=37,
        vocab_size=293,
        tokens=293,
        masks=True,
        odd_header=True,
        old_style=True,
    ),
    Spec(
        "deep",
        202,
        n_layer=5,
        n_head=3,
        n_embd=21,
        n_positions=24,
        vocab_size=301,
        tokens=301,
        n_inner=50,
        prefix="transformer.",
        end_first=True,
        config={"layer_norm_epsilon": 1e-3},
    ),
    Spec(
        "half",
        103,
        n_layer=2,
        n_head=6,
        n_embd=66,
        n_positions=37,
        vocab_size=293,
        tokens=293,
        n_inner=50,
        prefix="transformer.",
        dtype=torch.float16,
    ),
    Spec(
        "thin",
        104,
        n_layer=4,
        n_head=1,
        n_embd=7,
        n_positions=24,
        vocab_size=301,
        tokens=301,
        dtype=torch.bfloat16,
        config={"activation_function": "relu"},
    ),
    Spec(
        "untied",
        105,
        n_layer=3,
        n_head=5,
        n_embd=15,
        n_positions=37,
        vocab_size=307,
        tokens=301,
        n_inner=33,
        prefix="transformer.",
        config={"activation_function": "gelu", "tie_word_embeddings": False},
    ),
    Spec(
        "inverse",
        206,
        n_layer=4,
        n_head=2,
        n_embd=22,
        n_positions=37,
        vocab_size=293,
        tokens=293,
        n_inner=51,
        config={"scale_attn_by_inverse_layer_idx": True},
    ),
    Spec(
        "unscaled",
        107,
        n_layer=1,
        n_head=9,
        n_embd=27,
        n_positions=29,
        vocab_size=301,
        tokens=301,
        prefix="transformer.",
        config={"scale_attn_weights": False},
    ),
]


def tokenizer(spec: Spec) -> Tokenizer:
    """A byte-level BPE with all 256 byte pieces, `tokens - 257` merges and the end of text."""
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=spec.tokens - 1,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    learner.train_from_iterator(CORPUS, trainer)
    learnt = json.loads(learner.to_str())["model"]
    pieces = sorted(learnt["vocab"], key=learnt["vocab"].get)
    pieces = [END_OF_TEXT, *pieces] if spec.end_first else [*pieces, END_OF_TEXT]
    if len(pieces) != spec.tokens:
        raise ValueError(f"{spec.name}: {len(pieces)} pieces learnt, {spec.tokens} wanted")

    vocabulary = {piece: i for i, piece in enumerate(pieces)}
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=[tuple(m) for m in learnt["merges"]]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.post_processor = processors.ByteLevel(trim_offsets=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([END_OF_TEXT])
    return made


def tokenizer_json(spec: Spec) -> str:
    text = json.loads(tokenizer(spec).to_str())
    if spec.old_style:
        # openai-community/gpt2's file: merges as "a b", and none of the later fields.
        text["model"]["merges"] = [" ".join(m) for m in text["model"]["merges"]]
        for late in ("byte_fallback", "ignore_merges", "type"):
            text["model"].pop(late, None)
    return json.dumps(text, ensure_ascii=False, indent=1) + "\n"


def config_json(spec: Spec) -> str:
    end = 0 if spec.end_first else spec.tokens - 1
    config = {
        "activation_function": "gelu_new",
        "architectures": ["GPT2LMHeadModel"],
        "attn_pdrop": 0.1,
        "bos_token_id": end,
        "embd_pdrop": 0.1,
        "eos_token_id": end,
        "initializer_range": 0.02,
        "layer_norm_epsilon": 1e-05,
        "model_type": "gpt2",
        "n_ctx": spec.n_positions,
        "n_embd": spec.n_embd,
        "n_head": spec.n_head,
        "n_layer": spec.n_layer,
        "n_positions": spec.n_positions,
        "resid_pdrop": 0.1,
        "vocab_size": spec.vocab_size,
    }
    if not spec.old_style:
        del config["n_ctx"]
        config |= {
            "dtype": str(spec.dtype).removeprefix("torch."),
            "n_inner": spec.n_inner,
            "reorder_and_upcast_attn": False,
            "scale_attn_by_inverse_layer_idx": False,
            "scale_attn_weights": True,
            "tie_word_embeddings": True,
            "use_cache": True,
        }
    return json.dumps(dict(sorted((config | spec.config).items())), indent=2) + "\n"


def weights(spec: Spec) -> dict[str, torch.Tensor]:
    """Random weights under the checkpoint's names; linear weights are Conv1D: [in, out]."""
    random = np.random.default_rng(spec.seed)
    C, F, V, T = spec.n_embd, spec.n_inner or 4 * spec.n_embd, spec.vocab_size, spec.n_positions

    def normal(*shape: int, std: float, mean: float = 0.0) -> torch.Tensor:
        return torch.from_numpy(mean + std * random.standard_normal(shape)).to(spec.dtype)

    def linear(key: str, n_in: int, n_out: int, gain: float) -> None:
        made[f"{key}.weight"] = normal(n_in, n_out, std=gain / math.sqrt(n_in))
        made[f"{key}.bias"] = normal(n_out, std=0.3)

    def layer_norm(key: str) -> None:
        made[f"{key}.weight"] = normal(C, std=0.3, mean=1.0)
        made[f"{key}.bias"] = normal(C, std=0.2)

    made: dict[str, torch.Tensor] = {}
    # The final LayerNorm leaves vectors of length sqrt(C), so this deviation
    # spreads the logits by about 3 whatever the width.
    made["wte.weight"] = normal(V, C, std=3.0 / math.sqrt(C))
    made["wpe.weight"] = normal(T, C, std=0.4)
    for layer in range(spec.n_layer):
        h = f"h.{layer}"
        layer_norm(f"{h}.ln_1")
        linear(f"{h}.attn.c_attn", C, 3 * C, gain=1.4)
        if spec.masks:
            made[f"{h}.attn.bias"] = torch.tril(torch.ones(1, 1, T, T, dtype=spec.dtype))
        linear(f"{h}.attn.c_proj", C, C, gain=1.0)
        layer_norm(f"{h}.ln_2")
        linear(f"{h}.mlp.c_fc", C, F, gain=1.4)
        linear(f"{h}.mlp.c_proj", F, C, gain=1.2)
    layer_norm("ln_f")
    made = {spec.prefix + key: tensor for key, tensor in made.items()}
    if spec.config.get("tie_word_embeddings") is False:
        made["lm_head.weight"] = normal(V, C, std=3.0 / math.sqrt(C))
    return made


def safetensors_bytes(spec: Spec) -> bytes:
    """The file; its header padded to 3 past a multiple of 8 where `odd_header` is set.

    The real gpt2 file's header is 14,283 bytes, so its tensor data starts on no
    4-byte boundary; the libraries that write such files today always align it.
    """
    written = save(weights(spec), metadata={"format": "pt"})
    if not spec.odd_header:
        return written
    length = int.from_bytes(written[:8], "little")
    header = written[8 : 8 + length].rstrip(b" ")
    header += b" " * ((3 - len(header)) % 8)
    return len(header).to_bytes(8, "little") + header + written[8 + length :]


def main() -> None:
    for spec in SPECS:
        folder = MODELS / spec.name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(config_json(spec), encoding="utf-8")
        (folder / "tokenizer.json").write_text(tokenizer_json(spec), encoding="utf-8")
        file = safetensors_bytes(spec)
        (folder / "model.safetensors").write_bytes(file)
        print(f"models/{spec.name}: {len(file):,} bytes of weights")


if __name__ == "__main__":
    main()
