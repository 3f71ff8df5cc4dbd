"""TransformerLens's residual-stream sweep, as a server on standard input and output.

    python lens.py MODEL_FOLDER

Reads experiments, one a line, as JSON with clean, corrupted (texts), answer, wrong
(one token each); answers each with a line of JSON: {"seconds", "values"}. `seconds`
is of `get_act_patch_resid_pre` alone, without the two runs before it. All cores.
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
    tokens = lambda text: torch.tensor([[end, *tokenizer.encode(text).ids]])

    def tell(answer: dict) -> None:
        print(json.dumps(answer), file=answers, flush=True)

    tell({"threads": torch.get_num_threads()})
    for line in sys.stdin:
        asked = json.loads(line)
        [answer], [wrong] = (tokenizer.encode(asked[key]).ids for key in ("answer", "wrong"))
        metric = lambda logits: logits[0, -1, answer] - logits[0, -1, wrong]
        _, cache = model.run_with_cache(tokens(asked["clean"]))
        started = time.perf_counter()
        values = patching.get_act_patch_resid_pre(model, tokens(asked["corrupted"]), cache, metric)
        tell({"seconds": time.perf_counter() - started, "values": values.tolist()})


if __name__ == "__main__":
    main(sys.argv[1])
