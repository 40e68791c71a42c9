"""What the pages name exists: links, files, modules, verbs, options, settings, names of the code. Nothing is run."""

from __future__ import annotations

import re
import shlex
from functools import cache
from pathlib import Path

import pytest
from cyclopts import CycloptsError

import genlab
from genlab.cli.listing import _space
from genlab.cli.main import VERBS, app
from genlab.core.recipe import settings
from genlab.data.options import Options
from genlab.recipes.index import MODELS
from genlab.recipes.make import recipe_for

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "genlab"
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/README.md")]
PAGES += sorted((ROOT / "docs").glob("*.md"))
FOREIGN = {"--multi_gpu", "--use_fsdp", "--fsdp_version", "--num_processes", "--cpu"}  # accelerate's
FOREIGN |= {"--nproc-per-node", "--nnodes", "--rdzv-backend", "--rdzv-endpoint"}  # torchrun's
FOREIGN |= {"--nodes", "--ntasks-per-node", "--gpus-per-node", "--cpus-per-task", "--time", "--signal", "--requeue"}  # SLURM's
FOREIGN |= {"--durations"}  # pytest's
page_of = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def made(text: str) -> set[str]:
    """Files that a page tells its reader to write."""
    return set(re.findall(r"^```python\n# (\S+\.py)\n", text, re.M))


def prose(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)


def spans(text: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", prose(text))


def commands(text: str) -> list[str]:
    """Every whole `genlab VERB ...` of a page, in its blocks and in its sentences."""
    blocks = "\n".join(re.findall(r"^```sh\n(.*?)^```", text, re.S | re.M)).replace("\\\n", " ")
    verbs = "|".join(name for name, _, _ in VERBS)
    found = [*blocks.splitlines(), *spans(text)]
    calls = [call[1] for line in found if (call := re.search(rf"(?:^|bin/|-m )genlab ((?:{verbs}) .*)", line))]
    return [call.split(" &")[0] for call in calls if "..." not in call]


def heading(line: str) -> str:
    """The anchor that a heading has on GitHub."""
    return re.sub(r"[^\w\- ]", "", line.lower()).strip().replace(" ", "-")


@cache
def options() -> frozenset[str]:
    """Of all verbs."""
    known = {"--help", "--version", "--debug"}
    for name, _, _ in VERBS:
        known |= {word for argument in app[name].assemble_argument_collection() for word in argument.names}
    return frozenset(known)


@cache
def settings_of_all() -> frozenset[str]:
    """Of every model, on the space that `genlab list` shows it for."""
    found: set[str] = set()
    for entry in MODELS:
        space, _, _ = _space(entry, None, Options())
        found |= settings(recipe_for(entry.name, space, {})).keys()
    return frozenset(found)


@cache
def code() -> str:
    files = [*SOURCE.rglob("*.py"), *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]
    return "\n".join(file.read_text(encoding="utf-8") for file in files if file != Path(__file__))


@page_of
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        file = page.parent / name if name else page
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.M)
            assert anchor in map(heading, headings), target


@page_of
def test_files_and_modules_exist(page: Path) -> None:
    """Paths from the repository's root or from src/genlab, bare names of files anywhere in it, modules after `python -m`."""
    text = page.read_text(encoding="utf-8")
    ours = {path.name for path in SOURCE.iterdir() if path.is_dir()} | {"tests", "docs", "benchmarks", "src"}
    for word in re.findall(r"[\w./-]+", "\n".join(spans(text))):
        if word.startswith("runs/") and not word.endswith(".py"):
            continue  # of the reader's
        if (word.split("/")[0] in ours and "/" in word) or re.fullmatch(r"[a-z_]+\.py", word):
            there = any((root / word).exists() for root in (ROOT, SOURCE, SOURCE.parent))
            there |= "/" not in word and any(SOURCE.rglob(word))
            assert there or word in made(text), word
    for module in re.findall(r"python -m ((?:tests|benchmarks)\.[a-z_.]+)", text):
        assert (ROOT / f"{module.replace('.', '/')}.py").exists(), module


@page_of
def test_options_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for line in text.splitlines():
        benchmark = "benchmarks." in line or page.parent.name == "benchmarks"
        for option in re.findall(r"(?<![\w-])--[a-z][\w-]*", line):
            defined = option in options() or option in FOREIGN
            defined |= (benchmark or "tests.runs" in line) and f'"{option}"' in code()
            assert defined, f"{option}: {line}"


@page_of
def test_commands_can_be_read(page: Path) -> None:
    """Verb, options and the types of their values; a name in capitals stands for one of the reader's."""
    unread = {}
    for command in commands(page.read_text(encoding="utf-8")):
        words = shlex.split(re.sub(r"\bN\b", "1", command))
        try:
            app.parse_args(words, exit_on_error=False, print_error=False)
        except CycloptsError as error:
            unread[f"genlab {command}"] = str(error)
    assert not unread


@page_of
def test_settings_exist(page: Path) -> None:
    """What `--set` changes, of any model, or of one that the page defines."""
    text = page.read_text(encoding="utf-8")
    own = {f"model.{name}" for name in re.findall(r"^    (\w+): \w+ = ", text, re.M)}
    for name in re.findall(r"(?:--set |\b(?=model\.|optim\.|moves\.))([a-z][a-z0-9_.]*)=", text):
        move = re.fullmatch(r"moves\.\w+\.(\w+)", name)
        assert (f"optim.{move[1]}" if move else name) in settings_of_all() | own, name


@page_of
def test_names_of_the_code_exist(page: Path) -> None:
    """`some_name`, `CONSTANT` and `ClassName` stand somewhere in the code; `genlab.name` is what Python users find."""
    text = page.read_text(encoding="utf-8")
    for span in spans(text):
        if re.fullmatch(r"[a-z]\w*_\w+|[A-Z_]{3,}|[A-Z][a-z]+(?:[A-Z]\w*)?", span):
            assert re.search(rf"\b{span}\b", code()), span
    for name in re.findall(r"(?<![\w/.])genlab\.([a-z_]+)\(", text):
        assert hasattr(genlab, name), name
