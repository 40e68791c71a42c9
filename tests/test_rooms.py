"""A line that needs a word of another room is in the wrong file."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import NamedTuple

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "genlab"
FAMILIES = "|".join(("VAE", "VQVAE", "GPT", "NGram", "PixelCNN", "GAN", "DDPM", "FlowMatching", "RBM"))


class Room(NamedTuple):
    may_import: tuple[str, ...]
    forbidden: str  # regular expression, on code without comments and docstrings
    sentence: str


ROOMS = {
    "core": Room(
        ("core",), rf"\bprint\(|\b({FAMILIES})\b", "core imports torch only, and holds no names of papers, files, prints"
    ),
    "maths": Room(
        ("maths",),
        r"nn\.Module|torch\.rand|torch\.normal|\.normal_\(|\.uniform_\(",
        "maths holds pure functions; noise is an argument",
    ),
    "nets": Room(
        ("nets", "core.space", "core.coupling"),
        r"def loss|def sample|torch\.optim",
        "nets hold layers and networks, and reach other processes through core.coupling: no loss, sampling, optimiser",
    ),
    "objectives": Room(
        ("objectives", "core", "maths"), r"nn\.(Linear|Conv|Module\))|genlab\.data", "objectives hold no layers and no data"
    ),
    "samplers": Room(
        ("samplers", "core", "maths"), r"nn\.(Linear|Conv|Module\))|genlab\.data", "samplers hold no layers and no data"
    ),
    "models": Room(
        ("models", "core", "maths", "nets", "objectives", "samplers"),
        r"torch\.optim|\.backward\(|(?<![\w.])open\(|(?<![\w.])print\(",
        "models hold no optimiser, .backward(, open( or print(",
    ),
    "data": Room(("data", "core"), r"genlab\.models|nn\.Module", "data know no models"),
    "features": Room(("features", "core", "nets"), r"frechet|Fréchet", "features hold feature networks, no distances"),
    "measure": Room(
        ("measure", "core", "maths", "features"),
        rf"\.backward\(|torch\.optim|\b({FAMILIES})\b",
        "measure holds no training and no family names",
    ),
    "recipes": Room(
        ("recipes", "models", "core", "data"),
        r"\b(while|try)\b",
        "recipes hold no control flow beyond calling a base recipe",
    ),
    "runs": Room(("runs", "core"), rf"\b({FAMILIES})\b", "runs hold no family names"),
    "comparison": Room(
        (
            "comparison",
            "measure",
            "features",
            "recipes",
            "runs",
            "data",
            "own",
            "core",
            "maths",
            "models",
            "api",
            "trained",
            "watch",
            "report.html",
        ),
        r"\bprint\(|torch\.(matmul|einsum|nn)|nn\.functional|jinja2|markupsafe",
        "comparisons print nothing, hold no HTML and no tensor algebra, import no nets, and draw by report.html alone",
    ),
    "cli": Room(
        (
            "cli",
            "comparison",
            "report",
            "measure",
            "features",
            "recipes",
            "runs",
            "data",
            "core",
            "api",
            "completion",
            "watch",
            "maths",
            "samplers",
            "objectives",
            "models",
        ),
        r"torch\.(matmul|einsum|nn)|nn\.functional",
        "views hold no tensor algebra and import no nets",
    ),
    "report": Room(
        ("report", "comparison", "measure", "features", "recipes", "runs", "data", "core", "maths"),
        r"torch\.(matmul|einsum|nn)|nn\.functional",
        "views hold no tensor algebra and import no nets",
    ),
}
FILES = sorted(path for room in ROOMS for path in (SOURCE / room).rglob("*.py"))


def imports(tree: ast.Module) -> set[str]:
    """Modules of genlab that a file imports, without the leading "genlab."."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} if node.module != "genlab" else {f"genlab.{alias.name}" for alias in node.names}
    return {name.removeprefix("genlab.") for name in names if name.startswith("genlab.")}


def code_only(text: str) -> str:
    """Source without comments and strings."""
    tree = ast.parse(text)

    class Bare(ast.NodeTransformer):
        def visit_Constant(self, node: ast.Constant) -> ast.Constant:
            return ast.Constant("") if isinstance(node.value, str) else node

        def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.Constant:
            return ast.Constant("")

    return ast.unparse(ast.fix_missing_locations(Bare().visit(tree)))


def broken(path: Path, text: str) -> list[str]:
    """What a file of this place does that its room forbids."""
    name = path.relative_to(SOURCE).parts[0]
    room = ROOMS[name]
    wrong = [
        f"imports genlab.{module}"
        for module in sorted(imports(ast.parse(text)))
        if not any(module == allowed or module.startswith(allowed + ".") for allowed in room.may_import)
    ]
    if name == "models":
        family = path.relative_to(SOURCE).parts[1]
        wrong += [f"imports a sibling family: {module}" for module in imports(ast.parse(text))
                  if module.startswith("models.") and module.split(".")[1] != family]  # fmt: skip
    wrong += [f"says {found.group()!r}" for found in re.finditer(room.forbidden, code_only(text))]
    return wrong


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_every_line_is_in_its_room(path: Path) -> None:
    wrong = broken(path, path.read_text(encoding="utf-8"))
    assert not wrong, f"{path.name}: {'; '.join(wrong)}. {ROOMS[path.relative_to(SOURCE).parts[0]].sentence}"


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("models/x/y.py", "loss.backward()"),
        ("models/x/y.py", "from genlab.models.z import Z"),
        ("maths/x.py", "def f(n):\n    return torch.randn(n)"),
        ("data/x.py", "from genlab.models.x import X"),
        ("core/x.py", "print('hello')"),
        ("nets/x.py", "from genlab.core.model import Model"),
        ("runs/x.py", "model = VAE(3)"),
        ("comparison/x.py", "print(1)"),
        ("measure/x.py", "from genlab.comparison.ranking import grouped"),
    ],
)
def test_the_rule_notices(place: str, text: str) -> None:
    assert broken(SOURCE / place, text)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_sizes_worth_holding(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 400, f"{path.name} has over 400 lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            count = len(node.args.args) + len(node.args.kwonlyargs) + len(node.args.posonlyargs)
            assert length <= 60, f"{path.name}: {node.name} has {length} lines"
            assert count <= 12, f"{path.name}: {node.name} has {count} parameters"
