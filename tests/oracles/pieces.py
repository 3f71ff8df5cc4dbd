"""The tokens of the mini model's vocabulary that are no whole text, as bytes.

transformers' own tokenizer names each piece, and its `bytes_to_unicode` says which
byte each letter of a piece stands for. Writes values/pieces.json: by id, the bytes in
hexadecimal, of every token whose bytes are not UTF-8. Run by hand:
    <python of the oracles' environment> tests/oracles/pieces.py
"""

import json
from pathlib import Path

from transformers import AutoTokenizer
from transformers.convert_slow_tokenizer import bytes_to_unicode

HERE = Path(__file__).parent


def main():
    tokenizer = AutoTokenizer.from_pretrained(HERE / "../../www/models/mini")
    byte_of = {letter: byte for byte, letter in bytes_to_unicode().items()}
    pieces = {}
    for token in range(len(tokenizer)):
        if token in tokenizer.all_special_ids:
            continue
        piece = bytes(byte_of[c] for c in tokenizer.convert_ids_to_tokens(token))
        try:
            piece.decode()
        except UnicodeDecodeError:
            pieces[token] = piece.hex()
    split = tokenizer(" 😀 naïve 語")["input_ids"]
    out = {"pieces": pieces, "text": " 😀 naïve 語", "split": split}
    text = json.dumps(out, ensure_ascii=False, indent=1)
    (HERE / "values/pieces.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
