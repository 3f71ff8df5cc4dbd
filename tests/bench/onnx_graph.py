"""GPT-2 as an ONNX graph, from a folder's config.json and model.safetensors.

    python onnx_graph.py MODEL_FOLDER OUT_FOLDER

Writes pass.onnx (token ids in, the last position's logits out), step.onnx (the
same with a KV cache, for generation) and weights.bin, which both refer to. The
graph is what exporters make of transformers' GPT-2, after the fusions that ONNX
Runtime would do: Gemm for Conv1D, LayerNormalization, FastGelu. Like the engine
it computes the logits of the last position alone.

n new positions, P past ones, C = n_embd, H heads, D = C / H, V vocabulary.
"""

import json
import sys
from pathlib import Path

import numpy as np
from onnx import TensorProto, checker, helper, save
from safetensors import safe_open

# ONNX Runtime takes external data from any offset that its pages can map.
ALIGN = 4096


class External:
    """The tensors, one after the other in one file."""

    def __init__(self, path: Path):
        self.path, self.file, self.at = path, open(path, "wb"), {}

    def add(self, name: str, array: np.ndarray) -> None:
        self.file.seek(-self.file.tell() % ALIGN, 1)
        offset = self.file.tell()
        data = np.ascontiguousarray(array, dtype="<f4").tobytes()
        self.file.write(data)
        self.at[name] = (array.shape, offset, len(data))

    def initializer(self, name: str):
        shape, offset, length = self.at[name]
        tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape)
        tensor.data_location = TensorProto.EXTERNAL
        about = {"location": self.path.name, "offset": str(offset), "length": str(length)}
        for key, value in about.items():
            tensor.external_data.add(key=key, value=value)
        return tensor


class Graph:
    def __init__(self, external: External, config: dict, cached: bool):
        self.external, self.config, self.cached = external, config, cached
        self.nodes, self.constants = [], {}

    def op(self, kind: str, *inputs: str, outputs: int = 1, domain: str = "", **attributes):
        names = [f"{kind}_{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, domain=domain, **attributes))
        return names[0] if outputs == 1 else names

    def constant(self, name: str, values) -> str:
        array = np.asarray(values)
        kind = TensorProto.INT64 if array.dtype.kind == "i" else TensorProto.FLOAT
        self.constants[name] = helper.make_tensor(name, kind, array.shape, array.flatten().tolist())
        return name

    def layer_norm(self, x: str, key: str) -> str:
        epsilon = self.config["layer_norm_epsilon"]
        return self.op("LayerNormalization", x, f"{key}.weight", f"{key}.bias", epsilon=epsilon)

    def linear(self, x: str, key: str) -> str:
        return self.op("Gemm", x, f"{key}.weight", f"{key}.bias")

    def heads(self, x: str, perm: list[int]) -> str:
        """[n, C] -> [H, n, D], or transposed for keys."""
        split = self.op("Reshape", x, self.constant("split", [0, self.config["n_head"], -1]))
        return self.op("Transpose", split, perm=perm)

    def attention(self, x: str, layer: int) -> str:
        """[n, C]; `x` is normalised. Keys are kept as [H, D, P], values as [H, P, D]."""
        h, C = f"h.{layer}.attn", self.config["n_embd"]
        qkv = self.linear(x, f"{h}.c_attn")
        q, k, v = self.op("Split", qkv, self.constant("thirds", [C, C, C]), outputs=3, axis=1)
        q = self.heads(q, [1, 0, 2])
        k = self.heads(k, [1, 2, 0])
        v = self.heads(v, [1, 0, 2])
        if self.cached:
            for name, new, axis in (("k", k, 2), ("v", v, 1)):
                self.nodes.append(
                    helper.make_node(
                        "Concat",
                        [f"past.{layer}.{name}", new],
                        [f"present.{layer}.{name}"],
                        axis=axis,
                    )
                )
            k, v = f"present.{layer}.k", f"present.{layer}.v"
        scale = self.constant("scale", np.float32((C / self.config["n_head"]) ** -0.5))
        scores = self.op("Mul", self.op("MatMul", q, k), scale)
        pattern = self.op("Softmax", self.op("Add", scores, "mask"), axis=-1)
        z = self.op("Transpose", self.op("MatMul", pattern, v), perm=[1, 0, 2])
        z = self.op("Reshape", z, self.constant("join", [0, C]))
        return self.linear(z, f"{h}.c_proj")

    def build(self):
        wte = self.op("Gather", "wte.weight", "ids")
        x = self.op("Add", wte, self.op("Gather", "wpe.weight", "positions"))
        for layer in range(self.config["n_layer"]):
            h = f"h.{layer}"
            x = self.op("Add", x, self.attention(self.layer_norm(x, f"{h}.ln_1"), layer))
            inner = self.linear(self.layer_norm(x, f"{h}.ln_2"), f"{h}.mlp.c_fc")
            inner = self.op("FastGelu", inner, domain="com.microsoft")
            x = self.op("Add", x, self.linear(inner, f"{h}.mlp.c_proj"))
        last = self.op("Gather", x, self.constant("last", [-1]))
        last = self.layer_norm(last, "ln_f")
        self.nodes.append(helper.make_node("MatMul", [last, "lm_head.weight"], ["logits"]))
        return self.model()

    def model(self):
        f, i = TensorProto.FLOAT, TensorProto.INT64
        H, D = self.config["n_head"], self.config["n_embd"] // self.config["n_head"]
        value = helper.make_tensor_value_info
        inputs = [
            value("ids", i, ["n"]),
            value("positions", i, ["n"]),
            value("mask", f, ["n", "keys"]),
        ]
        outputs = [value("logits", f, [1, self.config["vocab_size"]])]
        for layer in range(self.config["n_layer"]) if self.cached else ():
            for name, shape in (("k", [H, D, "{}"]), ("v", [H, "{}", D])):
                of = lambda length: [s if s != "{}" else length for s in shape]
                inputs.append(value(f"past.{layer}.{name}", f, of("P")))
                outputs.append(value(f"present.{layer}.{name}", f, of("keys")))
        used = {name for node in self.nodes for name in node.input}
        initializers = [self.external.initializer(n) for n in self.external.at if n in used]
        initializers += self.constants.values()
        graph = helper.make_graph(self.nodes, "gpt2", inputs, outputs, initializers)
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def main(folder: Path, out: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    out.mkdir(parents=True, exist_ok=True)
    external = External(out / "weights.bin")
    with safe_open(folder / "model.safetensors", "np") as file:
        for key in file.keys():
            if not key.endswith(".attn.bias"):  # the causal masks
                external.add(key, file.get_tensor(key))
        # Exporters store the tied unembedding once more, the way MatMul reads it.
        external.add("lm_head.weight", file.get_tensor("wte.weight").T)
    external.file.close()
    for name, cached in (("pass", False), ("step", True)):
        path = out / f"{name}.onnx"
        save(Graph(external, config, cached).build(), path)
        checker.check_model(str(path))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
