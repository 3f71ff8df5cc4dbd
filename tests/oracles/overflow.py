"""What PyTorch makes of a steering vector that is longer and longer, in float32.

The row of the unembedding of one token, times each coefficient, is added to the
residual stream before layer 2 at every position of a prompt. From some length on
LayerNorm's sum of squares overflows and what follows are zeros or no numbers:
`right` says whether the same addition in float64 gives the same logits.

Writes values/overflow.json. Run by hand:
    <python of the oracles' environment> tests/oracles/overflow.py
"""

import json
from pathlib import Path

import torch
from transformers import GPT2LMHeadModel

HERE = Path(__file__).parent
MINI = HERE / "../../www/models/mini"
PROMPT = [2891, 40, 1842, 262]
TOKEN = 345
LAYER = 2


def logits(model, coefficient):
    row = model.transformer.wte.weight[TOKEN].detach() * coefficient

    def push(_, args):
        return (args[0] + row, *args[1:])

    hook = model.transformer.h[LAYER].register_forward_pre_hook(push)
    try:
        with torch.no_grad():
            return model(torch.tensor([PROMPT])).logits[0, -1]
    finally:
        hook.remove()


def main():
    torch.set_num_threads(1)
    load = lambda dtype: GPT2LMHeadModel.from_pretrained(
        MINI, dtype=dtype, attn_implementation="eager"
    ).eval()
    single, double = load(torch.float32), load(torch.float64)
    length = single.transformer.wte.weight[TOKEN].norm().item()
    cases = []
    for power in [1, 3, 6, 12, 15, 18, 19, 20, 21, 25, 30, 36]:
        coefficient = float(f"1e{power}")
        found, exact = logits(single, coefficient), logits(double, coefficient)
        finite = bool(torch.isfinite(found).all())
        off = (found.double() - exact).abs().max().item() if finite else None
        cases.append(
            {
                "coefficient": coefficient,
                "length": length * coefficient,
                "finite": finite,
                "right": finite and off < 1e-2,
                "off": off,
                "logits": [round(x, 5) for x in found[:8].tolist()]
                if finite and off < 1e-2
                else [],
            }
        )
        print(cases[-1])
    out = {"prompt": PROMPT, "token": TOKEN, "layer": LAYER, "cases": cases}
    (HERE / "values/overflow.json").write_text(json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    main()
