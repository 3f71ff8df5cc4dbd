"""What an experiment of the patching room should give, by plain PyTorch hooks.

It reads the engine's own JSON and runs a whole pass for every cell. Nothing is derived
or skipped here, so it shares no idea with the engine's planner. `trace`s are dicts of
activations by (site, layer), as `hooked.Hooked.activations` gives them.
"""

from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

import philox
from hooked import HEAD_SITES, ONCE_SITES, Edit, Hooked

CLEAR = 1e-3  # gap between two logits below which their order says nothing


@dataclass
class Case:
    """One pair of prompts, or one draw of noise on one."""

    clean: list[int]
    corrupted: list[int]
    aligned: list[tuple[int, int]]
    metrics: list[tuple[str, list[int], list[int]]]  # kind, answers, wrongs
    clean_edits: list[Edit] = field(default_factory=list)
    corrupted_edits: list[Edit] = field(default_factory=list)  # noise and directions
    clean_logits: Tensor | None = None
    corrupted_logits: Tensor | None = None
    clean_trace: dict | None = None
    corrupted_trace: dict | None = None

    def values(self, logits: Tensor) -> Tensor:
        """[metric, 3]: each metric, and for a rank the lowest and highest that are right."""
        p = logits.double().log_softmax(-1)
        clean = self.clean_logits.double().log_softmax(-1)

        def value(kind, answers, wrongs):
            match kind:
                case "logit_difference":
                    return logits[answers].mean() - logits[wrongs].mean()
                case "probability":
                    return p[answers].exp().sum()
                case "log_probability":
                    return p[answers].logsumexp(-1)
                case "cross_entropy":
                    return -p[answers].logsumexp(-1)
                case "probability_difference":
                    return p[answers].exp().sum() - p[wrongs].exp().sum()
                case "kl":
                    return (clean.exp() * (clean - p)).sum()
                case "rank":
                    return (logits > logits[answers].max()).sum()

        def row(kind, answers, wrongs):
            x = float(value(kind, answers, wrongs))
            if kind != "rank":
                return [x, x, x]
            best = logits[answers].max()
            # The answer's own tokens are never above its best.
            others = torch.ones_like(logits, dtype=torch.bool)
            others[answers] = False
            above = lambda bar: int((logits[others] > bar).sum())
            return [x, above(best + CLEAR), above(best - CLEAR)]

        return torch.tensor([row(*m) for m in self.metrics], dtype=torch.float64)


def tokens_of(of) -> list[int]:
    return of if isinstance(of, list) else [of] if of is not None else []


# One place that a cell copies to and the place it copies from, as indices into
# the whole activation of a site at a layer.
Copy = tuple[str, int, tuple, tuple]


def index(site: str, position: int, head: int | None = None, neurons=None, key=None) -> tuple:
    if site == "pattern":
        return (head, position) if key is None else (head, position, key)
    if head is not None:
        return (position, head)
    return (position,) if neurons is None else (position, neurons)


def copied(copies: list[Copy], source: dict) -> list[Edit]:
    """The edits that do all the copies."""
    by_place: dict[tuple[str, int], list] = {}
    for site, layer, to, of in copies:
        by_place.setdefault((site, layer), []).append((to, of))

    def edit(place, pairs):
        def change(x: Tensor) -> Tensor:
            for to, of in pairs:
                x[to] = source[place][of]
            return x

        return Edit(*place, change)

    return [edit(place, pairs) for place, pairs in by_place.items()]


class Reference:
    def __init__(self, hooked: Hooked, experiment: dict):
        self.hooked = hooked
        self.config = hooked.model.config
        self.layers, self.heads = self.config.n_layer, self.config.n_head
        self.experiment = experiment
        self.cases = self._cases()
        for case in self.cases:
            logits, case.clean_trace = hooked.activations(case.clean, case.clean_edits)
            case.clean_logits = logits[-1]
            logits, case.corrupted_trace = hooked.activations(case.corrupted, case.corrupted_edits)
            case.corrupted_logits = logits[-1]

    def _cases(self) -> list[Case]:
        e = self.experiment
        noise = (
            (e.get("corruption") or {}).get("noise") if e.get("corruption") != "prompt" else None
        )
        cases = []
        for pair in [e, *e.get("pairs", [])]:
            clean = pair["clean"]
            corrupted = clean if noise else pair["corrupted"]
            alignment = e.get("alignment") or [(p, p) for p in range(len(clean))]
            metrics = []
            for metric in e["metrics"]:
                own = pair if pair is not e else {}
                answer, wrong = (own.get(k, metric.get(k)) for k in ("answer", "wrong"))
                metrics.append((metric["kind"], tokens_of(answer), tokens_of(wrong)))
            steered = e.get("steered")
            pushes = [
                self._pushes(tokens) if steered in (name, "both") else []
                for name, tokens in (("clean", clean), ("corrupted", corrupted))
            ]
            aligned = [tuple(a) for a in alignment]
            for draw in range(noise["draws"] if noise else 1):
                edits = [self._noise(noise, draw, p) for p in noise["positions"]] if noise else []
                cases.append(Case(clean, corrupted, aligned, metrics, pushes[0], edits + pushes[1]))
        return cases

    def _pushes(self, tokens: list[int]) -> list[Edit]:
        """The steering room's directions, given as vectors, on a run of these tokens."""
        _, plain = self.hooked.activations(tokens)

        def push(direction: dict, layer: int) -> Edit:
            values = next(
                v["values"] for v in direction["source"]["vectors"] if v["layer"] == layer
            )
            vector = torch.tensor(values)
            norm = plain[direction["site"], layer][1:].norm(dim=-1).mean()  # position 0 left out
            unit = norm if direction.get("unit") == "mean_norm" else torch.tensor(1.0)
            chosen = direction.get("positions") or {"all": None}
            rows = chosen["chosen"] if "chosen" in chosen else list(range(len(tokens)))

            def change(x: Tensor) -> Tensor:
                c, u = direction["coefficient"], vector / vector.norm()
                if direction.get("operator", "add") == "add":
                    scale = unit / vector.norm() if direction.get("unit") == "mean_norm" else unit
                    x[rows] += c * scale * vector
                else:  # set_projection
                    x[rows] += (c * unit - x[rows] @ u)[:, None] * u
                return x

            return Edit(direction["site"], layer, change)

        return [push(d, l) for d in self.experiment["steer"]["directions"] for l in d["layers"]]

    def _noise(self, noise: dict, draw: int, position: int) -> Edit:
        """Gaussian noise on the embedding of one position's token."""
        drawn = torch.from_numpy(philox.noise(noise["seed"], draw, position, self.config.n_embd))
        deviation = self.hooked.model.transformer.wte.weight.double().std().float()
        added = drawn * noise["sigma"] * deviation

        def change(x: Tensor) -> Tensor:
            x[position] += added
            return x

        return Edit("embed", None, change)

    # -- what is copied ----------------------------------------------------

    def partner(self, sweep: dict, i: int) -> int:
        """Which case's corrupted run case `i` is resampled from."""
        seed = sweep["bring"]["resample"].get("seed", 0)
        case = self.cases[i]
        length = len(case.corrupted if sweep["mode"] == "denoising" else case.clean)
        others = [j for j, c in enumerate(self.cases) if j != i and len(c.corrupted) == length]
        return others[philox.shuffle(seed + i, len(others))[0]]

    def varied(self, sweep: dict, case: Case) -> tuple[list[int], list[Edit], dict]:
        if sweep["mode"] == "denoising":
            return case.corrupted, case.corrupted_edits, case.corrupted_trace
        return case.clean, case.clean_edits, case.clean_trace

    def source(self, sweep: dict, i: int) -> dict:
        case = self.cases[i]
        bring = sweep.get("bring", "other")
        kind = bring if isinstance(bring, str) else next(iter(bring))
        match kind:
            case "other":
                denoising = sweep["mode"] == "denoising"
                return case.clean_trace if denoising else case.corrupted_trace
            case "zero":
                return {k: torch.zeros_like(x) for k, x in self.varied(sweep, case)[2].items()}
            case "mean":
                return self._means[bool(bring["mean"].get("over_positions", False))]
            case "resample":
                return self.cases[self.partner(sweep, i)].corrupted_trace
            case "prompt":
                return self.hooked.activations(bring["prompt"]["prompt"])[1]
        raise ValueError(kind)

    @cached_property
    def _means(self) -> dict[bool, dict]:
        """Over the corrupted runs of all cases: at each position, and over positions."""
        longest = max(len(c.clean) + len(c.corrupted) for c in self.cases)
        per_position, over = {}, {}
        first = 1 if self.experiment["bos"] else 0  # position 0 is unlike all others
        one_length = len({len(c.corrupted) for c in self.cases}) == 1
        for place in self.cases[0].clean_trace:
            runs = [c.corrupted_trace[place] for c in self.cases]
            if one_length:
                per_position[place] = torch.stack(runs).double().mean(0).float()
            if place[0] != "pattern":
                mean = torch.cat([x[first:] for x in runs]).double().mean(0).float()
                over[place] = mean[None].expand(longest, *mean.shape)
        return {False: per_position, True: over}

    # -- cells -------------------------------------------------------------

    def axes(self, sweep: dict) -> tuple[str, dict]:
        axes = sweep.get("axes")
        if axes is None:
            heads = sweep["site"] in (*HEAD_SITES, "pattern")
            return ("layer_head", {}) if heads else ("layer_position", {"window": 1})
        if isinstance(axes, str):
            return axes, {}
        return next(iter(axes.items()))

    def shape(self, sweep: dict) -> tuple[int, int]:
        kind, of = self.axes(sweep)
        positions = len(self.cases[0].aligned)
        match kind:
            case "layer_position":
                return 1 if sweep["site"] in ONCE_SITES else self.layers, positions
            case "layer_head" | "paths":
                return self.layers, self.heads
            case "head_position":
                return self.layers * self.heads, positions
            case "destination_source":
                return positions, positions
            case "neurons":
                return 1, self.hooked.model.transformer.h[0].mlp.c_fc.nf
            case "parts":
                return 1, 1 if of.get("others") else len(of["parts"]) + 1
        raise ValueError(kind)

    def exists(self, sweep: dict, row: int, column: int) -> bool:
        kind, of = self.axes(sweep)
        if kind == "destination_source":
            return column <= row
        if kind == "paths" and of["receiver"] != "logits":
            name, place = next(iter(of["receiver"].items()))
            # The MLP of the sender's own layer reads what it wrote; heads do not.
            return row <= place["layer"] if name == "mlp" else row < place["layer"]
        return True

    def copies(self, sweep: dict, case: Case, row: int, column: int) -> list[Copy]:
        site = sweep["site"]
        kind, of = self.axes(sweep)
        denoising = sweep["mode"] == "denoising"
        other = sweep.get("bring", "other") == "other"

        def copy(site, layer, i, key=None, **what) -> Copy:
            clean, corrupted = case.aligned[i]
            to, source = (corrupted, clean) if denoising else (clean, corrupted)
            if not other:
                source = to
            place = lambda p: index(site, p, key=key, **what)
            return site, layer, place(to), place(source)

        everywhere = list(range(len(case.aligned)))

        def part(p: dict) -> list[Copy]:
            heads = [p.get("head")]
            if p["site"] in HEAD_SITES and heads == [None]:
                heads = range(self.heads)
            what = {"neurons": p["neurons"]} if p.get("neurons") else {}
            layer = None if p["site"] in ONCE_SITES else p["layer"]
            return [
                copy(p["site"], layer, i, head=head, **what)
                for i in (everywhere if p.get("positions") is None else p["positions"])
                for head in heads
            ]

        match kind:
            case "layer_position":
                window = of.get("window", 1)
                first = max(0, row - window // 2)
                last = min(self.layers, row - (-window // 2))  # as in ROME's causal_trace.py
                if site in ONCE_SITES:
                    return [copy(site, None, column)]
                if site in HEAD_SITES:
                    return [
                        copy(site, l, column, head=h)
                        for l in range(first, last)
                        for h in range(self.heads)
                    ]
                return [copy(site, l, column) for l in range(first, last)]
            case "layer_head":
                positions = of.get("positions")
                return part({"site": site, "layer": row, "head": column, "positions": positions})
            case "head_position":
                layer, head = divmod(row, self.heads)
                return [copy(site, layer, column, head=head)]
            case "destination_source":
                return [copy(site, of["layer"], row, key=column, head=of["head"])]
            case "neurons":
                chosen = {"site": site, "layer": of["layer"], "neurons": [column]}
                return part(chosen | {"positions": of.get("positions")})
            case "parts":
                parts = of["parts"]
                if not of.get("others"):
                    chosen = parts[column : column + 1] or parts
                    return [c for p in chosen for c in part(p)]
                kept = {(c[0], c[1], c[2]) for p in parts for c in part(p)}
                whole = [{"site": "mlp_out", "layer": l} for l in range(self.layers)]
                whole += [{"site": "z", "layer": l} for l in range(self.layers)]
                return [c for p in whole for c in part(p) if (c[0], c[1], c[2]) not in kept]
        raise ValueError(kind)

    def cell(self, sweep: dict, i: int, row: int, column: int, source: dict) -> list[Edit]:
        """The edits of a cell's run, which are added to those of the run that it varies."""
        case = self.cases[i]
        kind, of = self.axes(sweep)
        if kind == "paths":
            return self.path(sweep, case, of, row, column, source)
        return copied(self.copies(sweep, case, row, column), source)

    def path(self, sweep, case, of, layer, head, source) -> list[Edit]:
        """Two passes: what the receiver computes when only the path to it is patched,
        then a pass with the receiver's output put there."""
        tokens, own, trace = self.varied(sweep, case)
        receiver = of["receiver"]
        name, place = (receiver, {}) if receiver == "logits" else next(iter(receiver.items()))
        to = place.get("layer", self.layers - 1)
        sent = {"site": "z", "mode": sweep["mode"], "bring": sweep.get("bring", "other")}
        sent |= {"axes": {"layer_head": {"positions": None}}}
        edits = copied(self.copies(sent, case, layer, head), source)
        site = {"logits": "resid_post", "mlp": "mlp_out"}.get(name, name)
        if of.get("through_mlps"):
            # Every other head as it was, all over the model; MLPs follow.
            def freeze(l):
                def change(z: Tensor) -> Tensor:
                    kept = trace["z", l].clone()
                    if l == layer:
                        kept[:, head] = z[:, head]
                    return kept

                return Edit("z", l, change)

            frozen = [freeze(l) for l in range(self.layers)]
            received = self.hooked.activations(tokens, [*own, *edits, *frozen])[1][site, to]
        else:
            block = self.hooked.model.transformer.h[to]
            width = self.config.n_embd // self.heads
            rows = slice(head * width, (head + 1) * width)
            w_o = self.hooked.model.transformer.h[layer].attn.c_proj.weight[rows]
            z = trace["z", layer].clone()
            for edit in edits:
                z = edit.change(z)
            change = (z[:, head] - trace["z", layer][:, head]) @ w_o
            if name == "logits":
                received = trace[site, to] + change
            elif name == "mlp":
                received = block.mlp.c_proj(
                    block.mlp.act(block.mlp.c_fc(block.ln_2(trace["resid_mid", to] + change)))
                )
            else:
                read = block.ln_1(trace["resid_pre", to] + change)
                made = (read @ block.attn.c_attn.weight + block.attn.c_attn.bias).chunk(3, dim=-1)
                received = made["qkv".index(name)].unflatten(-1, (self.heads, -1))

        def change(x: Tensor) -> Tensor:
            if name in "qkv":
                x[:, place["head"]] = received[:, place["head"]]
                return x
            return received

        return [Edit(site, to, change)]

    def grid(self, sweep: dict, i: int) -> Tensor:
        """[metric, row, column, 3] of one case; NaN where there is no cell."""
        case = self.cases[i]
        rows, columns = self.shape(sweep)
        source = self.source(sweep, i)
        tokens, own, _ = self.varied(sweep, case)
        found = torch.full((len(case.metrics), rows, columns, 3), torch.nan, dtype=torch.float64)
        for row in range(rows):
            for column in range(columns):
                if self.exists(sweep, row, column):
                    edits = [*own, *self.cell(sweep, i, row, column, source)]
                    found[:, row, column] = case.values(self.hooked.logits(tokens, edits)[-1])
        return found

    # -- one cell, closely -------------------------------------------------

    def look(self, cell: dict) -> dict[str, Tensor]:
        """Patterns, logit lens and direct logit attribution of a cell of the first case."""
        case = self.cases[0]
        sweep = self.experiment["sweeps"][cell["sweep"]]
        tokens, own, _ = self.varied(sweep, case)
        edits = self.cell(sweep, 0, cell["row"], cell["column"], self.source(sweep, 0))
        logits, patched = self.hooked.activations(tokens, [*own, *edits])
        body, head = self.hooked.model.transformer, self.hooked.model.lm_head
        runs = {"clean": case.clean_trace, "corrupted": case.corrupted_trace, "patched": patched}
        found = {"metrics": case.values(logits[-1])}

        lens, tops = [], []
        for layer in range(self.layers):
            read = [head(body.ln_f(run["resid_post", layer][-1])) for run in runs.values()]
            lens.append(torch.stack([case.values(r) for r in read]))
            best = [r.topk(2) for r in read]
            # A near tie names nobody.
            tops.append(
                [int(b.indices[0]) if b.values[0] - b.values[1] > CLEAR else -1 for b in best]
            )
        found["lens"] = torch.stack(lens)  # [layer, run, metric, 3]
        found["lens_top"] = torch.tensor(tops)

        kind, of = self.axes(sweep)
        place = {
            "layer_head": (cell["row"], cell["column"]),
            "paths": (cell["row"], cell["column"]),
            "head_position": divmod(cell["row"], self.heads),
            "destination_source": (of.get("layer"), of.get("head")),
        }.get(kind)
        if kind == "parts" and of["parts"]:
            # The part's own head; of all parts together, the first one's.
            part = (of["parts"][cell["column"] :] or of["parts"])[0]
            place = (part["layer"], part.get("head"))
        if place and place[1] is not None:
            for name, run in runs.items():
                found[f"pattern.{name}"] = run["pattern", place[0]][place[1]]

        # What a write changes of the metric's logits if the last LayerNorm's scale is
        # held at the clean run's.
        direction = self.direction(case)
        last = case.clean_trace["resid_post", self.layers - 1][-1]
        scale = ((last - last.mean()).pow(2).mean() + self.config.layer_norm_epsilon).sqrt()
        towards = lambda x: (x - x.mean(-1, keepdim=True)) / scale * body.ln_f.weight @ direction
        heads = []
        for layer in range(self.layers):
            w_o = body.h[layer].attn.c_proj.weight.unflatten(0, (self.heads, -1))
            z = case.clean_trace["z", layer][-1]
            heads.append(towards(torch.einsum("hd,hdc->hc", z, w_o)))
        found["head_attribution"] = torch.stack(heads)
        mlps = [case.clean_trace["mlp_out", layer][-1] for layer in range(self.layers)]
        found["mlp_attribution"] = towards(torch.stack(mlps))
        return found

    def direction(self, case: Case) -> Tensor:
        """The unembedding's direction of the first metric."""
        rows = self.hooked.model.lm_head.weight
        _, answers, wrongs = case.metrics[0]
        direction = rows[answers].mean(0)
        return direction - rows[wrongs].mean(0) if wrongs else direction
