"""TransformerLens's sweeps, as a server on standard input and output.

    python lens.py MODEL_FOLDER

Reads experiments, one a line, as JSON with `pairs` of clean, corrupted (texts of one
length), answer, wrong (one token each), and the `sites` to sweep; answers each with a
line of JSON: {"seconds", "values"}, a grid a site, of the pairs' mean logit difference.
`seconds` is of the sweeps alone, without the two runs before them. All cores.
"""

import json
import os
import sys
import time

os.environ |= {"HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1"}  # before the imports that read them

import torch
from tokenizers import Tokenizer
from transformer_lens import patching
from transformer_lens.model_bridge import TransformerBridge
from transformers import logging


SWEEPS = {
    "resid_pre": patching.get_act_patch_resid_pre,
    "attn_out": patching.get_act_patch_attn_out,
    "mlp_out": patching.get_act_patch_mlp_out,
    "z": patching.get_act_patch_attn_head_out_all_pos,
    "q": patching.get_act_patch_attn_head_q_all_pos,
    "k": patching.get_act_patch_attn_head_k_all_pos,
    "v": patching.get_act_patch_attn_head_v_all_pos,
    "pattern": patching.get_act_patch_attn_head_pattern_all_pos,
}


def main(folder: str) -> None:
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_grad_enabled(False)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the libraries print goes to standard error
    model = TransformerBridge.boot_transformers(folder, device="cpu", dtype=torch.float32)
    model.eval()
    tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
    end = tokenizer.token_to_id("<|endoftext|>")
    tokens = lambda texts: torch.tensor([[end, *tokenizer.encode(text).ids] for text in texts])
    one = lambda text: tokenizer.encode(text).ids[0]

    def tell(answer: dict) -> None:
        print(json.dumps(answer), file=answers, flush=True)

    tell({"threads": torch.get_num_threads()})
    for line in sys.stdin:
        asked = json.loads(line)
        clean, corrupted, answer, wrong = zip(
            *(
                [pair[key] for key in ("clean", "corrupted", "answer", "wrong")]
                for pair in asked["pairs"]
            )
        )
        answer, wrong = [one(t) for t in answer], [one(t) for t in wrong]
        each = torch.arange(len(answer))
        metric = lambda logits: (logits[each, -1, answer] - logits[each, -1, wrong]).mean()
        _, cache = model.run_with_cache(tokens(clean))
        started = time.perf_counter()
        values = [
            SWEEPS[site](model, tokens(corrupted), cache, metric).tolist()
            for site in asked["sites"]
        ]
        tell({"seconds": time.perf_counter() - started, "values": values})


if __name__ == "__main__":
    main(sys.argv[1])
