"""The grids of the patching room from TransformerLens's own functions."""

import pandas
import torch
from torch import Tensor
from transformer_lens import patching

from lens import SWEEPS, Lens
from reference import Reference

BY_POSITION = {
    "z": patching.get_act_patch_attn_head_out_by_pos,
    "q": patching.get_act_patch_attn_head_q_by_pos,
    "k": patching.get_act_patch_attn_head_k_by_pos,
    "v": patching.get_act_patch_attn_head_v_by_pos,
    "pattern": patching.get_act_patch_attn_head_pattern_by_pos,
}
EVERY = 13  # of cells that are run with the hooks' own edits: prime to the grids' sizes


def agree(lens: Lens, reference: Reference, sweep: dict, found: Tensor, agreement) -> None:
    """`found` is the first case's grid of the first metric."""
    kind, of = reference.axes(sweep)
    case = reference.cases[0]
    name = f"{kind} {sweep['site']}"
    some_cells(lens, reference, sweep, found, agreement)
    plain = (
        sweep.get("bring", "other") == "other"
        and not case.clean_edits
        and not case.corrupted_edits
        and "alignment" not in reference.experiment
    )
    if not plain:
        return
    denoising = sweep["mode"] == "denoising"
    into, source = (case.corrupted, case.clean) if denoising else (case.clean, case.corrupted)
    tokens, cache = torch.tensor([into]), lens.activations(source)[1]
    metric = lambda logits: case.values(logits[0, -1])[0, 0].float()
    if kind == "head_position":
        theirs = BY_POSITION[sweep["site"]](lens.model, tokens, cache, metric)
        if sweep["site"] != "pattern":
            theirs = theirs.transpose(1, 2)  # [layer, position, head]
        agreement.check(name, found.float(), theirs.flatten(0, 1))
    elif kind == "destination_source":
        length = len(into)
        cells = [(d, s) for d in range(length) for s in range(d + 1)]
        index = pandas.DataFrame(
            [(of["layer"], of["head"], d, s) for d, s in cells],
            columns=["layer", "head_index", "dest_pos", "src_pos"],
        )
        # The function `get_act_patch_attn_head_pattern_dest_src_pos`, for one head.
        theirs = patching.generic_activation_patch(
            lens.model,
            tokens,
            cache,
            metric,
            patch_setter=patching.layer_head_dest_src_pos_pattern_patch_setter,
            activation_name="pattern",
            index_df=index,
        )
        agreement.check(name, torch.stack([found[c] for c in cells]).float(), theirs)
    elif (
        kind == "layer_position"
        and of.get("window", 1) == 1
        and sweep["site"] in SWEEPS
        and sweep["site"] not in BY_POSITION
    ) or (kind == "layer_head" and of.get("positions") is None):
        theirs = lens.sweep(sweep["site"], into, cache, lambda logits: metric(logits[None]))
        agreement.check(name, found.float(), theirs)
    elif kind == "paths" and not of.get("through_mlps"):
        direct_path(lens, of["receiver"], (tokens, cache, into), found, metric, agreement)


def direct_path(lens, receiver, run, found, metric, agreement) -> None:
    """TransformerLens's exact `get_act_patch_direct_path`, sender by sender."""
    name, place = ("logits", {}) if receiver == "logits" else next(iter(receiver.items()))
    if name not in ("q", "k", "v"):
        return  # it has no such receivers
    tokens, source, into = run
    own = lens.activations(into)[1]
    for layer in range(place["layer"]):
        for head in range(found.shape[1]):
            theirs = patching.get_act_patch_direct_path(
                lens.model, tokens, source, own, metric, layer, head, name, verbose=False
            )
            theirs = theirs[place["layer"], place["head"]]
            agreement.check(f"direct path to {name}", found[layer, head].float(), theirs)


def some_cells(lens, reference, sweep, found, agreement) -> None:
    case = reference.cases[0]
    tokens, own, _ = reference.varied(sweep, case)
    source = reference.source(sweep, 0)
    kind, _ = reference.axes(sweep)
    rows, columns = found.shape
    for cell in range(0, rows * columns, EVERY):
        row, column = divmod(cell, columns)
        if reference.exists(sweep, row, column):
            edits = [*own, *reference.cell(sweep, 0, row, column, source)]
            theirs = case.values(lens.edited(tokens, edits)[-1])[0, 0]
            agreement.check(f"cells of {kind}", found[row, column], theirs)
