"""An experiment of Patchbay with nnsight: on the same model or a larger one, here or on NDIF.

pip install nnsight==0.8.1
python THIS_FILE [FOLDER with the model's files, in place of MODEL]

What is not as in Patchbay:
- Names: resid_pre and resid_post are a block's input and output, attn_out and mlp_out what its
  attention and its MLP give, resid_mid is resid_pre plus attn_out, and z, all heads side by side,
  is what attention's last matrix reads.
- BOS: where the experiment has it, that of MODEL's tokenizer stands in front, if it has one.
- Tokens: MODEL's tokenizer reads the prompts, so there may be more or fewer positions; the answers
  are looked up again, and each has to be one token.
- Sizes: grids have MODEL's layers and heads; a direction acts at the layers that it names.
- Precision: float32 where the report is of the same model, and its numbers are then compared; else
  that of MODEL's files. NDIF has its own.
- What else an experiment has, such as noise, paths or top-k, is refused by name; a map, a
  detector and a sweep's estimate are left out.
"""

import sys
from hashlib import sha256
from pathlib import Path

import nnsight
import numpy as np
import torch

true, false, null = True, False, None
REMOTE = False  # True: on NDIF, with the key in NDIF_API_KEY; "local": that rehearsed here
MODEL = "openai-community/gpt2"  # its name on the hub
REPORT = {}  # the experiment, and what Patchbay found
ROWS = 1024  # positions computed in one pass, over all its runs; fewer take less memory
TIE = 1e-3  # scores of tokens this near each other are decided by rounding

E = REPORT["experiment"]
SITES = ("resid_pre", "z", "attn_out", "resid_mid", "mlp_out", "resid_post")  # as they come
NAMES = {"gpt2": ("transformer.h", "attn", "attn.c_proj")} | dict.fromkeys(
    ("llama", "mistral", "qwen2", "qwen3"), ("model.layers", "self_attn", "self_attn.o_proj")
)


def progress(what, done, of):
    print(f"\r{what}: {done} of {of}", end="\n" * (done == of), file=sys.stderr, flush=True)


def refuse(what):
    sys.exit(f"This script does not do {what}; the one for TransformerLens does.")


def same_tokens(what):
    if not SAME:
        sys.exit(f"The {what} are those of {E['model']}, and {MODEL} has other tokens.")


def variant(x):
    """`"all"` or `{"first": 3}`: the name and what is told of it."""
    return (x, {}) if isinstance(x, str) else next(iter(x.items()))


def forward(texts, edits=(), keep=()):
    """Last logits of texts of one length, and activations by (site, layer).

    Edits: (text, site, layer, position, columns, whether it is added, value)."""
    wanted = {*keep, *(edit[1:3] for edit in edits)}
    with torch.no_grad(), model.trace(torch.tensor(texts), remote=REMOTE, logits_to_keep=1):
        kept = nnsight.save({})
        for l in sorted({l for _, l in wanted}):
            block = model.get(f"{BLOCKS}.{l}")
            pre = block.input
            for site in SITES:
                if (site, l) not in wanted:
                    continue
                if site == "resid_pre":
                    x = pre
                elif site == "z":
                    x = block.get(PROJECTION).input
                elif site in ("attn_out", "resid_mid"):
                    attn = block.get(ATTENTION).output[0]
                    x = attn if site == "attn_out" else pre + attn
                else:
                    x = block.mlp.output if site == "mlp_out" else block.output
                for text, *at, i, columns, added, value in edits:
                    if at == [site, l]:
                        old = x[text, i, columns] if added else 0
                        x[text, i, columns] = old + value.to(x)
                if (
                    edits and site == "resid_mid"
                ):  # no module's output: attention's makes up for the change
                    attn[:] = x - pre
                if (site, l) in keep:
                    kept[site, l] = x.detach().float().cpu()
        logits = model.output.logits[:, -1].detach().float().cpu().save()
    return logits, kept


def numbered(ids):
    same_tokens(f"numbers of tokens ({ids})")
    return ids


def ids(prompt):
    if not isinstance(prompt, str):
        return numbered(prompt)
    bos = [tokenizer.bos_token_id] if E["bos"] and tokenizer.bos_token_id is not None else []
    found = bos + tokenizer.encode(prompt, add_special_tokens=False)
    if len(found) > config.max_position_embeddings:
        sys.exit(f"{MODEL} reads {len(found)} tokens, more than it has room for, in {prompt!r}.")
    return found


def token(text):
    if not isinstance(text, str):
        return numbered(text)
    found = tokenizer.encode(text, add_special_tokens=False)
    if len(found) != 1 and text[:1] == "#" and text[1:].isdigit():
        return numbered(int(text[1:]))
    if len(found) != 1:
        pieces = ", ".join(repr(tokenizer.decode([t])) for t in found)
        sys.exit(f"{text!r} has to be one token, but {MODEL} reads {len(found)}: {pieces}.")
    return found[0]


def apart(name, found, values, some=False):
    """Prints a result; its largest |difference| / max(1, |value|) from Patchbay's, of the same model:
    everywhere, or of some cells alone, where it left the others to an estimate."""
    print(f"\n{name}\n{found}")
    if values is None or not SAME:
        return 0.0
    patchbay = torch.tensor(np.array(values, dtype="float32"))
    if found.shape != patchbay.shape:
        return torch.inf
    gaps = (found - patchbay).abs() / patchbay.abs().clamp(min=1)
    gap = torch.where(patchbay.isnan() & some, 0, gaps).nan_to_num(torch.inf).max()
    print(f"largest difference from Patchbay: {gap:.1e}")
    return gap.item()


def read_cases():
    cases = []
    for pair in [E, *E.get("pairs", [])]:
        case = {name: ids(pair[name]) for name in ("clean", "corrupted")}
        a, b = (len(case[name]) for name in case)
        if a != b and not E.get("alignment"):
            sys.exit(
                f"{MODEL} reads {a} and {b} tokens in the pair of {pair['clean']!r}, not as many."
            )
        case["aligned"] = E.get("alignment") or [(i, i) for i in range(a)]
        if cases and len(case["aligned"]) != len(cases[0]["aligned"]):
            sys.exit(
                f"{MODEL} reads the pair of {pair['clean']!r} as more or fewer tokens than the first."
            )
        case["p"] = forward([case["clean"]])[0].double().log_softmax(-1)
        for metric in E["metrics"]:
            both = [metric.get(x) if pair.get(x) is None else pair[x] for x in ("answer", "wrong")]
            both = [x if isinstance(x, list) else [] if x is None else [x] for x in both]
            read = [[token(t) for t in x] for x in both]
            case.setdefault("metrics", []).append((metric["kind"], *read))
        cases.append(case)
    return cases


def measure(case, logits):
    """[metric, run] of logits [run, token]."""
    p, values = logits.double().log_softmax(-1), []
    for kind, answer, wrong in case["metrics"]:
        mass = lambda tokens: p[:, tokens].exp().sum(-1)
        best = logits[:, answer].amax(-1, keepdim=True) if answer else 0
        each = {
            "logit_difference": lambda: logits[:, answer].mean(-1) - logits[:, wrong].mean(-1),
            "probability": lambda: mass(answer),
            "log_probability": lambda: mass(answer).log(),
            "probability_difference": lambda: mass(answer) - mass(wrong),
            "rank": lambda: (logits > best + 1e-6 * best.abs().clamp(min=1)).sum(-1),
            "kl": lambda: (case["p"].exp() * (case["p"] - p)).sum(-1),
            "cross_entropy": lambda: -mass(answer).log(),
        }
        values.append(each[kind]().float())
    return torch.stack(values)


def compute(number, sweep, cases):
    """[metric, row, column]: means over the pairs."""
    site, total = sweep["site"], 0
    axes, f = variant(sweep.get("axes") or ("layer_head" if site == "z" else "layer_position"))
    denoising = sweep["mode"] == "denoising"
    varied, other = ("corrupted", "clean") if denoising else ("clean", "corrupted")
    for done, case in enumerate(cases):
        source = forward([case[other]], (), [(site, l) for l in range(L)])[1]
        n, w = len(case["aligned"]), f.get("window", 1)
        kept = 0 if sweep.get("bring") == "zero" else 1

        def edit(text, l, i, columns):
            here, there = case["aligned"][i][:: -1 if denoising else 1]
            return text, site, l, here, columns, False, source[site, l][0, there, columns] * kept

        def cell(text, row, column):
            if axes == "layer_head":
                columns = slice(column * D, (column + 1) * D)
                return [edit(text, row, i, columns) for i in f.get("positions") or range(n)]
            near = range(max(0, row - w // 2), min(L, row + (w + 1) // 2))
            return [edit(text, l, column, slice(None)) for l in near]

        columns = H if axes == "layer_head" else n
        there, found = [(r, c) for r in range(L) for c in range(columns)], []
        at_once = max(1, ROWS // len(case[varied]))
        for first in range(0, len(there), at_once):
            some = there[first : first + at_once]
            edits = [e for text, at in enumerate(some) for e in cell(text, *at)]
            found.append(measure(case, forward([case[varied]] * len(some), edits)[0]))
            cells = done * len(there) + first + len(some)
            progress(f"sweep {number + 1}, cells", cells, len(there) * len(cases))
        total = total + torch.cat(found, 1).unflatten(1, (L, columns)) / len(cases)
    return total


def patch():
    for what, there in {
        "noise": E.get("corruption", "prompt") != "prompt",
        "roles": E.get("roles"),
        "directions on a run of a pair": E.get("steered"),
    }.items():
        if there:
            refuse(what)
    if E.get("alignment"):
        same_tokens("aligned positions")
    for sweep in E.get("sweeps", []):
        axes, f = variant(sweep.get("axes") or "layer_head")
        bring = variant(sweep.get("bring", "other"))[0]
        if sweep["site"] not in SITES:
            refuse(f"the site {sweep['site']}")
        if axes not in ("layer_position", "layer_head"):
            refuse(f"grids of the kind {axes}")
        if bring not in ("other", "zero"):
            refuse(f"sweeps that bring {bring}")
        if f and f.get("positions"):
            same_tokens("positions that heads are patched at")
    cases = read_cases()
    runs = [torch.cat([forward([c[x]])[0] for x in ("clean", "corrupted")]) for c in cases]
    both = torch.stack([measure(c, logits) for c, logits in zip(cases, runs)]).mean(0)
    found = [[m["clean"], m["corrupted"]] for m in REPORT["metrics"]]
    gaps = [apart("metrics: clean, corrupted", both, found)]
    theirs = [s["values"] for s in REPORT.get("sweeps", [])] or [None] * len(E.get("sweeps", []))
    for i, (sweep, values) in enumerate(zip(E.get("sweeps", []), theirs)):
        estimate = sweep.get("estimate")
        if estimate:
            print("\nThe estimate of this sweep is left out: every cell is patched.")
        some = bool(estimate and estimate.get("most"))
        gaps.append(apart(sweep, compute(i, sweep, cases), values, some))
    return max(gaps)


def uniform(seed, sample, step, token, stream):
    """Between 0 and 1, by Philox4x32-10 (Salmon et al., 2011), for an array of steps or tokens."""
    m = 0xFFFFFFFF
    k, c = [seed & m, seed >> 32 & m], [token, step, sample, stream]
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [b >> 32 ^ c[1] ^ k[0], b & m, a >> 32 ^ c[3] ^ k[1], a & m]
        k = [k[0] + 0x9E3779B9 & m, k[1] + 0xBB67AE85 & m]
    return ((c[0] << 20 | c[1] >> 12) + 0.5) / 2**52


def find(d):
    """A direction's vectors, by layer: [row, width]."""
    s, keep = d["source"], [(d.get("site", "resid_pre"), l) for l in range(L)]
    read = lambda tokens: torch.stack([x[0] for x in forward([tokens], (), keep)[1].values()])
    if s["kind"] == "contrast" and s.get("method", "mean_difference") == "mean_difference":
        sides = [[read(ids(p))[:, -1:] for p in s[side]] for side in ("positive", "negative")]
        return torch.stack(sides[0]).mean(0) - torch.stack(sides[1]).mean(0)
    if s["kind"] == "pair":
        pair = [ids(s["positive"]), ids(s["negative"])]
        n = max(map(len, pair))
        positive, negative = (read(x + [token(" ")] * (n - len(x))) for x in pair)
        return positive - negative
    if s["kind"] == "random":
        steps = np.arange(H * D if d.get("site") == "z" else WIDTH, dtype=np.uint64)
        u, v = (uniform(s["seed"], 0, steps, 0, stream) for stream in (1, 2))
        x = torch.tensor(np.sqrt(-2 * np.log(u)) * np.cos(2 * np.pi * v)).float()
        return [x[None] / x.norm()] * L
    if s["kind"] == "vectors":
        if SAME:
            return {v["layer"]: torch.tensor([v["values"]]) for v in s["vectors"]}
        sys.exit(f"The direction “{d['name']}” is numbers of {E['model']}; {MODEL} needs its own.")
    if s["kind"] == "feature":
        sys.exit(
            f"The numbers of the direction “{d['name']}”, a dictionary's, are not in the report."
        )
    refuse(f"directions of the kind {s['kind']} {s.get('method', '')}".strip())


def acting(prompt):
    """What acts after a prompt: (direction, layer, rows, coefficient)."""
    found = []
    for d in E["steer"].get("directions", []):
        site, op, c = d.get("site", "resid_pre"), d.get("operator", "add"), d["coefficient"]
        if site not in SITES or op not in ("add", "subtract"):
            refuse(f"{op} at {site}")
        last = max(*d["layers"], d.get("from") or 0)
        if last >= L:
            sys.exit(f"The direction “{d['name']}” is at layer {last}; {MODEL} has 0 to {L - 1}.")
        if "chosen" in variant(d.get("positions", "all")):
            same_tokens("positions that a direction acts at")
        rows = find(d)
        for l in d["layers"]:
            v, size = rows[l if d.get("from") is None else d["from"]], 1.0
            if d.get("unit") == "mean_norm":  # of the prompt's activations, position 0 left out
                x = forward([prompt], (), [(site, l)])[1][site, l][0].norm(dim=1)
                size = ((x[1:] if len(x) > 1 else x).mean() / v.norm(dim=1).max()).item()
            found.append((d, l, v, (c if op == "add" else -c) * size))
    return found


def steering(text, acts, prompt, n):
    """The edits of n rows of a text after a prompt of so many tokens."""
    edits = []
    for i, (d, l, rows, c) in ((i, act) for i in range(n) for act in acts):
        kind, f = variant(d.get("positions", "all"))
        if kind in ("first", "chosen"):
            there = i < f if kind == "first" else i in f
        else:
            here = {"prompt": i < prompt, "generated": i >= prompt, "last": i + 1 >= prompt}
            there = here.get(kind, True)
        row = i + len(rows) - prompt if kind == "aligned_back" else len(rows) - 1
        row = (i if i < prompt else -1) if kind == "aligned_front" else row if there else -1
        if 0 <= row < len(rows):
            at = (text, d.get("site", "resid_pre"), l, i, slice(None))
            edits.append((*at, True, c * rows[row]))
    return edits


def draw(logits, sample, written):
    """Each token's score; the largest is written. With Gumbel noise that is a draw at random."""
    s = E["steer"].get("sampling", {})
    temperature, x = s.get("temperature", 1.0), logits.double().numpy()
    if temperature == 0:
        return x
    tokens = np.arange(len(x), dtype=np.uint64)
    luck = uniform(s.get("seed", 0), sample, len(written), tokens, 0)
    return x / temperature - np.log(-np.log(luck))


def steer():
    """Writes the texts token by token, all of them together; the largest difference."""
    s, prompt = E["steer"].get("sampling", {}), ids(E["steer"]["prompt"])
    for what in ("map", "detector"):
        if E["steer"].get(what):
            print(f"The {what} is left out; the script for TransformerLens computes it.")
    plain = {"repetition_penalty": 1, "frequency_penalty": 0, "top_k": None, "top_p": 1}
    for what in plain:
        if s.get(what) not in (None, plain[what]):
            refuse(what)
    acts, going = acting(prompt), []
    for i, sample in enumerate(REPORT["steer"]["samples"]):
        going += [(i, name, list(sample[name]), [], []) for name in sample]
    texts, steps = list(going), s.get("tokens", 40)
    steps = min(steps, config.max_position_embeddings - len(prompt))
    for step in range(steps):
        edits = [
            edit
            for b, (_, name, *_) in enumerate(going)
            if name == "steered"
            for edit in steering(b, acts, len(prompt), len(prompt) + step)
        ]
        rows = forward([prompt + written for *_, written, _ in going], edits)[0]
        for (i, _, theirs, written, p), row in zip(going, rows):
            scores = draw(row, i, written)
            drawn, guess = int(scores.argmax()), [w["id"] for w in theirs[step : step + 1]]
            if SAME and guess and scores[drawn] - scores[guess[0]] < TIE:
                drawn = guess[0]
            written.append(drawn)
            p.append(row.softmax(0)[drawn].item())
        going = [text for text in going if text[3][-1] not in ENDS]
        progress("tokens", step + 1, steps)
        if not going:
            break
    gaps = [0.0]
    for i, name, theirs, written, p in texts:
        print(f"\n{name} text {i}: {tokenizer.decode(written)!r}")
        gaps.append(apart("probabilities", torch.tensor(p), [w["probability"] for w in theirs]))
        if SAME and written != [w["id"] for w in theirs]:
            print("Patchbay wrote another text.")
            gaps.append(torch.inf)
    return max(gaps)


MODEL = sys.argv[1] if sys.argv[1:] else MODEL
weights = Path(MODEL) / "model.safetensors"
SAME = E["model"].partition("@")[0] in (MODEL, MODEL.removeprefix("openai-community/"))
if weights.exists():
    SAME = sha256(weights.read_bytes()).hexdigest() == REPORT["model"]["sha256"]
if not SAME:
    print(f"The report is of {E['model']}, so its numbers are not compared with those of {MODEL}.")
model = nnsight.TransformersModel(
    MODEL,
    task="text-generation",
    dispatch=REMOTE is not True,
    dtype=torch.float32 if SAME and REMOTE is not True else "auto",
)
tokenizer, config = model.tokenizer, model.config
if config.model_type not in NAMES:
    sys.exit(
        f"{MODEL} is a {config.model_type}; this script knows the layers of {', '.join(NAMES)}."
    )
BLOCKS, ATTENTION, PROJECTION = NAMES[config.model_type]
L, H, WIDTH = config.num_hidden_layers, config.num_attention_heads, config.hidden_size
D = getattr(config, "head_dim", None) or WIDTH // H
ENDS = model.generation_config.eos_token_id
ENDS = ENDS if isinstance(ENDS, list) else [ENDS]
if E["bos"] and tokenizer.bos_token_id is None:
    print(f"{MODEL}'s tokenizer has no BOS, so prompts begin without one.")
largest = patch() if E.get("room", "patching") == "patching" else steer()
if SAME:
    print(f"\nLargest difference of all: {largest:.1e}, as |difference| / max(1, |value|).")
