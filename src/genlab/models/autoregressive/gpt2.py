"""GPT-2's published weights, as the library transformers names and lays them out, into a model here and back.

    wte, wpe              vectors of tokens and of positions
    h.N.ln_1, h.N.ln_2    norms before attention and before feed-forward
    h.N.attn.c_attn       queries, keys and values;   h.N.attn.c_proj    back into the residual stream
    h.N.mlp.c_fc          into the feed-forward;      h.N.mlp.c_proj     back
    ln_f                  the last norm; the last linear map is wte

Matrices of linear maps are stored (in, out) there and (out, in) here. GPT-2 has no start token: a text begins after its
end-of-text token, the last of the vocabulary, whose vector becomes the start token's. Radford et al., "Language Models are
Unsupervised Multitask Learners", 2019.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from genlab.core.space import Space
from genlab.models.autoregressive.gpt import GPT, GPTConfig

HEAD = 64  # numbers of a head in every published size

OUTER = {"wpe.weight": "positions.0.weight", "ln_f.weight": "body.norm.weight", "ln_f.bias": "body.norm.bias"}
INNER = {
    "ln_1": "before_attention",
    "attn.c_attn": "attention.qkv",
    "attn.c_proj": "attention.out",
    "ln_2": "before_feed",
    "mlp.c_fc": "feed.into",
    "mlp.c_proj": "feed.out",
}
IGNORED = (".attn.bias", ".attn.masked_bias", "lm_head.weight")  # masks, and the tied map


def from_gpt2(state: Mapping[str, Tensor], heads: int | None = None) -> GPT:
    """A model with these weights, in eval mode, for texts as long as it has positions.

    state   tensors of a file of transformers' GPT-2, with or without the prefix "transformer."
    heads   heads of attention, which do not follow from the weights; by default of 64 numbers each
    ValueError names tensors that are missing or left over.
    """
    state = {name.removeprefix("transformer."): value for name, value in state.items() if not name.endswith(IGNORED)}
    if "wte.weight" not in state or "wpe.weight" not in state:
        raise ValueError("these are not GPT-2's weights: wte.weight and wpe.weight are missing")
    (levels, width), (length, _) = state["wte.weight"].shape, state["wpe.weight"].shape
    layers = len({name.split(".")[1] for name in state if name.startswith("h.")})
    config = GPTConfig(
        layers, heads or max(1, width // HEAD), width, positions="learned", norm="layer", activation="gelu-tanh", qk_norm=False,
        before=1, context=length,
    )  # fmt: skip
    model = GPT(config, Space((length,), "T", "token", levels))
    expected = names(layers)
    if wrong := sorted({*expected, "wte.weight"} ^ set(state)):
        raise ValueError(f"these are not GPT-2's weights: {', '.join(wrong[:4])} missing or left over")
    table = torch.cat([state["wte.weight"], state["wte.weight"][-1:]])
    model.load_state_dict({"table.weight": table} | {ours: _turned(name, state[name]) for name, ours in expected.items()})
    return model.eval()


def to_gpt2(model: GPT) -> dict[str, Tensor]:
    """The weights under GPT-2's names and in its layout; ValueError unless the model has GPT-2's parts."""
    c = model.config
    parts = (c.positions, c.norm, c.activation, c.qk_norm, c.tied, model.lead, model.space.text, not model.given)
    if parts != ("learned", "layer", "gelu-tanh", False, True, 1, True, True):
        raise ValueError(
            "only a text model that is given nothing and has GPT-2's parts can be saved as one: --set model.positions=learned "
            "model.norm=layer model.activation=gelu-tanh model.qk_norm=false model.tied=true model.before=1"
        )
    state = model.state_dict()
    found = {name: _turned(name, state[ours]).contiguous() for name, ours in names(c.layers).items()}
    return {"wte.weight": state["table.weight"][: model.space.levels].contiguous(), **found}


def names(layers: int) -> dict[str, str]:
    """GPT-2's names and ours, of everything but the table of tokens."""
    found = dict(OUTER)
    for layer in range(layers):
        for theirs, ours in INNER.items():
            for part in ("weight", "bias"):
                found[f"h.{layer}.{theirs}.{part}"] = f"body.blocks.{layer}.{ours}.{part}"
    return found


def _turned(name: str, value: Tensor) -> Tensor:
    """Between (in, out) and (out, in), where the tensor is a linear map."""
    return value.T if name.endswith(".weight") and ".c_" in name else value
