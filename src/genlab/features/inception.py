"""Features of TensorFlow's Inception-v3: the ones, and the only ones, in which a distance is called FID.

Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium", 2017. Published FIDs rest
on one set of weights, TensorFlow's of 2015-12-05; the port to PyTorch that most papers use keeps them in one published file.
It is too large to come with genlab, so it is the user's to fetch: named on the command line or by a variable, and known by
its SHA-256.

Pictures are resized as that port does it (torch's bilinear `interpolate` with its defaults: centres of pixels lie at halves,
no antialiasing) and run from -1 to 1. The original graph resized with TensorFlow 1's own bilinear filter; the port's author
measured a difference of 0.08 in one FID.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from torch import Tensor
from torch.nn.functional import interpolate

from genlab.core.space import Space
from genlab.features.base import Features, colours, hash_of, in_parts
from genlab.features.inception_net import DIMS, OUTPUTS, SIDE, Inception

FILE = "pt_inception-2015-12-05-6726825d.pth"
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
BYTES = 95_628_359
# hash_of(network) with the verified file, which a conversion must have too. It is not known yet: whoever loads the file reads
# it as the protocol's weights hash and can write it here. Until then a distance with a conversion is not called FID.
TENSORS = ""
RELEASE = "the release fid_weights of github.com/mseitzer/pytorch-fid"
VARIABLE = "GENLAB_INCEPTION"
HELP = (
    f"the weights are not part of genlab: get {FILE} ({BYTES:,} bytes) from {RELEASE} "
    f"and say --features inception=FILE or set {VARIABLE}=FILE"
)
PART = 32  # pictures computed at once


def inception_file(path: str | Path | None = None) -> Path | None:
    """The file of weights: `path`, or else $GENLAB_INCEPTION; None where neither is set. The file need not exist."""
    given = str(path or "") or os.environ.get(VARIABLE, "")
    return Path(given).expanduser() if given else None


def inception_features(space: Space, path: str | Path | None = None, device: torch.device | str = "cpu") -> Features:
    """Features of pictures from the published weights, or from a conversion of them to .safetensors.

    path    of the weights; without it $GENLAB_INCEPTION
    ValueError where there are no weights (it says how to get them), or where they are not the published ones.
    """
    colours(torch.zeros(1, *space.shape), space)
    file = inception_file(path)
    if file is None:
        raise ValueError(f"features inception: {HELP}")
    net, origin, verified = inception(file)
    net.eval().requires_grad_(False).to(device).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def function(x: Tensor) -> Tensor:
        return net(resized(x.to(device), space))

    about = {
        "features": f"Inception-v3 of TensorFlow (2015-12-05), mean over the last grid, {origin}",
        "dims": DIMS,
        "preprocessing": "levels to [0, 1], grey repeated to 3 channels, "
        f"bilinear to {SIDE} x {SIDE} (torch, align_corners=False, no antialiasing), then 2 x - 1",
        "weights hash": hash_of(net),
        "classes": f"{OUTPUTS} outputs, softmax without bias",
    }
    name = "Inception features" if verified else "Inception features, weights not verified"
    parts = in_parts(function, PART)
    classify = in_parts(lambda x: net.classify(function(x)), PART) if verified else None  # no Inception score without them
    return Features(name, DIMS, parts, about, classify, fid=verified)


def resized(x: Tensor, space: Space) -> Tensor:
    """(B, C, H, W) in the data's units -> (B, 3, 299, 299) in [-1, 1]."""
    return 2 * interpolate(colours(x, space), size=(SIDE, SIDE), mode="bilinear", align_corners=False) - 1


def inception(file: Path) -> tuple[Inception, str, bool]:
    """(network with a file's weights, their origin in words, whether they are the published ones)."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ValueError(f"{file} cannot be read ({error.strerror or error}); {HELP}") from None
    if file.suffix == ".safetensors":
        return _converted(file, content)
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256:
        raise ValueError(
            f"{file} is not {FILE}: its SHA-256 is {found} ({len(content):,} bytes), "
            f"expected {SHA256} ({BYTES:,} bytes). Fetch it again from {RELEASE}"
        )
    # A foreign format that can hold code. It is read only after its hash has shown it to be the published file, from the
    # bytes that were hashed, and as plain tensors. genlab's own files are never of this kind.
    state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    return _filled(file, state), f"SHA-256 {found}", True


def _converted(file: Path, content: bytes) -> tuple[Inception, str, bool]:
    try:
        state = load_safetensors(content)
    except SafetensorError as error:
        raise ValueError(f"{file} is no file of safetensors ({error}); {HELP}") from None
    net = _filled(file, state)
    verified = hash_of(net) == TENSORS
    return (
        net,
        "a conversion of the published weights" if verified else f"an unverified conversion, {file.name}",
        verified,
    )


def _filled(file: Path, state: Mapping[str, Any]) -> Inception:
    """A network with these tensors; ValueError names the first that does not fit."""
    net = Inception()
    expected = {name: tuple(value.shape) for name, value in net.state_dict().items()}
    counters = {name for name in expected if name.endswith("num_batches_tracked")}  # of training: no part of the function
    missing = sorted(expected.keys() - state.keys() - counters)
    unknown = sorted(state.keys() - expected.keys())
    other = [name for name in sorted(expected.keys() & state.keys()) if tuple(state[name].shape) != expected[name]]
    if missing or unknown or other:
        raise ValueError(f"{file} does not hold the tensors of {FILE}: {_wrong(missing, unknown, other, state, expected)}")
    net.load_state_dict({name: state[name] for name in expected.keys() - counters}, strict=False)
    return net


def _wrong(
    missing: list[str], unknown: list[str], other: list[str], state: Mapping[str, Any], expected: Mapping[str, Any]
) -> str:
    parts = []
    if missing:
        parts.append(f"{len(missing)} are missing, the first is {missing[0]} {expected[missing[0]]}")
    if unknown:
        parts.append(f"{len(unknown)} are unknown, the first is {unknown[0]}")
    if other:
        name = other[0]
        parts.append(f"{len(other)} have another shape, {name} has {tuple(state[name].shape)} and needs {expected[name]}")
    return "; ".join(parts)
