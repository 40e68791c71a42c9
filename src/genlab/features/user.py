"""Features of the user's own: any module or function from examples to vectors, after a test that it is fixed.

A distance needs a function of one example alone, the same every time. Before it is used, the function is therefore tried on
examples drawn from the space with a fixed seed: its output must be (B, dims) finite numbers, equal when asked again (a
dropout left on is not), and row i must not depend on the other rows (a batch norm in training mode is not free of them). A
module is put in eval mode first, which cures both of the usual causes.

What it is called with: pictures as float32 from 0 to 1 (level k of L as k / (L - 1)), tokens as int64, real numbers in the
data's own units; (B, *space.shape), on the module's device, for a plain function on the CPU.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from genlab.core.space import Space
from genlab.features.base import Features, device_of, hash_of
from genlab.nets.units import affine

TRIED, FIRST = 8, 3  # examples it is tried on; alone as the first few and the rest
CLOSE = 1e-3  # of the largest feature: how far a row may move with the size of its batch (rounding, not dependence)

Function = Callable[[Tensor], Tensor]


def user_features(
    function: nn.Module | Function, space: Space, name: str | None = None, about: Mapping[str, Any] | None = None
) -> Features:
    """Features from a module or function of examples (B, *space.shape), see above for their units.

    name    as a measure quotes it; without it the function's own
    about   further entries of the protocol
    ValueError where the output has the wrong shape, is not finite, changes from call to call or with the batch.
    """
    name = name or named(function)
    if re.search(r"(?<![a-z])fid(?![a-z])", name.lower()):
        raise ValueError(f"{name}: a distance in these features is not the FID; give them another name")
    examples = tried(space)
    first = checked(function, examples, space, name)
    _check_fixed(function, examples, first, space, name)
    protocol = {
        "features": name,
        "dims": first.shape[1],
        "preprocessing": f"{units(space)}, not resized by genlab",
        **identity(function),
        **(about or {}),
    }
    return Features(name, first.shape[1], lambda x: checked(function, x, space, name, first.shape[1]), protocol)


def units(space: Space) -> str:
    """The units of the examples that a user's function is called with, in words."""
    if space.kind == "real":
        return "numbers in the data's units"
    return "token numbers" if space.kind == "token" else "levels to [0, 1]"


def offered(x: Tensor, space: Space) -> Tensor:
    """Examples (B, *shape) in the data's units, converted for a user's function."""
    if space.kind == "token":
        return x.long()
    return x.float() if space.kind == "real" else x.float() / (space.levels - 1)


def tried(space: Space) -> Tensor:
    """Eight examples of the space (8, *shape), always the same."""
    stream = torch.Generator().manual_seed(0)
    shape = (TRIED, *space.shape)
    if space.kind != "real":
        return torch.randint(space.levels, shape, generator=stream)
    values = torch.randn(shape, generator=stream)
    center, scale = affine(space, values)
    return values * scale + center


@torch.no_grad()
def checked(function: Function, x: Tensor, space: Space, name: str, dims: int | None = None) -> Tensor:
    """The features (B, dims) of examples in the data's units; ValueError unless they are that, and finite."""
    module = isinstance(function, nn.Module)
    if module:
        function.eval()  # every time: somebody may train it in between
    values = function(offered(x, space).to(device_of(function) if module else "cpu"))
    expected = f"({len(x)}, {dims or 'dims'})"
    if not isinstance(values, Tensor):
        raise ValueError(f"{name} must give a tensor {expected} for {len(x)} examples, it gave {type(values).__name__}")
    if values.ndim != 2 or len(values) != len(x) or values.shape[1] != (dims or values.shape[1]) or not values.shape[1]:
        raise ValueError(f"{name} must give a tensor {expected} for {len(x)} examples, it gave {tuple(values.shape)}")
    bad = int((~values.isfinite()).any(1).sum())
    if bad:
        raise ValueError(f"{name} gives numbers that are not finite for {bad} of {len(x)} examples")
    return values


def _check_fixed(function: Function, examples: Tensor, first: Tensor, space: Space, name: str) -> None:
    def again(x: Tensor) -> Tensor:
        return checked(function, x, space, name, first.shape[1])

    far = CLOSE * float(first.abs().max())
    if float((again(examples) - first).abs().max()) > far:
        raise ValueError(f"{name} gives other features for the same examples when asked again; take what is random out of it")
    parts = torch.cat([again(examples[:FIRST]), again(examples[FIRST:])])
    if float((parts - first).abs().max()) > far:
        raise ValueError(
            f"{name}: the features of an example depend on the others of its batch; "
            "normalise with fixed numbers instead of the batch's"
        )


def named(function: Any) -> str:
    return getattr(function, "__name__", None) or type(function).__name__


def identity(function: nn.Module | Function) -> dict[str, str]:
    """What identifies a function: its qualified name, a hash of its source, of a module also of its weights."""
    kind = function if hasattr(function, "__qualname__") else type(function)
    identified = {"function": f"{kind.__module__}.{kind.__qualname__}", "source hash": _source(kind)}
    return {**identified, "weights hash": hash_of(function)} if isinstance(function, nn.Module) else identified


def _source(kind: Any) -> str:
    try:
        return digest(inspect.getsource(kind).encode())
    except (OSError, TypeError):
        return "not available"


def digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=6).hexdigest()


# --- from a file -----------------------------------------------------------------------------------------------------


def features_from_file(spec: str, space: Space, device: torch.device | str = "cpu") -> Features:
    """`FILE.py:NAME`: a module or function that a file of Python defines. The file is run, as any script would be.

    ValueError where there is no such file or name, the file fails, or NAME is no fixed function of examples.
    """
    file, _, name = spec.rpartition(":")
    path = Path(file).expanduser()
    found = _looked_up(run_file(path, "features are FILE.py:NAME"), name, path)
    if isinstance(found, nn.Module):
        found = found.to(device)
    return user_features(found, space, f"{path.name}:{name}", {"file hash": digest(path.read_bytes())})


def run_file(path: Path, form: str) -> ModuleType:
    """The module of a Python file, which is run as a script would be; ValueError where that fails.

    form   the form of FILE.py:NAME that the caller expects, for the message
    """
    if not path.is_file():
        near = difflib.get_close_matches(path.name, sorted(file.name for file in path.parent.glob("*.py")), 1, 0.6)
        raise ValueError(f"there is no file {path}" + (f"; did you mean {path.with_name(near[0])}?" if near else ""))
    spec = importlib.util.spec_from_file_location(f"genlab_user_{digest(str(path.resolve()).encode())}", path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path} is no file of Python; {form}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and pickles of the file look themselves up there
    sys.path.insert(0, str(path.parent.resolve()))  # as for a script, so that it can import its neighbours
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # whatever the user's code raises is the user's to read
        del sys.modules[spec.name]
        raise ValueError(f"{path} cannot be run: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(str(path.parent.resolve()))
    return module


def _looked_up(module: ModuleType, name: str, path: Path) -> Any:
    there = {key: value for key, value in vars(module).items() if callable(value) and not key.startswith("_")}
    own = [key for key, value in there.items() if getattr(value, "__module__", None) == module.__name__] or sorted(there)
    if not hasattr(module, name):
        near = difflib.get_close_matches(name, own, 1, 0.4)
        hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(own) or 'no functions'}"
        raise ValueError(f"{path} has no {name}; {hint}")
    found = getattr(module, name)
    if isinstance(found, type):
        raise ValueError(f"{path}: {name} is a class; name an instance (write NAME = {name}(...) in the file) or a function")
    if not callable(found):
        raise ValueError(f"{path}: {name} is a {type(found).__name__}; features are a torch module or a function of a batch")
    return found
