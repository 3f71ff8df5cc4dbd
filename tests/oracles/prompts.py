"""The prompt pairs of each model, and how they become tokens."""

from dataclasses import dataclass

from tokenizers import Tokenizer

END_OF_TEXT = "<|endoftext|>"


@dataclass(frozen=True)
class Case:
    """A clean and a corrupted prompt of as many tokens; bos puts <|endoftext|> before both.

    Without an answer, the two tokens between which the runs differ most are taken.
    """

    name: str
    clean: str
    corrupted: str
    bos: bool = True
    answer: str | None = None
    wrong: str | None = None


RANDOM = [
    Case("first", "Bob saw the teacher 🙂", "Rob saw the teacher 🙂"),
    Case("late", "The student sent the tea to Kim", "The student sent the tea to Jim"),
    Case("no bos", "1 2 4 8 16 32", "3 2 4 8 16 32", bos=False),
]

MINI = [
    Case(
        "name",
        "When John and Mary went to the store, John gave a bottle to",
        "When Bob and Mary went to the store, John gave a bottle to",
        answer=" Mary",
        wrong=" Bob",
    ),
    Case(
        "giver",
        "When John and Mary went to the shops, John gave the bag to",
        "When John and Mary went to the shops, Mary gave the bag to",
        answer=" Mary",
        wrong=" John",
    ),
    Case(
        "years",
        "The war lasted from the year 1761 to the year 17",
        "The war lasted from the year 1728 to the year 17",
        bos=False,
        answer="80",
        wrong="50",
    ),
]


def tokens(tokenizer: Tokenizer, text: str, bos: bool) -> list[int]:
    ids = tokenizer.encode(text).ids
    if tokenizer.decode(ids) != text:
        raise ValueError(f"{text!r} does not survive the tokenizer: {tokenizer.decode(ids)!r}")
    return [tokenizer.token_to_id(END_OF_TEXT), *ids] if bos else ids


def one_token(tokenizer: Tokenizer, text: str) -> int:
    ids = tokenizer.encode(text).ids
    if len(ids) != 1:
        raise ValueError(f"answer {text!r} is {len(ids)} tokens, 1 expected")
    return ids[0]


def pair(tokenizer: Tokenizer, case: Case) -> tuple[list[int], list[int]]:
    """The clean and the corrupted tokens, which must be as many and differ somewhere."""
    clean = tokens(tokenizer, case.clean, case.bos)
    corrupted = tokens(tokenizer, case.corrupted, case.bos)
    if len(clean) != len(corrupted) or clean == corrupted:
        raise ValueError(f"{case.name}: {len(clean)} clean tokens, {len(corrupted)} corrupted")
    return clean, corrupted
