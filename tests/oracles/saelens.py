"""What SAELens itself finds with the configs that it writes and wrote, for engine/tests/dictionary.rs.

    python saelens.py        # after dictionary.py; writes dictionary/{jumprelu,gated}.safetensors
                             # and values/saelens.{json,safetensors}

Each config stands beside weights in a folder, which SAELens 6 reads with `SAE.load_from_disk`;
its `encode` gives the activations. What it encodes is the residual stream of the model `deep`,
with centred writing weights or without, as the model is loaded with the config's settings:
`HookedTransformer.from_pretrained_no_processing(**model_from_pretrained_kwargs)` since SAELens
3.19.2, `HookedTransformer.from_pretrained(...)` before (sae_lens/load_model.py in 3.19.1 and
3.19.2), whose defaults are asked of TransformerLens.

SAELens 6 needs an older TransformerLens than the other oracles, so an environment of its own
that sees theirs (python -m venv; a .pth file with the path of their site-packages), and in it

    pip install --no-deps sae-lens==6.54.12 transformer-lens==3.9.0 babe==0.0.8 nltk==3.10.4 \
        python-dotenv==1.2.4 simple-parsing==0.1.9 docstring-parser==0.18.0 tenacity==9.2.1 \
        plotly==7.1.0 plotly-express==0.4.1 better-abc==0.0.3
"""

import inspect
import json
import tempfile
import warnings
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

warnings.filterwarnings("ignore")
from sae_lens import SAE, StandardSAE, StandardSAEConfig  # noqa: E402
from sae_lens.saes.gated_sae import GatedSAE, GatedSAEConfig  # noqa: E402
from sae_lens.saes.jumprelu_sae import JumpReLUSAE, JumpReLUSAEConfig  # noqa: E402
from sae_lens.saes.sae import SAEMetadata  # noqa: E402
from transformer_lens import HookedTransformer  # noqa: E402

from hooked import Hooked  # noqa: E402

HERE = Path(__file__).resolve().parent
FOLDER = HERE / "dictionary"
LAYER = 2
HOOK = f"blocks.{LAYER}.hook_resid_pre"

torch.set_grad_enabled(False)
torch.set_num_threads(1)
tokens = json.loads((HERE / "values/dictionary.json").read_text())["tokens"]
standard = load_file(FOLDER / HOOK / "sae_weights.safetensors")
features, width = standard["W_dec"].shape
random = torch.Generator().manual_seed(4)
draw = lambda *shape: torch.randn(*shape, generator=random)
jumprelu = {**standard, "threshold": draw(features).abs()}
gated = {k: v for k, v in standard.items() if k != "b_enc"}
gated |= {
    "b_gate": 0.3 * draw(features),
    "b_mag": 0.3 * draw(features),
    "r_mag": 0.3 * draw(features),
}
WEIGHTS = {"standard": standard, "jumprelu": jumprelu, "gated": gated}
for name in ("jumprelu", "gated"):
    save_file(WEIGHTS[name], FOLDER / f"{name}.safetensors")


def stream(centred: bool) -> torch.Tensor:
    model = AutoModelForCausalLM.from_pretrained(
        HERE / "models/deep", dtype=torch.float32, attn_implementation="eager"
    ).eval()
    if centred:
        body = model.transformer
        body.wte.weight.data = body.wte.weight - body.wte.weight.mean(-1, keepdim=True)
        body.wpe.weight.data = body.wpe.weight - body.wpe.weight.mean(-1, keepdim=True)
        for block in body.h:
            for out in (block.attn.c_proj, block.mlp.c_proj):
                out.weight.data = out.weight - out.weight.mean(-1, keepdim=True)
                out.bias.data = out.bias - out.bias.mean()
    return Hooked(model).activations(tokens)[1]["resid_pre", LAYER]


STREAM = {centred: stream(centred) for centred in (False, True)}
CLASSES = {
    "standard": (StandardSAE, StandardSAEConfig),
    "jumprelu": (JumpReLUSAE, JumpReLUSAEConfig),
    "gated": (GatedSAE, GatedSAEConfig),
}


def six(architecture: str = "standard", settings: dict | None = None, **fields) -> dict:
    """The config that SAELens 6 writes of a dictionary."""
    metadata = {
        "dataset_path": "nobody/nothing",
        "hook_name": HOOK,
        "model_name": "deep",
        "model_class_name": "HookedTransformer",
        "hook_head_index": None,
        "prepend_bos": True,
        "exclude_special_tokens": False,
        "context_size": 16,
    }
    if settings is not None:
        metadata["model_from_pretrained_kwargs"] = settings
    of, config = CLASSES[architecture]
    with tempfile.TemporaryDirectory() as folder:
        made = of(config(d_in=width, d_sae=features, metadata=SAEMetadata(**metadata), **fields))
        made.save_model(folder)
        return json.loads((Path(folder) / "cfg.json").read_text())


def three(**fields) -> dict:
    """As `SAEConfig.to_dict` of 3.23.4 writes it."""
    return {
        "architecture": "standard",
        "d_in": width,
        "d_sae": features,
        "dtype": "torch.float32",
        "device": "cpu",
        "model_name": "deep",
        "hook_name": HOOK,
        "hook_layer": LAYER,
        "hook_head_index": None,
        "activation_fn_str": "relu",
        "activation_fn_kwargs": {},
        "apply_b_dec_to_input": True,
        "finetuning_scaling_factor": False,
        "sae_lens_training_version": "3.23.4",
        "prepend_bos": True,
        "dataset_path": "nobody/nothing",
        "dataset_trust_remote_code": True,
        "context_size": 16,
        "normalize_activations": "none",
        "neuronpedia_id": None,
        "model_from_pretrained_kwargs": {"center_writing_weights": False},
        **fields,
    }


def two(**fields) -> dict:
    """As 2.1.3 writes it: the training run's settings, of which these are some."""
    return {
        "model_name": "deep",
        "hook_point": HOOK,
        "hook_point_layer": LAYER,
        "hook_point_head_index": None,
        "is_dataset_tokenized": False,
        "d_in": width,
        "d_sae": features,
        "dtype": "torch.float32",
        "activation_fn": "relu",
        "apply_b_dec_to_input": True,
        "b_dec_init_method": "geometric_median",
        "normalize_activations": False,
        "l1_coefficient": 8e-5,
        "lr": 4e-4,
        "model_from_pretrained_kwargs": {},
        "sae_lens_version": "2.1.3",
        "sae_lens_training_version": "2.1.3",
        **fields,
    }


NOW, BEFORE = "from_pretrained_no_processing", "from_pretrained"
OLDEST = {k: v for k, v in two().items() if "lens" not in k and "pretrained" not in k}
CONFIGS = [
    ("six", six(settings={"center_writing_weights": False}), NOW),
    ("six without settings", six(), NOW),
    ("six, centred", six(settings={"center_writing_weights": True}), NOW),
    ("six, bias kept", six(apply_b_dec_to_input=False), NOW),
    ("six, layer_norm", six(normalize_activations="layer_norm"), NOW),
    (
        "six, layer_norm, centred, bias kept",
        six(
            settings={"center_writing_weights": True},
            normalize_activations="layer_norm",
            apply_b_dec_to_input=False,
        ),
        NOW,
    ),
    ("six, constant_norm_rescale", six(normalize_activations="constant_norm_rescale"), NOW),
    ("six, jumprelu", six("jumprelu"), NOW),
    ("six, jumprelu, centred", six("jumprelu", {"center_writing_weights": True}), NOW),
    ("six, gated", six("gated"), NOW),
    ("six, gated, bias kept", six("gated", apply_b_dec_to_input=False), NOW),
    ("three", three(), NOW),
    ("three without settings", three(model_from_pretrained_kwargs={}), NOW),
    ("three, centred", three(model_from_pretrained_kwargs={"center_writing_weights": True}), NOW),
    ("three, jumprelu", three(architecture="jumprelu"), NOW),
    (
        "3.12.0",
        {
            k: v
            for k, v in three(sae_lens_training_version="3.12.0").items()
            if k != "model_from_pretrained_kwargs"
        },
        BEFORE,
    ),
    ("two", two(), BEFORE),
    ("two, as it is", two(model_from_pretrained_kwargs={"center_writing_weights": False}), BEFORE),
    ("two, bias kept", two(apply_b_dec_to_input=False), BEFORE),
    ("oldest", OLDEST, BEFORE),
]

values, report = (
    {},
    {"model": "deep", "layer": LAYER, "features": features, "tokens": tokens, "configs": []},
)
for name, config, loader in CONFIGS:
    default = (
        inspect.signature(getattr(HookedTransformer, loader))
        .parameters["center_writing_weights"]
        .default
    )
    architecture = config.get("architecture", "standard")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "cfg.json").write_text(json.dumps(config))
        save_file(WEIGHTS[architecture], Path(folder) / "sae_weights.safetensors")
        read = SAE.load_from_disk(folder)
    settings = read.cfg.metadata.model_from_pretrained_kwargs or {}
    centred = settings.get("center_writing_weights", default)
    key = f"activations.{len(values)}"
    values[key] = read.encode(STREAM[centred]).T.contiguous()
    assert (values[key] > 0).any() and (values[key] == 0).any(), name
    report["configs"].append(
        {"name": name, "weights": architecture, "cfg": config, "activations": key}
    )

save_file(values, HERE / "values/saelens.safetensors")
(HERE / "values/saelens.json").write_text(json.dumps(report, indent=1) + "\n")
