"""An experiment of Patchbay, computed again with TransformerLens from the same raw weights.

pip install transformer-lens==4.3.0
python THIS_FILE [FOLDER with config.json, tokenizer.json, model.safetensors]

Progress goes to standard error.
"""

import json
import re
import sys
from functools import cache
from hashlib import sha256
from itertools import zip_longest
from math import pi
from pathlib import Path

import numpy as np
import torch
from huggingface_hub import snapshot_download
from tokenizers import Tokenizer
from torch import tensor
from torch.nn.functional import layer_norm, normalize, softplus
from transformer_lens.model_bridge import TransformerBridge

true, false, null = True, False, None
REPORT = {}  # the experiment, and what Patchbay found
ROWS = 2048  # positions computed in one pass, over all its runs; fewer take less memory
TIE = 1e-3  # scores of tokens this near each other are decided by rounding

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


def progress(what, done, of):
    print(f"\r{what}: {done} of {of}", end="\n" * (done == of), file=sys.stderr, flush=True)


def uniform(seed, sample, step, token, stream):
    """Between 0 and 1, by Philox4x32-10 (Salmon et al., 2011); of arrays, too."""
    m = 0xFFFFFFFF
    k, c = [seed & m, seed >> 32 & m], [token, step, sample, stream]
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [b >> 32 ^ c[1] ^ k[0], b & m, a >> 32 ^ c[3] ^ k[1], a & m]
        k = [k[0] + 0x9E3779B9 & m, k[1] + 0xBB67AE85 & m]
    return ((c[0] << 20 | c[1] >> 12) + 0.5) / 2**52


def normals(seed, draw=0, position=0, streams=(1, 2)):
    steps = np.arange(model.cfg.d_model, dtype=np.uint64)
    u, v = (uniform(seed, draw, steps, position, stream) for stream in streams)
    return tensor(np.sqrt(-2 * np.log(u)) * np.cos(2 * pi * v)).float()


def shuffled(seed, n):
    return sorted(range(n), key=lambda i: uniform(seed, 0, i, 0, 3))


def variant(x):
    """`"zero"` or `{"mean": {...}}`: the name and the fields."""
    return (x, {}) if isinstance(x, str) else next(iter(x.items()))


def ids(prompt):
    if not isinstance(prompt, str):
        return prompt
    bos = [tokenizer.token_to_id("<|endoftext|>")] if E["bos"] else []
    return bos + tokenizer.encode(prompt, add_special_tokens=False).ids


def token_id(token):
    if not isinstance(token, str):
        return token
    found = tokenizer.encode(token, add_special_tokens=False).ids
    return int(token[1:]) if len(found) != 1 and token[:1] == "#" else found[0]


def token_set(tokens):
    tokens = [] if tokens is None else tokens if isinstance(tokens, list) else [tokens]
    return [token_id(t) for t in tokens]


def put(value):
    return lambda x: value


def plus(value):
    return lambda x: x + value


def forward(texts, edits, keep=(), every=False):
    """Logits at the last position, or at every one, of texts of one length, and activations by
    (site, layer). Each text has a list of edits: (site, layer, where, what becomes of it)."""
    kept, own = {}, {key: [] for key in keep}
    for b, (site, layer, where, change) in ((b, e) for b, some in enumerate(edits) for e in some):
        own.setdefault((site, layer), []).append(((b, *where), change))

    def act(x, hook, key):
        for where, change in own[key]:
            x[where] = change(x[where])  # in place: the residual stream beside a hook is `x`, too
        if key in keep:
            kept[key] = x.clone()
        return x

    name = lambda site, layer: ONCE.get(site) or f"blocks.{layer}.{HOOKS.get(site, 'hook_' + site)}"
    hooks = [(name(*key), lambda x, hook, key=key: act(x, hook, key)) for key in own]
    if not every:  # the unembedding is a good part of the work
        hooks.append(("unembed.hook_in", lambda x, hook: x[:, -1:]))
    logits = model.run_with_hooks(tensor(texts), fwd_hooks=hooks)
    return logits if every else logits[:, -1], kept


def run(tokens, edits=(), keep=(), every=False):
    logits, kept = forward([tokens], [list(edits)], keep, every)
    return logits[0], {key: x[0] for key, x in kept.items()}


def base(case, name, keep=()):
    return run(case[name], case["given"][name], keep)


# Directions


def last(prompts, site):
    """[prompt, layer, width] at each prompt's last token."""
    rows = []
    for i, prompt in enumerate(prompts):
        kept = run(ids(prompt), (), keep := [(site, l) for l in range(L)])[1]
        rows.append(torch.stack([kept[key][-1].flatten() for key in keep]).double())
        progress("prompts of a direction", i + 1, len(prompts))
    return torch.stack(rows)


def probe(positive, negative):
    """Weights and bias of a logistic regression as scikit-learn's with C = 1, by Newton's method."""
    rows = torch.cat([positive, negative])
    x = torch.cat([rows, torch.ones(len(rows), 1).double()], 1)
    y = (torch.arange(len(x)) < len(positive)).double()
    ridge = torch.ones(x.shape[1]).double()
    ridge[-1] = 0
    loss = lambda w: (softplus(x @ w) - y * (x @ w)).sum() + (ridge * w * w).sum() / 2
    w = ridge * 0
    for _ in range(100):
        p = (x @ w).sigmoid()
        gradient = x.T @ (p - y) + ridge * w
        weights = (p * (1 - p)).clamp(min=1e-12)
        step = torch.linalg.solve((x.T * weights) @ x + ridge.diag(), gradient)
        size = 1.0
        while loss(w - size * step) > loss(w) and size > 1e-6:
            size /= 2
        w = w - size * step
        if step.abs().max() < 1e-10:
            break
    return w[:-1], w[-1]


def accuracy(positive, negative):
    """Of probes, on prompts held out: number i of each side in fold i % k."""
    k, right = min(5, len(positive), len(negative)), 0
    for fold in range(k):
        held = [torch.arange(len(side)) % k == fold for side in (positive, negative)]
        w, b = probe(positive[~held[0]], negative[~held[1]])
        right += (positive[held[0]] @ w + b > 0).sum() + (negative[held[1]] @ w + b <= 0).sum()
    return right.item() / (len(positive) + len(negative))


def between(positive, negative, method):
    """The direction from the negative to the positive rows, and the share of variance along it."""
    if method == "mean_difference":
        return positive.mean(0) - negative.mean(0), None
    if method == "logistic":
        return normalize(probe(positive, negative)[0], dim=0), None
    rows = positive - negative
    rows = rows if method == "pca_diff" else torch.cat([rows / 2, -rows / 2])
    rows = rows - rows.mean(0)
    v = torch.linalg.svd(rows, full_matrices=False)[2][0]
    along = rows @ v
    far = along.abs() > along.abs().max() * (1 - 1e-9)
    sides = (positive @ v - negative @ v).sign().sum()  # in more pairs the positive one is further;
    sign = (
        sides if sides != 0 else along[far][-1]
    ).sign()  # in as many, the last of the furthest is
    return sign * v, ((along**2).sum() / (rows**2).sum()).item()


def of_heads(s):
    """Inference-time intervention: layer -> sigma theta at its chosen heads (Li et al., 2023)."""
    rows = last(s["positive"] + s["negative"], "z").unflatten(2, (H, -1))
    n, accuracies, found = len(s["positive"]), [], {}
    for i in range(L * H):
        of = rows[:, i // H, i % H]
        accuracies.append(accuracy(of[:n], of[n:]))
        progress("heads probed", i + 1, L * H)
    for i in sorted(range(L * H), key=lambda i: -accuracies[i])[: s.get("top", 5)]:
        of = rows[:, i // H, i % H]
        theta = normalize(between(of[:n], of[n:], s.get("method", "logistic"))[0], dim=0)
        row = found.setdefault(i // H, torch.zeros(1, H, of.shape[1]))
        row[0, i % H] = theta * (of @ theta).std(correction=0)
    return {l: row.flatten(1) for l, row in found.items()}


def find(d):
    """A direction's vectors: layer -> [row, width], and layer -> the share of variance they explain."""
    s, site, of = d["source"], d.get("site", "resid_pre"), {}
    if s["kind"] == "vectors":
        of = {v["layer"]: tensor([v["values"]]) for v in s["vectors"]}
    elif s["kind"] == "random":
        of = dict.fromkeys(range(L), normalize(normals(s["seed"])[None]))
    elif s["kind"] == "token":
        matrix = model.W_E if s.get("matrix") == "embedding" else model.W_U.T
        row = lambda t: 0 if t is None else matrix[token_id(t)]
        of = dict.fromkeys(range(L), (row(s["token"]) - row(s.get("minus")))[None])
    elif s["kind"] == "neuron":
        of = dict.fromkeys(range(L), model.W_out[s["layer"], s["neuron"]][None])
    elif s["kind"] == "pair":
        pair = [ids(s["positive"]), ids(s["negative"])]
        n = max(map(len, pair))
        pair = [tokens + [token_id(" ")] * (n - len(tokens)) for tokens in pair]
        kept = [run(tokens, (), [(site, l) for l in range(L)])[1] for tokens in pair]
        of = {l: (kept[0][site, l] - kept[1][site, l]).flatten(1) for l in range(L)}
    elif s["kind"] == "heads":
        of = of_heads(s)
    elif s["kind"] == "contrast":
        rows, n = last(s["positive"] + s["negative"], site), len(s["positive"])
        method = s.get("method", "mean_difference")
        both = {l: between(rows[:n, l], rows[n:, l], method) for l in range(L)}
        of = {l: v.float()[None] for l, (v, _) in both.items()}
        return of, {l: share for l, (_, share) in both.items()}
    return of, {}


def read_directions():
    for d in E["steer"].get("directions", []):
        if d["source"]["kind"] == "feature":
            s = d["source"]
            sys.exit(
                f"The direction “{d['name']}” is feature {s['feature']} of the dictionary "
                f"{s.get('dictionary', 'gpt2-small-res-jb')}, whose numbers are not in the report. "
                "Save the direction to a file in Patchbay and take it from that file: then they are."
            )
    return [find(d) for d in E["steer"].get("directions", [])]


@cache
def norms(tokens, site):
    """Mean length by layer of a prompt's activations, position 0 left out."""
    kept = run(list(tokens), (), [(site, l) for l in range(L)])[1]
    rows = [kept[site, l].flatten(1).norm(dim=1) for l in range(L)]
    return [(r[1:] if len(r) > 1 else r).mean().item() for r in rows]


def act(d, layer, rows, tokens):
    """What a direction does at a layer, after this prompt: (direction, layer, rows, how)."""
    c, op, size = d["coefficient"], d.get("operator", "add"), rows.norm(dim=1).max().item()
    adds = op in ("add", "subtract")
    if size == 0 or (adds and c == 0):
        return []
    if d.get("unit") == "mean_norm":
        c *= norms(tuple(tokens), d.get("site", "resid_pre"))[layer] / (size if adds else 1)
    c = {"subtract": -c, "project_out": 0.0}.get(op, c)

    def change(x, v):
        v = v.view(x.shape)  # of z, head by head
        if adds:
            return x + c * v
        u = normalize(v, dim=-1)
        along = (x * u).sum(-1, keepdim=True)
        return x + ((along.clamp(max=c) if op == "cap" else c) - along) * u

    return [(d, layer, rows, change)]


def acts(tokens):
    """Everything that acts after a prompt; a direction of heads has no rows where none is chosen."""
    of = lambda d, rows, l: rows.get(l if d.get("from") is None else d["from"])
    pairs = zip(E["steer"]["directions"], directions)
    places = [(d, l, of(d, rows, l)) for d, (rows, _) in pairs for l in d["layers"]]
    return [a for d, l, rows in places if rows is not None for a in act(d, l, rows, tokens)]


def row_at(positions, rows, i, prompt):
    """Which of a direction's rows acts at position i after a prompt of so many tokens, if any."""
    kind, f = variant(positions)
    if kind in ("aligned_front", "aligned_back"):
        row = i if kind == "aligned_front" else i + len(rows) - prompt
        there = 0 <= row < len(rows) and (kind == "aligned_back" or i < prompt)
    else:
        row, there = len(rows) - 1, True
    if kind in ("first", "chosen"):
        there = i < f if kind == "first" else i in f
    if kind in ("prompt", "generated", "last"):
        there = {"prompt": i < prompt, "generated": i >= prompt, "last": i + 1 >= prompt}[kind]
    return rows[row] if there and rows[row].any() else None


def steering(acting, prompt, n):
    """The edits of the first n rows of a text after a prompt of so many tokens."""
    edits = []
    for i, (d, layer, rows, change) in ((i, a) for i in range(n) for a in acting):
        v = row_at(d.get("positions", "all"), rows, i, prompt)
        if v is not None:
            becomes = lambda x, v=v, change=change: change(x, v)
            edits.append((d.get("site", "resid_pre"), layer, (i,), becomes))
    return edits


# Patching


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


def steered(tokens, name):
    """What the directions do to a run of a pair."""
    on = E.get("steered") in (name, "both")
    return steering(acts(tokens), len(tokens), len(tokens)) if on else []


def read_cases():
    """The pairs of prompts, each once for each draw of noise."""
    (kind, noise), cases = variant(E.get("corruption", "prompt")), []
    for pair in [E, *E.get("pairs", [])]:
        case = {
            "clean": ids(pair["clean"]),
            "corrupted": ids(pair["clean" if kind == "noise" else "corrupted"]),
        }
        case["given"] = {name: steered(case[name], name) for name in ("clean", "corrupted")}
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
                (p, normals(noise.get("seed", 0), draw, p, (4, 5)))
                for p in sorted(set(noise.get("positions", [])))
            ]
            scale = model.W_E.std() * noise.get("sigma", 3)
            noisy = [("embed", 0, (p,), plus(scale * x)) for p, x in draws]
            given = case["given"] | {"corrupted": noisy + case["given"]["corrupted"]}
            cases.append(case | {"given": given})
    return cases


def measure(case, logits):
    """[metric, run] of logits [run, token]."""
    p, values = logits.double().log_softmax(-1), []
    for kind, answer, wrong in case["metrics"]:
        best = logits[:, answer].amax(-1, keepdim=True) if answer else 0
        each = {
            "logit_difference": lambda: logits[:, answer].mean(-1) - logits[:, wrong].mean(-1),
            "probability": lambda: p[:, answer].exp().sum(-1),
            "log_probability": lambda: p[:, answer].logsumexp(-1),
            "probability_difference": lambda: (
                p[:, answer].exp().sum(-1) - p[:, wrong].exp().sum(-1)
            ),
            # more than rounding apart
            "rank": lambda: (logits > best + 1e-6 * best.abs().clamp(min=1)).sum(-1),
            "kl": lambda: (case["p"].exp() * (case["p"] - p)).sum(-1),
            "cross_entropy": lambda: -p[:, answer].logsumexp(-1),
        }
        values.append(each[kind]().float())
    return torch.stack(values)


@cache
def corrupted_runs(keep):
    return [base(c, "corrupted", keep)[1] for c in cases]


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
    runs = corrupted_runs(tuple(keep))
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


def paths(f, texts, given, edits, old, layers):
    """Logits with only that changed which each sender's output changes at the receiver."""
    kind, to = variant(f["receiver"])
    entry = None if kind == "logits" else ("mlp_out" if kind == "mlp" else kind, to["layer"])
    keep = [entry] if entry else []
    if f.get("through_mlps"):  # heads between are frozen, MLPs are not (Wang et al., 2022)
        frozen = lambda layer: [
            ("attn_out", l, (...,), put(old["attn_out", l]))
            for l in range(layer + 1, end(kind, to))
        ]
        first = [given + e + frozen(layer) for e, layer in zip(edits, layers)]
        logits, got = forward(texts, first, keep)
    else:  # the change goes straight to what the receiver reads
        outputs = [("attn_out", layer) for layer in layers]
        written = forward(texts, [given + e for e in edits], outputs)[1]
        site = {"logits": ("resid_post", L - 1), "mlp": ("resid_mid", to.get("layer"))}
        site = site.get(kind, ("resid_pre", to.get("layer")))
        changes = [written[key][b] - old[key] for b, key in enumerate(outputs)]
        logits, got = forward(texts, [given + [(*site, (...,), plus(x))] for x in changes], keep)
    if not entry:
        return logits
    where = (...,) if kind == "mlp" else (slice(None), to["head"])
    entered = [[(*entry, where, put(x[where]))] for x in got[entry]]
    return forward(texts, [given + e for e in entered])[0]


def at(site, head, part, position):
    """Where it is in [position, head or neuron, ...] or, of a pattern, [head, query, key]."""
    order = (head, position, part) if site == "pattern" else (position, head, part)
    return tuple(i for i in order if i is not None)


def compute(number, sweep):
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
    keep = [(site, l) for site in sorted(sites) for l in range(1 if site in ONCE else L)]
    for i, case in enumerate(cases):
        tokens, given = case[varied], case["given"][varied]
        source = brought(sweep, i, varied, keep)
        old = base(case, varied, [("attn_out", l) for l in range(L)])[1] if axes == "paths" else {}

        def edit(site, l, head, part, i):
            here, there = case["aligned"][i][:: -1 if varied == "corrupted" else 1]
            there = there if sweep.get("bring", "other") == "other" else here
            value = source[site, l][at(site, head, part, there)]
            return site, l, at(site, head, part, here), put(value)

        rows, columns, cell = grid(sweep, axes, f, len(case["aligned"]))
        found = torch.full((len(E["metrics"]), rows, columns), torch.nan)
        there = [(r, c) for r in range(rows) for c in range(columns) if cell(r, c) is not None]
        at_once = max(1, ROWS // len(tokens))
        for first in range(0, len(there), at_once):
            some = there[first : first + at_once]
            edits, texts = (
                [[edit(*place) for place in cell(*at)] for at in some],
                [tokens] * len(some),
            )
            if axes == "paths":
                logits = paths(f, texts, given, edits, old, [r for r, _ in some])
            else:
                logits = forward(texts, [given + e for e in edits])[0]
            found[:, *tensor(some).T] = measure(case, logits)
            done = i * len(there) + first + len(some)
            progress(f"sweep {number + 1}, cells", done, len(there) * len(cases))
        total = total + found / len(cases)
    return total


# Steering


@cache
def luck(seed, sample, step):
    """Gumbel noise of every token: the largest of logits and this is a draw from their softmax."""
    tokens = np.arange(model.cfg.d_vocab, dtype=np.uint64)
    return -np.log(-np.log(uniform(seed, sample, step, tokens, 0)))


def scores(logits, tokens, written):
    """Of the tokens that may be drawn: penalties, temperature, top-k, top-p; -inf of the others."""
    s, x = E["steer"].get("sampling", {}), logits.clone()
    there = tensor(sorted(set(tokens)))
    penalty, temperature = s.get("repetition_penalty", 1.0), s.get("temperature", 1.0)
    x[there] = torch.where(x[there] >= 0, x[there] / penalty, x[there] * penalty)
    for token in written:
        x[token] -= s.get("frequency_penalty", 0.0)
    if temperature == 0:
        return x.double().numpy()
    x /= temperature
    order = x.argsort(descending=True, stable=True)
    p = x[order].double().softmax(0)[: s.get("top_k") or len(x)]
    if s.get("top_p"):
        p = p[p.cumsum(0) - p < s["top_p"] * p.sum()]
    kept = torch.full_like(x, -torch.inf)
    kept[order[: len(p)]] = x[order[: len(p)]]
    return kept.double().numpy()


def write(prompt, acting, sample, draft, length):
    """A text's tokens, and the logits that each was drawn from: [token], [token, vocabulary].

    One pass reads the whole draft (what Patchbay wrote) and goes on from the first token that is
    drawn otherwise, so the text is the one that is written token by token."""
    s, tokens, read = E["steer"].get("sampling", {}), list(prompt), []
    length, draft = min(length, model.cfg.n_ctx - len(prompt)), list(draft)
    while len(read) < length and not (read and tokens[-1] in ENDS):
        guess = draft[len(read) : length] if tokens[len(prompt) :] == draft[: len(read)] else []
        text = tokens + guess
        edits = steering(acting, len(prompt), len(text))
        logits = run(text, edits, (), every=True)[0][len(tokens) - 1 :]
        for i, row in enumerate(logits[: length - len(read)]):
            x = scores(row, tokens, tokens[len(prompt) :])
            if s.get("temperature", 1.0):
                x = x + luck(s.get("seed", 0), sample, len(read))
            drawn, guessed = int(x.argmax()), guess[i] if i < len(guess) else None
            if guessed is not None and x[drawn] - x[guessed] < TIE:
                drawn = guessed
            tokens.append(drawn)
            read.append(row)
            if drawn != guessed or drawn in ENDS:
                break
    return tokens[len(prompt) :], torch.stack(read) if read else torch.empty(0, 0)


def reader(prompt, written, keep=()):
    """The unsteered model reading a text: [token, vocabulary], and activations at its tokens."""
    logits, kept = run(prompt + written, (), keep, every=True)
    return logits[len(prompt) - 1 : -1], {key: x[len(prompt) :] for key, x in kept.items()}


def chosen(logits, tokens):
    return logits.double().log_softmax(-1)[range(len(tokens)), tokens]


def divergence(logits, other):
    p, q = (x.double().log_softmax(-1) for x in (logits, other))
    return (p.exp() * (p - q)).sum(-1).clamp(min=0)


def measures(texts):
    """Of texts as (tokens, log probabilities by the unsteered model, KL from it)."""
    words = [w.strip().lower() for w in E["steer"].get("words", []) if w.strip()]
    holds = lambda text: any(
        re.search(rf"(?<![^\W_]){re.escape(w)}(?![^\W_])", text.lower()) for w in words
    )
    said = [tokenizer.decode(tokens, skip_special_tokens=False) for tokens, *_ in texts]
    p, kl = (torch.cat([t[i] for t in texts]) for i in (1, 2))
    pairs = [pair for tokens, *_ in texts for pair in zip(tokens, tokens[1:])]
    return {
        "perplexity": (-p).mean().exp().item(),
        "kl": kl.mean().item(),
        "distinct_2": len(set(pairs)) / len(pairs) if pairs else 1.0,
    } | ({"words": sum(map(holds, said)) / len(said)} if E["steer"].get("words") else {})


def steer():
    """The directions, the texts and the detector; the largest difference."""
    prompt, s, found = ids(E["steer"]["prompt"]), E["steer"], REPORT["steer"]
    largest = tell_directions(prompt, found)
    acting, n = acts(prompt), s.get("sampling", {}).get("tokens", 40)
    texts = {"unsteered": [], "steered": []}
    for i, sample in enumerate(found["samples"]):
        for name in texts:
            theirs = sample[name]
            draft = [t["id"] for t in theirs]
            tokens, logits = write(prompt, acting if name == "steered" else [], i, draft, n)
            view, p = reader(prompt, tokens)[0], chosen(logits, tokens)
            texts[name].append((tokens, chosen(view, tokens), divergence(logits, view)))
            print(f"\n{name} text {i}: {tokenizer.decode(tokens, skip_special_tokens=False)!r}")
            if tokens != draft:
                print("Patchbay wrote another text.")
                largest = torch.inf
                continue
            top = [[t["id"] for t in w["top"]] for w in theirs]
            pairs = {
                "probability": (p.exp(), [w["probability"] for w in theirs]),
                "logits": (
                    logits.gather(1, tensor(top)),
                    [[t["logit"] for t in w["top"]] for w in theirs],
                ),
            }
            if name == "steered":
                views = [w["unsteered"] for w in theirs]
                pairs |= {
                    "unsteered probability": (
                        chosen(view, tokens).exp(),
                        [v["probability"] for v in views],
                    ),
                    "KL to unsteered": (divergence(logits, view), [v["kl"] for v in views]),
                }
            for what, (x, values) in pairs.items():
                largest = max(largest, apart(what, x, values, shown=what != "logits"))
        progress("texts", i + 1, len(found["samples"]))
    for name, summary in (found.get("summary") or {}).items():
        largest = max(largest, compare(f"{name} texts together", measures(texts[name]), summary))
    if s.get("detector"):
        largest = max(largest, detect(s["detector"], found["detector"]))
    if found.get("map"):
        largest = max(largest, fill(s["map"], found["map"]))
    return largest


def along(rows, v):
    """Projections of rows on a vector."""
    return rows.flatten(1).double() @ normalize(v.double(), dim=0)


def tell_directions(prompt, found):
    """What is told of each direction; the largest difference."""
    given, largest = E["steer"].get("directions", []), 0.0
    sites = {d.get("site", "resid_pre") for d in given}
    kept = run(prompt, (), [(site, l) for site in sites for l in range(L)])[1]
    none = torch.zeros(1, model.cfg.d_model)
    own = lambda i, l: directions[i][0].get(l if (at := given[i].get("from")) is None else at, none)

    def written(i):
        """In the residual stream: its last row or, of z, what its heads write."""
        if given[i].get("site") != "z":
            return own(i, found["directions"][i]["layer"])[-1]
        return sum(own(i, l)[-1] @ model.W_O[l].flatten(0, 1) for l in given[i]["layers"])

    vectors = [written(i) for i in range(len(given))]
    for i, (d, theirs) in enumerate(zip(given, found["directions"])):
        site, at = d.get("site", "resid_pre"), theirs["layer"]
        n, at_length = len(vectors[i]), normalize(vectors[i], dim=0)
        lens = layer_norm(n**0.5 * at_length, (n,), model.ln_final.weight, None, model.cfg.eps)
        raised = lens @ model.W_U
        numbers = {
            "norm": own(i, at).norm(dim=1).max().item(),
            "mean_norms": norms(tuple(prompt), site),
            "cosines": [torch.cosine_similarity(vectors[i], v, dim=0).item() for v in vectors],
            "projections": [along(kept[site, l], own(i, l)[-1]).tolist() for l in range(L)],
            "explained": directions[i][1].get(at if d.get("from") is None else d["from"]),
        }
        scores = theirs | {"explained": theirs.get("explained")}
        for end in ("promoted", "suppressed"):
            numbers[end] = raised[[t["id"] for t in theirs[end]]].tolist()
            scores[end] = [t["score"] for t in theirs[end]]
        largest = max(largest, compare(f"direction “{d['name']}”", numbers, scores))
    return largest


def compare(name, numbers, theirs):
    """Prints numbers by name; the largest difference from Patchbay's of the same name."""
    print(f"\n{name}")
    there = [key for key in numbers if theirs.get(key) is not None]
    return max(
        (apart(key, tensor(numbers[key], dtype=torch.float32), theirs[key]) for key in there),
        default=0.0,
    )


def area(positive, negative):
    """Under the ROC curve: the share of pairs in which the positive score is larger."""
    gaps = positive.float()[:, None] - negative.float()
    return ((gaps > 0).double() + (gaps == 0).double() / 2).mean().item()


def detect(detector, found):
    """Held-out prompts read along a direction."""
    d, rows = E["steer"]["directions"][found_at := detector.get("direction", 0)], {}
    layer, site = found["layer"], d.get("site", "resid_pre")
    v = directions[found_at][0][layer if d.get("from") is None else d["from"]][-1]
    for side in ("positive", "negative"):
        seen = [run(ids(p), (), [(site, layer)])[1][site, layer] for p in detector[side]]
        rows[side] = [x.flatten(1) for x in seen]
    last = {side: torch.stack([x[-1] for x in xs]) for side, xs in rows.items()}
    auc = lambda v: area(along(last["positive"], v), along(last["negative"], v))
    random = [auc(normals(seed)) for seed in range(found["controls"]["random"])]
    largest = compare("detector", {"auc": auc(v)}, found)
    best = {"best_random": max(max(a, 1 - a) for a in random)}
    if d["source"]["kind"] == "contrast" and found["controls"].get("shuffled") is not None:
        best["shuffled"] = auc(by_shuffled(d, 0)[layer if d.get("from") is None else d["from"]][-1])
    largest = max(largest, compare("detector's controls", best, found["controls"]))
    for x, theirs in zip(rows["positive"] + rows["negative"], found["prompts"]):
        gap = apart("projections", along(x, v), theirs["projections"], shown=False)
        largest = max(largest, gap)
    return largest


def by_shuffled(d, seed):
    """The direction that the same method finds with the labels shuffled."""
    s = d["source"]
    both, n = s["positive"] + s["negative"], len(s["positive"])
    mixed = [both[i] for i in shuffled(seed, len(both))]
    return find(d | {"source": s | {"positive": mixed[:n], "negative": mixed[n:]}})[0]


def like(rows, seed):
    """Random rows as long as these, with zeros where they have them."""
    drawn = [
        normals(seed) if len(rows) == 1 else normals(seed, 0, r, (4, 5)) for r in range(len(rows))
    ]
    drawn = torch.stack(drawn) * (rows != 0)
    return drawn * (rows.norm(dim=1) / drawn.norm(dim=1))[:, None]


def gauge(reading):
    """Where texts are read, and what reads them: 0 is midway between two sets of prompts."""
    i = reading.get("direction", 0)
    d = E["steer"]["directions"][i]
    layer = d["layers"][0] if reading.get("layer") is None else reading["layer"]
    key, s = (d.get("site", "resid_pre"), layer), d["source"]
    v = directions[i][0][layer if d.get("from") is None else d["from"]][-1]
    sides = [[side] if isinstance(side, str) else side for side in (s["positive"], s["negative"])]
    score = lambda p: along(run(ids(p), (), [key])[1][key][-1:], v)
    high, low = (torch.cat([score(p) for p in side]).mean() for side in sides)
    return key, lambda rows: (along(rows, v) - (high + low) / 2) / ((high - low) / 2)


def fill(map, found):
    """The map's cells: a direction alone, at a layer with a coefficient, over all prompts."""
    number, sampling = map.get("direction", 0), E["steer"].get("sampling", {})
    d, (own, _) = E["steer"]["directions"][number], directions[number]
    prompts = [ids(p) for p in map.get("prompts") or [E["steer"]["prompt"]]]
    samples = map.get("samples") or sampling.get("samples", 1)
    length = map.get("tokens") or sampling.get("tokens", 40)
    targets = sorted(set(token_set(map.get("targets"))))
    key, scale = gauge(map["reading"]) if map.get("reading") else (None, None)
    control = map.get("controls", {}).get("seed", 0)
    mixed = cache(lambda: by_shuffled(d, control))
    keep, largest, total = [key] if key else [], 0.0, len(found["cells"])

    def numbers(name, theirs, texts, acting):
        read, hit, told, other = [], [], [], 0
        for p, prompt in enumerate(prompts):
            for i in range(samples):
                text = texts[p * samples + i]
                draft = tokenizer.encode(text, add_special_tokens=False).ids
                tokens, logits = write(prompt, acting(prompt), i, draft, length)
                view, kept = reader(prompt, tokens, keep)
                told.append((tokens, chosen(view, tokens), divergence(logits, view)))
                other += tokenizer.decode(tokens, skip_special_tokens=False) != text
                read += [scale(kept[key])[[t not in ENDS for t in tokens]]] if key else []
            hit.append(logits[0].double().softmax(-1)[targets].sum())
        mine = measures(told)
        mine |= {"target": torch.stack(hit).mean().item()} if targets else {}
        mine |= {"reading": torch.cat(read).mean().item()} if key else {}
        if other:
            print(f"\n{name}: Patchbay wrote {other} of the texts otherwise.")
        return max(torch.inf if other else 0.0, compare(name, mine, theirs))

    nothing = lambda prompt: []
    largest = numbers("map: unsteered", flat(found["unsteered"]), found["unsteered_texts"], nothing)
    for done, cell in enumerate(found["cells"]):
        of, f = variant(cell["of"])
        layer, at = cell["layer"], cell["layer"] if d.get("from") is None else d["from"]
        rows = own[at]
        if of == "random":
            rows = like(rows, f)
        elif of == "shuffled":
            rows = mixed()[at] * (rows.norm(dim=1).max() / mixed()[at].norm(dim=1).max())
        if cell.get("numbers"):
            moved = d | {"coefficient": cell["coefficient"]}
            name = f"map: {of} at layer {layer}, coefficient {cell['coefficient']}"
            acting = lambda prompt, rows=rows, moved=moved, l=layer: act(moved, l, rows, prompt)
            gap = numbers(name, flat(cell["numbers"]), cell["texts"], acting)
            largest = max(largest, gap)
        progress("cells of the map", done + 1, total)
    return largest


def flat(numbers):
    return numbers | numbers["measures"]


def apart(name, found, values, shown=True, some=False):
    """Prints a result; its largest |difference| / max(1, |value|) from Patchbay's, where that is known:
    everywhere, or of some cells alone, where it left the others to an estimate."""
    if shown:
        print(f"\n{name}\n{found}")
    if values is None:
        return 0.0
    patchbay = tensor(np.array(values, dtype="float32"))
    gaps = (found - patchbay).abs() / patchbay.abs().clamp(min=1)
    left_out = patchbay.isnan() & (found.isnan() | some)
    gap = torch.where(left_out, 0, gaps).nan_to_num(torch.inf).max().item()
    print(f"{'' if shown else name + ': '}largest difference from Patchbay: {gap:.1e}")
    return gap


torch.set_grad_enabled(False)
torch.set_printoptions(precision=4, sci_mode=False, linewidth=160)
folder = Path(sys.argv[1] if sys.argv[1:] and Path(sys.argv[1]).is_dir() else fetch(E["model"]))
if sha256((folder / "model.safetensors").read_bytes()).hexdigest() != REPORT["model"]["sha256"]:
    print("Patchbay had other weights than these, so the numbers will not agree.")
tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
model = TransformerBridge.boot_transformers(str(folder), device="cpu", dtype=torch.float32).eval()
L, H, cases = model.cfg.n_layers, model.cfg.n_heads, []
settings = folder / "generation_config.json"
settings = settings if settings.exists() else folder / "config.json"
ENDS = json.loads(settings.read_text(encoding="utf-8")).get("eos_token_id")
ENDS = set(ENDS if isinstance(ENDS, list) else [ENDS])
room = E.get("room", "patching")
directions = read_directions() if room == "steering" or E.get("steered") else []
if room == "steering":
    largest = steer()
else:
    cases = read_cases()
    both = [
        torch.cat([measure(case, base(case, name)[0][None]) for name in ("clean", "corrupted")], 1)
        for case in cases
    ]
    metrics = torch.stack(both).mean(0)  # [metric, (clean, corrupted)]
    sweeps = [compute(i, sweep) for i, sweep in enumerate(E.get("sweeps", []))]
    largest = apart(
        "metrics: clean, corrupted",
        metrics,
        [[m["clean"], m["corrupted"]] for m in REPORT["metrics"]],
    )
    for sweep, found, patchbay in zip_longest(
        E.get("sweeps", []), sweeps, REPORT.get("sweeps", []), fillvalue={}
    ):
        estimate = sweep.get("estimate")
        if estimate:
            print("\nThe estimate of this sweep is left out: every cell is patched.")
        some = bool(estimate and estimate.get("most"))
        largest = max(largest, apart(sweep, found, patchbay.get("values"), some=some))
print(f"\nLargest difference of all: {largest:.1e}, as |difference| / max(1, |value|).")
