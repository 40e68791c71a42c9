"""GPT-2: the same weights give the logits of transformers' implementation, and go back into it unchanged."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from genlab.models.autoregressive.gpt import EncodedConditions
from genlab.models.autoregressive.gpt2 import from_gpt2, to_gpt2

transformers = pytest.importorskip("transformers")

NOTHING = EncodedConditions(None, None, None)  # no conditions


@pytest.fixture(scope="module")
def theirs():
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=101, n_positions=24, n_embd=48, n_layer=3, n_head=4, bos_token_id=100, eos_token_id=100
    )
    model = transformers.GPT2LMHeadModel(config).eval()
    for value in model.parameters():  # away from the initial zeros and ones, so that every tensor matters
        torch.nn.init.normal_(value, std=0.5)
    return model


@pytest.fixture(scope="module")
def ours(theirs):
    return from_gpt2(theirs.state_dict(), heads=4)


@torch.no_grad()
def test_logits_are_those_of_transformers(theirs, ours) -> None:
    tokens = torch.randint(101, (3, 24))
    expected = theirs(tokens).logits
    assert expected.std() > 1
    torch.testing.assert_close(ours.logits(ours.hidden(tokens, 0, NOTHING)), expected, rtol=0, atol=1e-4)


@torch.no_grad()
def test_cached_logits_are_those_of_transformers(theirs, ours) -> None:
    tokens = torch.randint(101, (2, 9))
    cache = ours.body.cache(2, 9, ours.table.weight)
    found = torch.cat([ours.hidden(tokens[:, :5], 0, NOTHING, cache), ours.hidden(tokens[:, 5:], 5, NOTHING, cache)], 1)
    torch.testing.assert_close(ours.logits(found), theirs(tokens).logits, rtol=0, atol=1e-4)


@torch.no_grad()
def test_a_text_begins_after_the_end_of_another(theirs, ours) -> None:
    tokens = torch.randint(101, (2, 8))
    after = torch.cat([torch.full((2, 1), 100), tokens], 1)
    expected = theirs(after).logits[:, :-1].log_softmax(-1).gather(2, tokens[..., None])[..., 0]
    torch.testing.assert_close(ours.entries(tokens, {}), expected, rtol=0, atol=1e-4)


def test_weights_go_through_a_file_and_back(theirs, ours, tmp_path: Path) -> None:
    save_file(to_gpt2(ours), tmp_path / "model.safetensors")
    state = load_file(tmp_path / "model.safetensors")
    base = transformers.GPT2Model(theirs.config)
    base.load_state_dict(state)  # strict: every name and shape is there
    for name, value in base.state_dict().items():
        assert torch.equal(value, theirs.transformer.state_dict()[name]), name
    again = from_gpt2(state, heads=4)
    assert all(torch.equal(value, ours.state_dict()[name]) for name, value in again.state_dict().items())


def test_other_weights_are_refused_by_name(theirs, ours) -> None:
    state = to_gpt2(ours)
    missing = {name: value for name, value in state.items() if name != "h.1.mlp.c_fc.bias"}
    with pytest.raises(ValueError, match=r"h\.1\.mlp\.c_fc\.bias"):
        from_gpt2(missing, heads=4)
    with pytest.raises(ValueError, match="wte"):
        from_gpt2({"weight": torch.zeros(2, 2)})
