"""GPT-2 as a graph of nodes, in plain PyTorch: each receiver has an input of its own.

Senders are `input` (the token's embedding), heads `aL.hH` (their part of attn_out, without
the bias) and MLPs `mL`; receivers are the heads' queries, keys and values, the MLPs and
`logits` (the last residual stream). An edge `a0.h1->a2.h0<q>` is what one adds to the
other's input. Names and order are those of hannamw/EAP-IG (Hanna et al., 2024).
"""

from collections.abc import Callable

import torch
from torch import Tensor

from plain import RULES, Plain


class Graph:
    """Which senders reach which receivers; senders and receivers in the order of the pass."""

    def __init__(self, layers: int, heads: int):
        self.layers, self.heads = layers, heads
        self.senders, self.receivers, self.before = ["input"], [], []
        self.edges: list[tuple[int, int]] = []  # as EAP-IG lists them
        for l in range(layers):
            names = [f"a{l}.h{h}" for h in range(heads)]
            parts = [[f"{name}<{part}>" for name in names] for part in "qkv"]
            self._receive(sum(parts, []), order=sum(map(list, zip(*parts)), []))
            self.senders += names
            self._receive([f"m{l}"])
            self.senders.append(f"m{l}")
        self._receive(["logits"])
        shape = (len(self.senders), len(self.receivers))
        self.real = torch.arange(shape[0])[:, None] < torch.tensor(self.before)
        # Which receivers belong to which sender's node.
        node = lambda receiver: receiver.split("<")[0]
        self.of = torch.tensor([[node(r) == s for r in self.receivers] for s in self.senders])

    def _receive(self, names: list[str], order: list[str] | None = None) -> None:
        self.receivers += names
        self.before += [len(self.senders)] * len(names)
        into = [self.receivers.index(name) for name in order or names]
        self.edges += [(s, r) for s in range(len(self.senders)) for r in into]

    def name(self, edge: tuple[int, int]) -> str:
        return f"{self.senders[edge[0]]}->{self.receivers[edge[1]]}"

    def flat(self, scores: Tensor) -> Tensor:
        """[sender, receiver, ...] -> [edge, ...]"""
        s, r = torch.tensor(self.edges).T
        return scores[s, r]

    def pruned(self, kept: Tensor) -> Tensor:
        """Without edges from nodes that nothing reaches or into nodes that reach nothing."""
        kept = kept & self.real
        while True:
            reached = (self.of & kept.any(0)).any(1)
            reached[0] = True  # the input
            node = reached & kept.any(1)
            into = (self.of & node[:, None]).any(0)
            into[-1] = True  # the logits
            left = kept & node[:, None] & into
            if left.equal(kept):
                return kept
            kept = left

    def strongest(self, scores: Tensor, n: int) -> Tensor:
        """The n edges of the largest |score|, before they are pruned."""
        order = scores.abs().masked_fill(~self.real, -torch.inf).flatten().argsort(descending=True)
        kept = torch.zeros(self.real.numel(), dtype=torch.bool)
        kept[order[:n]] = True
        return kept.view_as(self.real)

    def greedy(self, scores: Tensor, n: int) -> Tensor:
        """From the logits up: each time the strongest edge into a node that is in already."""
        kept = torch.zeros_like(self.real)
        inside = torch.zeros(len(self.receivers), dtype=torch.bool)
        inside[-1] = True
        for _ in range(n):
            open_ = self.real & inside & ~kept
            best = scores.abs().masked_fill(~open_, -torch.inf).argmax()
            s, r = divmod(best.item(), len(self.receivers))
            kept[s, r] = True
            inside |= self.of[s]
        return kept


class GraphModel(Plain):
    """The same formula, one tensor for what each node sends and each receiver gets."""

    def __init__(self, folder):
        super().__init__(folder)
        self.graph = Graph(self.layers, self.heads)

    def run(
        self,
        tokens: list[int],
        rule: str = "exact",
        embed: Tensor | None = None,
        given: dict[int, Tensor] | None = None,
        kept: Tensor | None = None,
        other: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """The last logits [V], what was sent [sender, T, C], and what each stage received.

        `given` replaces what is sent, by the index of a stage's first sender. Where `kept`
        [sender, receiver] is false, an edge carries `other` [sender, T, C].
        """
        rules, given = RULES[rule], given or {}
        w, H = self.weights, self.heads
        received, sent = [], []

        def send(x: Tensor) -> Tensor:
            """[node, T, C], added to what has been sent."""
            x = given.get(sum(map(len, sent)), x)
            sent.append(x)
            return x

        def receive(stream: Tensor, many: int) -> Tensor:
            """[receiver, T, C]: the stream, each receiver's own."""
            x = stream.expand(many, *stream.shape).clone()
            if kept is not None:
                so_far = torch.cat(sent)
                start = sum(map(len, received))
                out = (~kept[: len(so_far), start : start + many]).to(x.dtype)
                x = x + torch.einsum("sr,stc->rtc", out, other[: len(so_far)] - so_far)
            if not x.requires_grad:
                x.requires_grad_()
            received.append(x)
            return x

        first = w["wte.weight"][tokens] if embed is None else embed
        stream = send(first[None])[0] + w["wpe.weight"][: len(tokens)]
        for l in range(self.layers):
            h = f"h.{l}"
            normal = self.layer_norm(f"{h}.ln_1", receive(stream, 3 * H), rules)
            into = w[f"{h}.attn.c_attn.weight"].unflatten(1, (3 * H, -1))  # [C, 3 H, D]
            bias = w[f"{h}.attn.c_attn.bias"].unflatten(0, (3 * H, -1))
            q, k, v = (torch.einsum("rtc,crd->trd", normal, into) + bias).chunk(3, 1)
            pattern = self.scores(q, k, l).softmax(-1)
            pattern = pattern.detach() if "AH" in rules else pattern
            z = torch.einsum("hqk,khd->hqd", pattern, v)
            out = w[f"{h}.attn.c_proj.weight"].unflatten(0, (H, -1))
            results = send(torch.einsum("htd,hdc->htc", z, out))
            stream = stream + results.sum(0) + w[f"{h}.attn.c_proj.bias"]
            normal = self.layer_norm(f"{h}.ln_2", receive(stream, 1)[0], rules)
            post = self.activate(self.linear(f"{h}.mlp.c_fc", normal), rules)
            stream = stream + send(self.linear(f"{h}.mlp.c_proj", post)[None])[0]
        final = self.layer_norm("ln_f", receive(stream, 1)[0], rules)
        return final[-1] @ self.unembed.T, torch.cat(sent), received


Loss = Callable[[Tensor], Tensor]  # of the last logits [V]; what rises where the metric falls


def scored(change: Tensor, loss: Tensor, received: list[Tensor], before: list[int]) -> Tensor:
    """change . d loss / d received, by edge and position: [sender, receiver, T]."""
    # Where a stage's output was given, nothing of what it received is used.
    found = torch.autograd.grad(loss, received, allow_unused=True)
    gradient = torch.cat([torch.zeros_like(x) if g is None else g for g, x in zip(found, received)])
    scores = torch.einsum("stc,rtc->srt", change, gradient)
    real = torch.arange(len(change))[:, None] < torch.tensor(before)
    return scores * real[..., None]


class Pair:
    """Edge scores of one pair: [sender, receiver, T], `change` being corrupted - clean."""

    def __init__(self, model: GraphModel, clean: list[int], corrupted: list[int], loss: Loss):
        self.model, self.graph, self.loss = model, model.graph, loss
        self.clean, self.corrupted = clean, corrupted
        with torch.no_grad():
            self.logits, self.sent, _ = model.run(clean)
            self.corrupted_logits, self.other, _ = model.run(corrupted)
        self.change = self.other - self.sent

    def _score(self, tokens=None, **how) -> Tensor:
        logits, _, received = self.model.run(tokens or self.clean, **how)
        return scored(self.change, self.loss(logits), received, self.graph.before)

    def eap(self, rule: str = "exact") -> Tensor:
        """Syed et al. (2023): the gradient of the clean run."""
        return self._score(rule=rule)

    def clean_corrupted(self) -> Tensor:
        """The mean of the clean run's gradient and the corrupted run's."""
        return (self._score() + self._score(self.corrupted)) / 2

    def ig_inputs(self, steps: int) -> Tensor:
        """Hanna et al. (2024): embeddings from the corrupted run's on, the clean run's left out."""
        clean, corrupted = self.sent[0], self.other[0]
        way = [corrupted + k / steps * (clean - corrupted) for k in range(steps)]
        return sum(self._score(embed=embed) for embed in way) / steps

    def ig_activations(self, steps: int) -> Tensor:
        """One stage (the input, a layer's heads, an MLP) at a time on its way in the clean run.

        From the first step on to the clean run itself. Every edge has the mean over all
        stages and steps, wherever the stage is.
        """
        heads, total, count = self.model.heads, 0, 0
        stages = [(0, 1)]
        for l in range(self.model.layers):
            start = 1 + l * (heads + 1)
            stages += [(start, start + heads), (start + heads, start + heads + 1)]
        for start, end in stages:
            clean, corrupted = self.sent[start:end], self.other[start:end]
            for k in range(1, steps + 1):
                there = k / steps * clean + (1 - k / steps) * corrupted
                total = total + self._score(given={start: there})
                count += 1
        return total / count

    def circuit(self, kept: Tensor) -> Tensor:
        """The last logits of the clean run where every edge outside carries the corrupted run's."""
        with torch.no_grad():
            return self.model.run(self.clean, kept=kept | ~self.graph.real, other=self.other)[0]

    def exact(self) -> Tensor:
        """By edge, how far the loss rises where that edge alone carries the corrupted run's."""
        scores = torch.zeros(self.graph.real.shape, dtype=self.change.dtype)
        base = self.loss(self.logits)
        for edge in self.graph.edges:
            kept = self.graph.real.clone()
            kept[edge] = False
            scores[edge] = self.loss(self.circuit(kept)) - base
        return scores


def acdc(pairs: list[Pair], loss_of: Callable[[Pair, Tensor], Tensor], tau: float):
    """Conmy et al. (2023): the edges that are kept, and how near a decision came to tau.

    Receivers from the logits down, senders from the latest: an edge goes if the mean loss
    over the pairs is then less than tau above that of the edges kept so far.
    """
    graph = pairs[0].graph
    kept, closest = graph.real.clone(), torch.inf
    measure = lambda kept: torch.stack([loss_of(p, p.circuit(kept)) for p in pairs]).mean().item()
    now = measure(kept)
    for r in reversed(range(len(graph.receivers))):
        for s in reversed(range(graph.before[r])):
            without = kept.clone()
            without[s, r] = False
            then = measure(without)
            closest = min(closest, abs(then - now - tau))
            if then - now < tau:
                kept, now = without, then
    return kept, now, closest
