"""The command `genlab`: its verbs, and what becomes of errors.

Nothing here loads torch: a verb does when it runs.
"""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from cyclopts import App, CycloptsError, Parameter, Token, convert

from genlab.cli import compare, complete, latents, listing, ranks, resume, sample, score, show, train
from genlab.cli.errors import USAGE, debugging, explained

HELP = """Learn a distribution from your data in every way the field knows, and find out which way to use.

Start with: genlab compare digits"""
EPILOGUE = """genlab VERB --help has examples. --debug shows where an error came from."""


def _version() -> str:
    from importlib.metadata import version

    return f"genlab {version('genlab')}"


def read(hint: Any, tokens: Sequence[Token]) -> Any:
    """Words of the command line as the value of an option; where a whole number is needed, a fraction is refused."""
    found = convert(hint, tokens)
    for token in tokens if type(found) is int else ():
        if "." in token.value and float(token.value) != found:
            raise ValueError(f"it must be a whole number, got {token.value}")
    return found


app = App(
    name="genlab",
    help=HELP,
    help_epilogue=EPILOGUE,
    help_format="plaintext",
    version=_version,
    default_parameter=Parameter(
        converter=read, negative=(), show_default=lambda value: None if value is None or value is False else str(value)
    ),
)
VERBS: tuple[tuple[str, Callable[..., Any], str], ...] = (
    ("list", listing.list_, listing.EXAMPLES),
    ("compare", compare.compare, compare.EXAMPLES),
    ("train", train.train, train.EXAMPLES),
    ("resume", resume.resume, resume.EXAMPLES),
    ("sample", sample.sample, sample.EXAMPLES),
    ("score", score.score, score.EXAMPLES),
    ("reconstruct", latents.reconstruct, latents.RECONSTRUCT_EXAMPLES),
    ("interpolate", latents.interpolate, latents.INTERPOLATE_EXAMPLES),
    ("complete", complete.complete, complete.EXAMPLES),
    ("show", show.show, show.EXAMPLES),
)


def flowing(doc: str) -> str:
    """A docstring whose paragraphs are one line each: the terminal breaks them."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in doc.split("\n\n"))


for order, (name, function, examples) in enumerate(VERBS):
    app.command(function, name=name, help=flowing(function.__doc__ or ""), help_epilogue=examples, sort_key=order)


def run(arguments: Sequence[str] | None = None) -> None:
    """What the command `genlab` calls."""
    code = main(sys.argv[1:] if arguments is None else arguments)
    if ranks.world() > 1:
        _part(code)
    sys.exit(code)


def _part(code: int) -> None:
    """Leave the other processes: in order where all went well, at once where they may be waiting for nobody."""
    sys.stdout.flush()
    sys.stderr.flush()
    if not code:
        from genlab.runs.processes import state

        try:
            state().wait_for_everyone()
        except Exception as error:  # one of the others has not come so far
            sentence, code = explained(error)
            print(f"genlab (process {ranks.rank()}): {sentence}", file=sys.stderr, flush=True)
    os._exit(code)  # threads of the connection may still run, and end the process by a signal where they are cut off


def _note(message: Warning | str, category: type[Warning], filename: str, line: int, *more: object) -> None:
    """A warning as a sentence; where in the code it was raised is of use to nobody who runs a command."""
    if ranks.first():
        print(
            f"note: {message}" if category.__name__ in ("Damaged", "Steered", "Alone") else f"{category.__name__}: {message}",
            file=sys.stderr,
        )


def main(arguments: Sequence[str]) -> int:
    """One call; its exit code. --debug, or GENLAB_DEBUG=1, lets errors keep their traceback."""
    words = list(arguments)
    warnings.showwarning = _note
    if "--debug" in words:
        words.remove("--debug")
        os.environ["GENLAB_DEBUG"] = "1"
    try:
        ranks.check(words)
        code = app(words, exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of a pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (Exception, KeyboardInterrupt) as error:
        if debugging() and not isinstance(error, CycloptsError):
            traceback.print_exc()
        sentence, code = explained(error)
        if sentence and ranks.first():
            print(f"genlab: {sentence}", file=sys.stderr)
        elif sentence and (code != USAGE or type(error).__name__ == "WorkerError"):
            # a mistake in the call is the same everywhere, and said once
            print(f"genlab (process {ranks.rank()}): {sentence}", file=sys.stderr)
        return code
    return code if isinstance(code, int) else 0
