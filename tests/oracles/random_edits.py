"""Random edits of every kind, and the logits they lead to.

An edit is written as {site, layer, position, head, op, coef, vector}: position
null is every position, head is null off the heads' sites, coef and vector are
null where the op takes none.
"""

import numpy as np
import torch
from torch import Tensor

from hooked import HEAD_SITES, NEURON_SITES, STREAM_SITES, Edit, Hooked

SITES = (*STREAM_SITES, *HEAD_SITES, *NEURON_SITES, "pattern")
OPS = ("replace", "add", "zero", "scale", "project_out")


def change(op: str, x: Tensor, coef: float | None, vector: Tensor | None) -> Tensor:
    match op:
        case "replace":
            return vector.expand_as(x)
        case "add":
            return x + coef * vector
        case "zero":
            return torch.zeros_like(x)
        case "scale":
            return coef * x
        case "project_out":
            unit = vector / vector.norm()
            return x - (x @ unit)[..., None] * unit
    raise ValueError(f"unknown op {op!r}")


def as_edit(record: dict, vector: Tensor | None) -> Edit:
    head, op, coef = record["head"], record["op"], record["coef"]
    where = slice(None) if record["position"] is None else record["position"]
    if head is not None:
        where = (head, where) if record["site"] == "pattern" else (where, head)

    def edited(x: Tensor) -> Tensor:
        x[where] = change(op, x[where], coef, vector)
        return x

    return Edit(record["site"], record["layer"], edited)


def draw(random, kept: dict, layers: int, site: str, op: str) -> tuple[dict, Tensor | None]:
    """A random place for this op at this site, and the vector it takes, scaled to the site."""
    layer = int(random.integers(layers))
    here = kept[site, layer]
    length = kept["embed", None].shape[0]
    position = None if random.random() < 0.15 else int(random.integers(length))
    head = None
    if site in HEAD_SITES:
        head = int(random.integers(here.shape[1]))
    elif site == "pattern":
        head = int(random.integers(here.shape[0]))
        # A row of a pattern is weights over the keys up to it, so it is only
        # replaced by such a row, of one position.
        op = "replace" if op in ("add", "project_out") else op
        if op == "replace" and position is None:
            position = length - 1
    coef = vector = None
    if op in ("add", "scale"):
        coef = round(float(random.uniform(-2.0, 2.5)), 2)
    if op in ("replace", "add", "project_out"):
        if site == "pattern":
            row = np.zeros(length)
            row[: position + 1] = random.dirichlet(np.ones(position + 1))
        else:
            row = random.standard_normal(here.shape[-1]) * here.square().mean().sqrt().item()
        vector = torch.from_numpy(row).float()
    record = {"site": site, "layer": layer, "position": position, "head": head}
    return record | {"op": op, "coef": coef, "vector": None}, vector


def write(
    hooked: Hooked, tokens: list[int], case: int, singles: int, sets: int, seed: int, compare
) -> tuple[list[dict], list[dict], dict[str, Tensor]]:
    """`singles` runs of `tokens` with one edit each and `sets` with two to four; their arrays.

    `compare` is called with the edits and the logits [T, V] of every run.
    """
    random = np.random.default_rng(seed)
    layers = hooked.model.config.n_layer
    plain, kept = hooked.activations(tokens)
    arrays: dict[str, Tensor] = {}

    def drawn(key: str, site: str, op: str) -> tuple[dict, Edit]:
        record, vector = draw(random, kept, layers, site, op)
        if vector is not None:
            record["vector"] = f"{key}.vector"
            arrays[record["vector"]] = vector
        return record, as_edit(record, vector)

    def outcome(key: str, edits: list[Edit]) -> dict:
        every = hooked.logits(tokens, edits)
        compare(edits, every)
        logits = every[-1]
        arrays[f"{key}.logits"] = logits
        moved = (logits - plain[-1]).abs().max().item()
        return {"case": case, "logits": f"{key}.logits", "moved": float(f"{moved:.6g}")}

    # Every site comes up before any is repeated, likewise every op.
    single = []
    for i in range(singles):
        site, op = SITES[i % len(SITES)], OPS[(i + i // len(SITES)) % len(OPS)]
        record, edit = drawn(f"edit{i}", site, op)
        single.append(record | outcome(f"edit{i}", [edit]))

    together = []
    for i in range(sets):
        made = []
        for j in range(int(random.integers(2, 5))):
            site, op = SITES[random.integers(len(SITES))], OPS[random.integers(len(OPS))]
            made.append(drawn(f"set{i}.edit{j}", site, op))
        records = [record for record, _ in made]
        together.append({"edits": records} | outcome(f"set{i}", [edit for _, edit in made]))
    return single, together, arrays
