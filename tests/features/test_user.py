"""A user's function is taken only once it has shown to be a fixed function of one example."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from genlab.core.space import Space
from genlab.features import user_features
from genlab.features.base import hash_of
from genlab.features.user import features_from_file

PICTURES = Space((1, 4, 4), "CHW", "ordinal", 5)
LINES = Space((6,), "T", "token", 7)
X = torch.randint(5, (600, 1, 4, 4), generator=torch.Generator().manual_seed(0)).to(torch.uint8)


def flat(x):
    return x.flatten(1)


def test_a_function_sees_levels_from_0_to_1_and_is_named():
    features = user_features(flat, PICTURES)
    assert features.name == "flat"
    assert features.dims == 16
    assert not features.fid
    torch.testing.assert_close(features(X), X.flatten(1).double() / 4)
    assert features.protocol["function"].endswith("test_user.flat")
    assert len(features.protocol["source hash"]) == 12
    assert "[0, 1]" in features.protocol["preprocessing"]
    assert user_features(lambda x: x.flatten(1), PICTURES).protocol["source hash"] != features.protocol["source hash"]
    assert user_features(flat, PICTURES, "mine").name == "mine"


def test_tokens_and_real_numbers_come_as_they_are():
    embedding = nn.Embedding(7, 3)
    counts = user_features(lambda x: embedding(x).mean(1), LINES, "mean embedding")
    assert counts.dims == 3
    space = Space((2,), "D", "real", center=(100.0, 2000.0), scale=(1.0, 20.0))
    points = user_features(lambda x: x.log(), space, "logarithms")  # tried where the data are: positive
    x = torch.tensor([[99.0, 3.0]])
    assert points(x).equal(x.log().double())


def test_a_module_is_put_in_eval_mode_and_hashed():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.BatchNorm1d(8), nn.Dropout(0.5))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    features = user_features(net, PICTURES, name="my net")
    values = features(X)
    assert not net.training
    net.train()
    torch.testing.assert_close(features(X), values)
    assert all(value.equal(net.state_dict()[name]) for name, value in before.items())
    assert features.protocol["weights hash"] == hash_of(net)
    with torch.no_grad():
        net[1].weight[0, 0] += 1
    assert user_features(net, PICTURES).protocol["weights hash"] != features.protocol["weights hash"]


def test_weights_of_any_type_have_a_hash():
    net = nn.Linear(3, 3)
    assert len({hash_of(net), hash_of(net.to(torch.bfloat16)), hash_of(net.to(torch.float16))}) == 3


def centred_by_batch(x):
    return x.flatten(1) - x.flatten(1).mean(0)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda x: x, r"must give a tensor \(8, dims\) for 8 examples, it gave \(8, 1, 4, 4\)"),
        (lambda x: x.flatten(), r"it gave \(128,\)"),
        (lambda x: x.flatten(1)[:, :0], r"it gave \(8, 0\)"),
        (lambda x: x.flatten(1)[:3], r"it gave \(3, 16\)"),
        (lambda x: (x.flatten(1),), "it gave tuple"),
        (lambda x: x.flatten(1) / 0 * 0, "not finite for 8 of 8"),
        (lambda x: x.flatten(1) + torch.rand(1), "when asked again"),
        (lambda x: x.flatten(1)[:, : 4 + len(x) % 2], r"\(3, 4\) for 3 examples, it gave \(3, 5\)"),
        (centred_by_batch, "depend on the others of its batch"),
    ],
)
def test_what_is_no_fixed_function_of_one_example_is_refused(function, words):
    with pytest.raises(ValueError, match=words):
        user_features(function, PICTURES)


def test_numbers_that_turn_out_not_finite_are_noticed_in_use():
    features = user_features(lambda x: 1 / (1 - (x.flatten(1).mean(1, keepdim=True) == 1).float()), PICTURES, "inverse")
    with pytest.raises(ValueError, match=r"inverse.*not finite for 1 of 3"):
        features(torch.stack([X[0], torch.full_like(X[0], 4), X[1]]))


def test_only_inceptions_distance_is_called_fid():
    for name in ("FID", "my_fid", "fid-2"):
        with pytest.raises(ValueError, match="not the FID"):
            user_features(flat, PICTURES, name)
    assert user_features(flat, PICTURES, "confident").name == "confident"


# --- from a file -----------------------------------------------------------------------------------------------------

FILE = """
import torch
from my_neighbour import SIZE

class Net(torch.nn.Module):
    def forward(self, x):
        return x.flatten(1)[:, :SIZE]

network = Net()
number = 3

def summed(x):
    return x.flatten(1).sum(1, keepdim=True)
"""


@pytest.fixture
def file(tmp_path):
    (tmp_path / "my_neighbour.py").write_text("SIZE = 5\n")
    path = tmp_path / "functions.py"
    path.write_text(FILE)
    return path


def test_a_file_gives_its_modules_and_functions(file):
    net = features_from_file(f"{file}:network", PICTURES)
    assert (net.name, net.dims) == ("functions.py:network", 5)
    summed = features_from_file(f"{file}:summed", PICTURES)
    assert summed(X[:2]).flatten().tolist() == pytest.approx((X[:2].flatten(1).sum(1) / 4).tolist())
    before = summed.protocol["file hash"]
    file.write_text(FILE + "\n# another\n")
    assert features_from_file(f"{file}:summed", PICTURES).protocol["file hash"] != before


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("sumed", "functions.py has no sumed; did you mean summed"),
        ("zzz", "functions.py has no zzz; it has Net, network, summed"),
        ("Net", "Net is a class; name an instance"),
        ("number", "number is a int"),
    ],
)
def test_a_wrong_name_is_answered_with_the_right_ones(file, name, words):
    with pytest.raises(ValueError, match=words):
        features_from_file(f"{file}:{name}", PICTURES)


def test_a_wrong_file_is_named(file):
    with pytest.raises(ValueError, match=r"no file .*function.py; did you mean .*functions.py"):
        features_from_file(f"{file.with_name('function.py')}:summed", PICTURES)
    file.write_text("import torch\nx = torch.zeros(2) +\n")
    with pytest.raises(ValueError, match=r"functions.py cannot be run: SyntaxError"):
        features_from_file(f"{file}:summed", PICTURES)
