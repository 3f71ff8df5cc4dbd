"""The experiments of the patching room that are compared, in the engine's own JSON."""

import numpy as np
from tokenizers import Tokenizer
from torch import Tensor

import prompts
from hooked import Hooked
from prompts import Case

KINDS = (
    "logit_difference",
    "probability",
    "log_probability",
    "probability_difference",
    "rank",
    "kl",
    "cross_entropy",
)
FEW = ("logit_difference", "log_probability", "kl")  # where grids are large
SOME = ("logit_difference", "probability_difference", "rank", "kl")  # where there are many pairs
COMPARING = ("logit_difference", "probability_difference")

# Further pairs for a set, and one whose prompts differ in length.
MINI_SET = [
    (
        "When Tom and Anna went to the park, Tom gave a book to",
        "When Bob and Anna went to the park, Tom gave a book to",
        " Anna",
        " Bob",
    ),
    (
        "When Mary and John went to the shops, Mary gave the bag to",
        "When Mary and John went to the shops, John gave the bag to",
        " John",
        " Mary",
    ),
]
LONGER = {
    "mini": (
        "When John and Mary went to the store, John gave a bottle to",
        "Then, when Bob and Mary went to the store, John gave a bottle to",
    ),
    "random": ("Bob saw the teacher", "Then Rob saw the teacher"),
}


def metrics(answer, wrong, kinds=KINDS) -> list[dict]:
    compared = lambda kind: {"wrong": wrong} if kind in COMPARING else {}
    return [{"kind": kind, "answer": answer} | compared(kind) for kind in kinds]


def sweep(site: str, mode: str = "denoising", axes=None, bring=None) -> dict:
    made = {"site": site, "mode": mode}
    made |= {} if axes is None else {"axes": axes}
    return made | ({} if bring is None else {"bring": bring})


def common_front_and_back(clean: list[int], corrupted: list[int]) -> list[list[int]]:
    """Which positions belong together: what both begin with, and the last of both."""
    front = next(i for i, (a, b) in enumerate(zip(clean, corrupted)) if a != b)
    back = min(len(clean), len(corrupted)) - front
    pairs = [[i, i] for i in range(front)]
    return pairs + [[len(clean) - i, len(corrupted) - i] for i in range(back, 0, -1)]


class Maker:
    def __init__(self, name: str, tokenizer: Tokenizer, hooked: Hooked):
        self.mini = name == "mini"
        self.name, self.tokenizer, self.hooked = name, tokenizer, hooked
        self.config = hooked.model.config
        self.cases = prompts.MINI if self.mini else prompts.RANDOM

    def apart(self, clean: list[int], corrupted: list[int]) -> Tensor:
        """How much likelier the clean run makes each token."""
        difference = self.hooked.logits(clean)[-1] - self.hooked.logits(corrupted)[-1]
        return difference[: self.tokenizer.get_vocab_size()]

    def answers(self, case: Case, clean, corrupted) -> tuple[int, int]:
        apart = self.apart(clean, corrupted)
        one = lambda text, best: prompts.one_token(self.tokenizer, text) if text else int(best)
        return one(case.answer, apart.argmax()), one(case.wrong, apart.argmin())

    def pair(self, which: int, kinds=KINDS, **fields) -> dict:
        case = self.cases[which]
        clean, corrupted = prompts.pair(self.tokenizer, case)
        answer, wrong = self.answers(case, clean, corrupted)
        made = {"version": 2, "bos": case.bos, "clean": clean, "corrupted": corrupted}
        return made | {"metrics": metrics(answer, wrong, kinds)} | fields

    def other_tokens(self, tokens: list[int], seed: int, every: int = 2) -> list[int]:
        """Some tokens after the first replaced by drawn ones."""
        draw = np.random.default_rng(seed)
        made = list(tokens)
        for i in range(1, len(made), every):
            made[i] = int(draw.integers(1, 200))
        return made

    def all(self) -> dict[str, dict]:
        c = self.config
        layers, heads = c.n_layer, c.n_head
        last_layer, middle = layers - 1, layers // 2
        both = ("denoising", "noising")

        by_position = [
            sweep(s, m, "head_position") for m in both for s in ("z", "q", "k", "v", "pattern")
        ]
        if self.mini:  # the noising half of a large grid shows nothing new
            by_position = [
                s for s in by_position if s["mode"] == "denoising" or s["site"] in "z pattern"
            ]
        for layer, head, mode in ((0, heads - 1, "denoising"), (last_layer, 0, "noising")):
            axes = {"destination_source": {"layer": layer, "head": head}}
            by_position.append(sweep("pattern", mode, axes))
        pattern = next(i for i, s in enumerate(by_position) if s["site"] == "pattern")
        made = {
            "heads by position": self.pair(
                0,
                FEW,
                sweeps=by_position,
                cell={"sweep": pattern, "row": (layers - 1) * heads - 1, "column": 3},
            )
        }

        length = len(self.pair(1)["clean"])
        chosen = [1, length - 2, length - 1]
        windows = [
            sweep(site, "denoising", {"layer_position": {"window": w}})
            for w in sorted({1, 2, min(3, layers)})
            for site in ("resid_pre", "attn_out", "mlp_out")
        ]
        windows += [
            sweep(site, "noising", {"layer_position": {"window": 2}})
            for site in ("resid_mid", "resid_post", "z", "mlp_post")
        ]
        windows += [
            sweep(site, mode, {"layer_head": {"positions": chosen}})
            for site, mode in (
                ("z", "denoising"),
                ("q", "noising"),
                ("k", "denoising"),
                ("v", "noising"),
                ("pattern", "denoising"),
                ("z", "noising"),
            )
        ]
        windows += [sweep("z"), sweep("pattern", "noising")]
        windows += [
            sweep("mlp_post", "denoising", {"neurons": {"layer": middle}}),
            sweep("mlp_pre", "noising", {"neurons": {"layer": 0, "positions": chosen}}),
        ]
        made["windows, chosen positions, neurons"] = self.pair(
            1, FEW, sweeps=windows, cell={"sweep": 3, "row": 1, "column": length - 2}
        )

        # What is not once a layer; alone, in sets, under noise and between prompts of different lengths.
        once = ("embed", "pos_embed", "ln_final")
        position = lambda site: {"site": site, "layer": 0, "positions": [1, length - 1]}
        ends = [sweep(site, m) for m in both for site in once]
        ends += [sweep(site, "noising", None, "zero") for site in once]
        ends += [
            sweep(
                "embed",
                m,
                {"parts": {"parts": [*map(position, once), {"site": "embed", "layer": 0}]}},
            )
            for m in both
        ]
        made["before and after the layers"] = self.pair(
            1, sweeps=ends, cell={"sweep": 2, "row": 0, "column": length - 1}
        )

        parts = [
            {"site": "z", "layer": 0, "head": 1},
            {"site": "mlp_out", "layer": middle},
            {"site": "z", "layer": last_layer, "head": 0, "positions": [2, 5]},
            {"site": "mlp_post", "layer": last_layer, "neurons": [0, 7, 11]},
            {"site": "q", "layer": last_layer, "head": 1},
            {"site": "pattern", "layer": middle, "head": 0, "positions": [6]},
            {"site": "attn_out", "layer": 0, "positions": [2]},
            {"site": "v", "layer": middle},
        ]
        circuit = [
            {"site": "z", "layer": 0, "head": 0},
            {"site": "z", "layer": 0, "head": 2, "positions": [2, 3, 4]},
            {"site": "mlp_out", "layer": 0},
            {"site": "z", "layer": last_layer},
            {"site": "mlp_out", "layer": last_layer, "positions": [5, 6]},
        ]
        means = [{"mean": {}}, {"mean": {"over_positions": True}}]
        sweeps = [sweep("z", m, {"parts": {"parts": parts}}) for m in both]
        sweeps += [
            sweep("z", m, {"parts": {"parts": circuit, "others": True}}, bring)
            for m in both
            for bring in (None, *means, "zero")
        ]
        sweeps += [sweep("z", "noising", {"parts": {"parts": [], "others": True}})]
        made["parts"] = self.pair(
            0, sweeps=sweeps, cell={"sweep": 1, "row": 0, "column": len(parts)}
        )

        for which, title in ((1, "brought"), (2, "brought without bos")):
            clean = self.pair(which)["clean"]
            prompt = {"prompt": {"prompt": self.other_tokens(clean, 1)}}
            grids = [
                ("z", None),
                ("mlp_out", None),
                ("v", "head_position"),
                ("pattern", None),
                ("mlp_post", {"layer_position": {"window": 1}}),
            ]
            # Of one pair, the mean at each position is the corrupted run itself: it would
            # change nothing there, so it goes into the clean run.
            sweeps = [
                sweep(
                    site,
                    "denoising" if bring in ("zero", prompt) and i % 2 else "noising",
                    axes,
                    bring,
                )
                for i, (site, axes) in enumerate(grids)
                for bring in ("zero", *means, prompt)
                if not (site == "pattern" and bring == means[1])
            ]
            made[title] = self.pair(
                which, FEW, sweeps=sweeps, cell={"sweep": 1, "row": 1, "column": 0}
            )

        receivers = [
            {n: {"layer": last_layer, "head": h}} for n, h in (("q", 0), ("k", heads - 1), ("v", 1))
        ]
        receivers += [
            {"q": {"layer": 1, "head": 1}},
            {"mlp": {"layer": middle}},
            {"mlp": {"layer": 0}},
            "logits",
        ]
        sweeps = [
            sweep("z", m, {"paths": {"receiver": r, "through_mlps": through}})
            for m in both
            for through in (False, True)
            for r in receivers
        ]
        # A path may bring something else than the other run's, too.
        sweeps += [
            sweep("z", "noising", {"paths": {"receiver": r, "through_mlps": through}}, bring)
            for r, through, bring in (("logits", False, "zero"), (receivers[0], True, means[0]))
        ]
        made["paths"] = self.pair(0, FEW, sweeps=sweeps, cell={"sweep": 7, "row": 0, "column": 1})

        noise = {"positions": [2, 4], "sigma": 1.5, "seed": 7 + (1 << 33), "draws": 3}
        sweeps = [
            sweep("resid_pre"),
            sweep("mlp_out", "denoising", {"layer_position": {"window": min(3, layers)}}),
            sweep("embed"),
            sweep("pos_embed", "noising", None, "zero"),
            sweep("ln_final", "noising"),
            sweep("z", "noising", None, means[0]),
            sweep("v", "denoising", None, {"resample": {"seed": 3}}),
            sweep("pattern", "denoising"),
            sweep("z", "denoising", {"paths": {"receiver": "logits", "through_mlps": True}}),
            sweep("z", "denoising", {"paths": {"receiver": receivers[0]}}),
        ]
        made["noise"] = self.pair(
            0,
            SOME,
            corruption={"noise": noise},
            sweeps=sweeps,
            cell={"sweep": 0, "row": 1, "column": 4},
        )

        made["steered against unsteered"], made["both steered"] = self.steered(receivers)
        made["set"] = self.set(means, circuit)
        made["aligned"] = self.aligned(means, receivers)
        made["sets of tokens"] = self.token_sets()
        return made

    def steered(self, receivers: list) -> list[dict]:
        """Runs that directions act on: what carries the effect of a push, and a patch of steered runs."""
        draw = np.random.default_rng(5)
        vector = lambda layer: {
            "layer": layer,
            "values": draw.normal(size=self.config.n_embd).round(4).tolist(),
        }
        middle = self.config.n_layer // 2

        def direction(site, layers, coefficient, **fields) -> dict:
            source = {"kind": "vectors", "origin": "drawn", "vectors": [vector(l) for l in layers]}
            made = {
                "name": "drawn",
                "source": source,
                "site": site,
                "layers": layers,
                "coefficient": coefficient,
            }
            return made | fields

        one = self.pair(0, FEW)
        one["corrupted"] = one["clean"]
        steer = {
            "prompt": "",
            "directions": [direction("resid_pre", [middle], 0.8, unit="mean_norm")],
        }
        sweeps = [
            sweep(s, m)
            for s in ("resid_pre", "mlp_out", "z", "pattern")
            for m in ("denoising", "noising")
        ]
        sweeps += [
            sweep("z", "denoising", {"paths": {"receiver": "logits"}}),
            sweep("z", "noising", {"paths": {"receiver": receivers[0], "through_mlps": True}}),
        ]
        cell = {"sweep": 4, "row": middle, "column": 1}
        one |= {"steer": steer, "steered": "clean", "sweeps": sweeps, "cell": cell}
        two = self.pair(1, FEW)
        steer = {
            "prompt": "",
            "directions": [
                direction(
                    "resid_post",
                    [0, middle],
                    1.5,
                    operator="set_projection",
                    positions={"chosen": [2, 4]},
                ),
                direction("attn_out", [middle], -0.5),
            ],
        }
        sweeps = [
            sweep("resid_mid"),
            sweep("z", "noising"),
            sweep("k", "denoising", None, "zero"),
            sweep("mlp_out", "noising", None, {"mean": {}}),
        ]
        return [
            one,
            two
            | {
                "steer": steer,
                "steered": "both",
                "sweeps": sweeps,
                "cell": {"sweep": 0, "row": 1, "column": 4},
            },
        ]

    def set(self, means: list, circuit: list) -> dict:
        """Three pairs, each with answers of its own, one of them as a set."""
        made = self.pair(0, SOME)
        pairs = []
        if self.mini:
            for clean, corrupted, answer, wrong in MINI_SET:
                clean, corrupted = prompts.pair(self.tokenizer, Case("", clean, corrupted))
                answer, wrong = (prompts.one_token(self.tokenizer, t) for t in (answer, wrong))
                pairs.append(
                    {"clean": clean, "corrupted": corrupted, "answer": answer, "wrong": wrong}
                )
        else:
            for seed in (1, 2):
                clean = self.other_tokens(made["clean"], seed)
                corrupted = self.other_tokens(clean, seed + 10, every=5)
                apart = self.apart(clean, corrupted)
                pairs.append(
                    {
                        "clean": clean,
                        "corrupted": corrupted,
                        "answer": int(apart.argmax()),
                        "wrong": int(apart.argmin()),
                    }
                )
        pairs[0]["answer"] = [pairs[0]["answer"], made["metrics"][0]["wrong"]]
        resample = {"resample": {"seed": 5}}
        sweeps = [
            sweep("resid_pre"),
            sweep("z", "noising"),
            sweep("pattern"),
            *[sweep("z", "noising", None, bring) for bring in (*means, resample, "zero")],
            sweep("z", "noising", {"parts": {"parts": circuit, "others": True}}, means[0]),
            sweep("v", "denoising", None, means[0]),
            sweep("mlp_out", "denoising", None, resample),
            sweep("pattern", "noising", None, resample),
            sweep("k", "denoising", {"layer_head": {"positions": [2, 3]}}, {"resample": {}}),
            sweep("z", "noising", {"paths": {"receiver": "logits"}}),
            sweep(
                "z", "noising", {"paths": {"receiver": {"mlp": {"layer": 1}}, "through_mlps": True}}
            ),
        ]
        cell = {"sweep": 2, "row": 1, "column": 1}
        return made | {"pairs": pairs, "sweeps": sweeps, "cell": cell}

    def aligned(self, means: list, receivers: list) -> dict:
        texts = LONGER["mini" if self.mini else "random"]
        clean, corrupted = (prompts.tokens(self.tokenizer, text, True) for text in texts)
        if len(clean) == len(corrupted):
            raise AssertionError("the aligned prompts should differ in length")
        answer, wrong = self.answers(self.cases[0], clean, corrupted)
        alignment = common_front_and_back(clean, corrupted)
        chosen = [2, len(alignment) - 1]
        sweeps = [
            sweep(site, mode)
            for mode in ("denoising", "noising")
            for site in ("resid_pre", "mlp_out", "z")
        ]
        sweeps += [sweep("z", m, "head_position") for m in ("denoising", "noising")]
        sweeps += [sweep(site) for site in ("embed", "pos_embed", "ln_final")]
        sweeps += [
            sweep("k", "noising", {"layer_head": {"positions": chosen}}),
            sweep("v", "denoising", None, "zero"),
            sweep("z", "noising", None, means[1]),
            sweep("mlp_post", "denoising", {"neurons": {"layer": 1, "positions": chosen}}),
        ]
        sweeps += [
            sweep("z", m, {"paths": {"receiver": r, "through_mlps": t}})
            for m, r, t in (
                ("denoising", receivers[1], False),
                ("noising", receivers[0], True),
                ("denoising", "logits", True),
                ("noising", {"mlp": {"layer": 1}}, False),
            )
        ]
        return {
            "version": 2,
            "bos": True,
            "clean": clean,
            "corrupted": corrupted,
            "alignment": alignment,
            "metrics": metrics(answer, wrong, FEW),
            "sweeps": sweeps,
            "cell": {"sweep": 6, "row": 1, "column": len(alignment) - 2},
        }

    def token_sets(self) -> dict:
        """Every metric with sets of tokens, and on another pair."""
        made = self.pair(1)
        order = self.apart(made["clean"], made["corrupted"]).argsort(descending=True).tolist()
        answers, wrongs = order[:3], order[-2:]
        sweeps = [sweep("resid_post", "noising"), sweep("attn_out"), sweep("q", "noising")]
        cell = {"sweep": 1, "row": 1, "column": len(made["clean"]) - 1}
        return made | {"metrics": metrics(answers, wrongs), "sweeps": sweeps, "cell": cell}
