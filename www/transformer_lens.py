"""An experiment of Patchbay, computed again with TransformerLens from the same raw weights.

pip install transformer-lens==4.3.0
python THIS_FILE [FOLDER with config.json, tokenizer.json, model.safetensors]
"""

import sys
from hashlib import sha256
from itertools import zip_longest
from math import cos, log, pi, sqrt
from pathlib import Path

import numpy as np
import torch
from huggingface_hub import snapshot_download
from tokenizers import Tokenizer
from torch import tensor
from transformer_lens.model_bridge import TransformerBridge

true, false, null = True, False, None
REPORT = {}  # the experiment, and what Patchbay found

E = REPORT["experiment"]
GPT2 = "openai-community/gpt2@607a30d783dfa663caf39e06633721c8d4cfcd7e"
INSIDE = {"q", "k", "v", "z", "pattern"}
HOOKS = {s: f"attn.hook_{s}" for s in INSIDE} | {
    "mlp_pre": "mlp.hook_pre",
    "mlp_post": "mlp.hook_post",
}
ONCE = {
    "embed": "hook_embed",
    "pos_embed": "hook_pos_embed",
    "ln_final": "ln_final.hook_out",
}  # not once a layer


def fetch(name):
    repository, _, revision = (GPT2 if name == "gpt2" else name).partition("@")
    if "/" not in repository or "://" in repository:
        sys.exit(f"The model {name} is not on the hub; name the folder that has its files.")
    return snapshot_download(
        repository, revision=revision or None, allow_patterns=["*.json", "model.safetensors"]
    )


def uniform(seed, sample, step, token, stream):
    """Between 0 and 1, by Philox4x32-10 (Salmon et al., 2011)."""
    m = 0xFFFFFFFF
    k, c = [seed & m, seed >> 32 & m], [token, step, sample, stream]
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [b >> 32 ^ c[1] ^ k[0], b & m, a >> 32 ^ c[3] ^ k[1], a & m]
        k = [k[0] + 0x9E3779B9 & m, k[1] + 0xBB67AE85 & m]
    return ((c[0] << 20 | c[1] >> 12) + 0.5) / 2**52


def normals(seed, draw, position):
    two = lambda i: [uniform(seed, draw, i, position, stream) for stream in (4, 5)]
    return tensor(
        [sqrt(-2 * log(u)) * cos(2 * pi * v) for u, v in map(two, range(model.cfg.d_model))]
    )


def variant(x):
    """`"zero"` or `{"mean": {...}}`: the name and the fields."""
    return (x, {}) if isinstance(x, str) else next(iter(x.items()))


def ids(prompt):
    if not isinstance(prompt, str):
        return prompt
    bos = [tokenizer.token_to_id("<|endoftext|>")] if E["bos"] else []
    return bos + tokenizer.encode(prompt, add_special_tokens=False).ids


def token_set(tokens):
    tokens = [] if tokens is None else tokens if isinstance(tokens, list) else [tokens]
    return [
        tokenizer.encode(t, add_special_tokens=False).ids[0] if isinstance(t, str) else t
        for t in tokens
    ]


def run(tokens, edits=(), keep=()):
    """The last logits, and activations by (site, layer). Edits: (site, layer, where, value, added)."""
    kept, own = {}, {key: [] for key in keep}
    for site, layer, *edit in edits:
        own.setdefault((site, layer), []).append(edit)

    def change(x, hook, key):
        for where, value, added in own[
            key
        ]:  # in place, since the residual stream beside a hook is the same tensor
            x[0][where] = x[0][where] + value if added else value
        kept[key] = x[0].clone()
        return x

    name = lambda site, layer: ONCE.get(site) or f"blocks.{layer}.{HOOKS.get(site, 'hook_' + site)}"
    hooks = [(name(*key), lambda x, hook, key=key: change(x, hook, key)) for key in own]
    return model.run_with_hooks(tensor([tokens]), fwd_hooks=hooks)[0, -1], kept


def base(case, name, keep=()):
    return run(case[name], case["noise"] if name == "corrupted" else [], keep)


def names(tokens):
    """Words with a space and a capital letter in front that begin no sentence: [word, last position]."""
    found, ended = [], False
    for i, text in enumerate(tokenizer.decode([t], skip_special_tokens=False) for t in tokens):
        if found and found[-1][1] == i - 1 and text.isalnum():
            found[-1] = [found[-1][0] + text, i]
        elif text[:1] == " " and text[1:2].isupper() and not ended:
            found.append([text[1:], i])
        ended = text[-1:] in [".", "!", "?"]
    return found


def by_role(clean, corrupted):
    """Pairs of positions: S1 and S2 are the name that is there twice, IO is the first other one."""
    (of, other), words = (names(clean), names(corrupted)), [word for word, _ in names(clean)]
    s1 = next((i for i, w in enumerate(words) if w in words[i + 1 :]), 0)
    places = {"s1": lambda: s1, "s2": lambda: words.index(words[s1], s1 + 1)}
    places["io"] = lambda: next(i for i, w in enumerate(words) if w != words[s1])
    end = (len(clean) - 1, len(corrupted) - 1)
    return [
        end if role == "end" else (of[i := places[role]()][1], other[i][1]) for role in E["roles"]
    ]


def read_cases():
    """The pairs of prompts, each once for each draw of noise."""
    (kind, noise), cases = variant(E.get("corruption", "prompt")), []
    for pair in [E, *E.get("pairs", [])]:
        case = {
            "clean": ids(pair["clean"]),
            "corrupted": ids(pair["clean" if kind == "noise" else "corrupted"]),
        }
        case["p"] = base(case, "clean")[0].double().log_softmax(-1)
        case["aligned"] = [(i, i) for i in range(len(case["clean"]))]
        like_first = not cases or all(
            len(case[x]) == len(cases[0][x]) for x in ("clean", "corrupted")
        )
        if E.get("alignment") and kind == "prompt" and like_first:
            case["aligned"] = E["alignment"]
        if E.get("roles"):
            case["aligned"] = by_role(case["clean"], case["corrupted"])
        of = lambda metric, x: token_set(metric.get(x) if pair.get(x) is None else pair[x])
        case["metrics"] = [(m["kind"], of(m, "answer"), of(m, "wrong")) for m in E["metrics"]]
        for draw in range(noise.get("draws", 10) if noise else 1):
            draws = [
                (p, normals(noise.get("seed", 0), draw, p))
                for p in sorted(set(noise.get("positions", [])))
            ]
            scale = model.W_E.std() * noise.get("sigma", 3)
            cases.append(case | {"noise": [("embed", 0, (p,), scale * x, True) for p, x in draws]})
    return cases


def measure(case, logits):
    p, values = logits.double().log_softmax(-1), []
    for kind, answer, wrong in case["metrics"]:
        best = logits[answer].max()
        each = {
            "logit_difference": logits[answer].mean() - logits[wrong].mean(),
            "probability": p[answer].exp().sum(),
            "log_probability": p[answer].logsumexp(0),
            "probability_difference": p[answer].exp().sum() - p[wrong].exp().sum(),
            "rank": (
                logits > best + 1e-6 * best.abs().clamp(min=1)
            ).sum(),  # more than rounding apart
            "kl": (case["p"].exp() * (case["p"] - p)).sum(),
            "cross_entropy": -p[answer].logsumexp(0),
        }
        values.append(each[kind].item())
    return values


def brought(sweep, i, varied, keep):
    """What is copied into case i, by (site, layer)."""
    case, (bring, f) = cases[i], variant(sweep.get("bring", "other"))
    if bring == "other":
        return base(case, "clean" if varied == "corrupted" else "corrupted", keep)[1]
    if bring == "prompt":
        return run(ids(f["prompt"]), (), keep)[1]
    if bring == "zero":
        return {key: x * 0 for key, x in base(case, varied, keep)[1].items()}
    if bring == "resample":
        others = [c for c in cases if c is not case and len(c["corrupted"]) == len(case[varied])]
        drawn = min(range(len(others)), key=lambda j: uniform(f.get("seed", 0) + i, 0, j, 0, 3))
        return base(others[drawn], "corrupted", keep)[1]
    runs = [base(c, "corrupted", keep)[1] for c in cases]
    if not f.get("over_positions"):
        return {key: sum(run[key] for run in runs) / len(runs) for key in keep}
    skip = lambda x: x[1:] if E["bos"] and len(x) > 1 else x
    mean = lambda key: torch.cat([skip(run[key]) for run in runs]).mean(0)
    return {key: torch.stack([mean(key)] * len(case[varied])) for key in keep}


def grid(sweep, axes, f, n):
    """Rows, columns, and what a cell patches: (site, layer, head, neuron or key, position), or None."""
    site, layer = sweep["site"], f.get("layer")
    some = range(n) if f.get("positions") is None else f["positions"]
    if axes == "layer_position":
        w = f.get("window", 1)
        high = 1 if site in ONCE else L
        near = lambda l: range(max(0, l - w // 2), min(high, l + (w + 1) // 2))
        return high, n, lambda l, i: [(site, m, None, None, i) for m in near(l)]
    if axes == "layer_head":
        return L, H, lambda l, h: [(site, l, h, None, i) for i in some]
    if axes == "head_position":
        return L * H, n, lambda r, i: [(site, r // H, r % H, None, i)]
    if axes == "destination_source":
        return n, n, lambda d, s: [(site, layer, f["head"], s, d)] if s <= d else None
    if axes == "neurons":
        return 1, model.cfg.d_mlp, lambda _, neuron: [(site, layer, None, neuron, i) for i in some]
    if axes == "paths":
        return (
            L,
            H,
            lambda l, h: (
                [("z", l, h, None, i) for i in range(n)]
                if l < end(*variant(f["receiver"]))
                else None
            ),
        )
    parts, z_and_mlps = f["parts"], [("z", h) for h in range(H)] + [("mlp_out", None)]
    held = lambda p, i: p.get("positions") is None or i in p["positions"]

    def places(p):
        neurons = p.get("neurons") or [None]
        return [
            (p["site"], p["layer"], p.get("head"), u, i)
            for i in range(n)
            if held(p, i)
            for u in neurons
        ]

    def chosen(l, h, i):
        of = lambda p: (p["site"] in INSIDE) == (h is not None) and p.get("head") in (None, h)
        return any(p["layer"] == l and of(p) and held(p, i) for p in parts)

    if not f.get("others"):
        return 1, len(parts) + 1, lambda _, c: sum(map(places, parts[c : c + 1] or parts), [])
    everything = [(s, l, h, None, i) for l in range(L) for s, h in z_and_mlps for i in range(n)]
    return 1, 1, lambda *_: [x for x in everything if not chosen(x[1], x[2], x[4])]


def end(kind, to):
    """The first layer whose heads a path to this receiver does not pass."""
    return L if kind == "logits" else to["layer"] + (kind == "mlp")


def path(f, tokens, noise, edits, old, layer):
    """Logits with only that changed which one head's output changes at the receiver."""
    kind, to = variant(f["receiver"])
    entry = None if kind == "logits" else ("mlp_out" if kind == "mlp" else kind, to["layer"])
    keep = [entry] if entry else []
    if f.get("through_mlps"):  # heads between are frozen, MLPs are not (Wang et al., 2022)
        frozen = [
            ("attn_out", l, ..., old["attn_out", l], False) for l in range(layer + 1, end(kind, to))
        ]
        logits, got = run(tokens, noise + edits + frozen, keep)
    else:  # the change goes straight to what the receiver reads
        change = (
            run(tokens, noise + edits, [("attn_out", layer)])[1]["attn_out", layer]
            - old["attn_out", layer]
        )
        site = {"logits": ("resid_post", L - 1), "mlp": ("resid_mid", to.get("layer"))}
        logits, got = run(
            tokens,
            noise + [(*site.get(kind, ("resid_pre", to.get("layer"))), ..., change, True)],
            keep,
        )
    if not entry:
        return logits
    where = ... if kind == "mlp" else (slice(None), to["head"])
    return run(tokens, noise + [(*entry, where, got[entry][where], False)])[0]


def at(site, head, part, position):
    """Where it is in [position, head or neuron, ...] or, of a pattern, [head, query, key]."""
    order = (head, position, part) if site == "pattern" else (position, head, part)
    return tuple(i for i in order if i is not None)


def compute(sweep):
    """[metric, row, column]: means over the cases."""
    axes, f = variant(
        sweep.get("axes") or ("layer_head" if sweep["site"] in INSIDE else "layer_position")
    )
    varied, total = "corrupted" if sweep["mode"] == "denoising" else "clean", 0
    sites = (
        {"z", "mlp_out"}
        if f.get("others")
        else {p["site"] for p in f.get("parts", [])} or {sweep["site"]}
    )
    keep = [(site, l) for site in sites for l in range(1 if site in ONCE else L)]
    for i, case in enumerate(cases):
        tokens, noise = case[varied], case["noise"] if varied == "corrupted" else []
        source, old = (
            brought(sweep, i, varied, keep),
            base(case, varied, [("attn_out", l) for l in range(L)])[1],
        )

        def edit(site, l, head, part, i):
            here, there = case["aligned"][i][:: -1 if varied == "corrupted" else 1]
            there = there if sweep.get("bring", "other") == "other" else here
            return (
                site,
                l,
                at(site, head, part, here),
                source[site, l][at(site, head, part, there)],
                False,
            )

        rows, columns, cell = grid(sweep, axes, f, len(case["aligned"]))
        found = torch.full((len(E["metrics"]), rows, columns), torch.nan)
        for r, c in [(r, c) for r in range(rows) for c in range(columns) if cell(r, c) is not None]:
            edits = [edit(*place) for place in cell(r, c)]
            patched = (
                path(f, tokens, noise, edits, old, r)
                if axes == "paths"
                else run(tokens, noise + edits)[0]
            )
            found[:, r, c] = tensor(measure(case, patched))
        total = total + found / len(cases)
    return total


def apart(name, found, values):
    """Prints a result; its largest |difference| / max(1, |value|) from Patchbay's, where that is known."""
    print(f"\n{name}\n{found}")
    if values is None:
        return 0.0
    patchbay = tensor(np.array(values, dtype="float32"))
    gaps = (found - patchbay).abs() / patchbay.abs().clamp(min=1)
    gap = torch.where(found.isnan() & patchbay.isnan(), 0, gaps).nan_to_num(torch.inf).max().item()
    print(f"largest difference from Patchbay: {gap:.1e}")
    return gap


if E.get("steered"):
    sys.exit("This script computes unsteered runs, but directions act on a run of this experiment.")
if E.get("room", "patching") != "patching":
    sys.exit("This script computes patching, but the experiment is one of the steering room.")
torch.set_grad_enabled(False)
torch.set_printoptions(precision=4, sci_mode=False, linewidth=160)
folder = sys.argv[1] if sys.argv[1:] and Path(sys.argv[1]).is_dir() else fetch(E["model"])
if (
    sha256((Path(folder) / "model.safetensors").read_bytes()).hexdigest()
    != REPORT["model"]["sha256"]
):
    print("Patchbay had other weights than these, so the numbers will not agree.")
tokenizer = Tokenizer.from_file(str(Path(folder) / "tokenizer.json"))
model = TransformerBridge.boot_transformers(str(folder), device="cpu", dtype=torch.float32).eval()
L, H, cases = model.cfg.n_layers, model.cfg.n_heads, []
cases = read_cases()
both = [[measure(case, base(case, name)[0]) for name in ("clean", "corrupted")] for case in cases]
metrics = tensor(both).mean(0).T  # [metric, (clean, corrupted)]
sweeps = [compute(sweep) for sweep in E.get("sweeps", [])]  # each [metric, row, column]
largest = apart(
    "metrics: clean, corrupted", metrics, [[m["clean"], m["corrupted"]] for m in REPORT["metrics"]]
)
for sweep, found, patchbay in zip_longest(
    E.get("sweeps", []), sweeps, REPORT.get("sweeps", []), fillvalue={}
):
    largest = max(largest, apart(sweep, found, patchbay.get("values")))
print(f"\nLargest difference of all: {largest:.1e}, as |difference| / max(1, |value|).")
