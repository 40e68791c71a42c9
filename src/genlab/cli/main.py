"""The command `genlab`: its verbs, and how errors are reported.

Nothing here loads torch; a verb does so when it runs.
"""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from cyclopts import App, CycloptsError, Parameter, Token, convert

from genlab.cli import compare, complete, data, latents, listing, ranks, resume, sample, score, show, train
from genlab.cli.errors import USAGE, debugging, explained
from genlab.cli.terminal import never_refusing
from genlab.core.program import called

HELP = """Learn a distribution from your data in every way the field knows, and find out which way to use.

Start with: {called} compare digits"""
EPILOGUE = """{called} VERB --help has examples. --debug shows where an error came from."""


def _version() -> str:
    from importlib.metadata import version

    return f"genlab {version('genlab')}"


def read(hint: Any, tokens: Sequence[Token]) -> Any:
    """The value of an option from words of the command line; ValueError for a fraction where a whole number is needed."""
    value = convert(hint, tokens)
    for token in tokens if type(value) is int else ():
        if "." in token.value and float(token.value) != value:
            raise ValueError(f"it must be a whole number, got {token.value}")
    return value


app = App(
    name="genlab",
    help=HELP.format(called=called()),
    help_epilogue=EPILOGUE.format(called=called()),
    help_format="plaintext",
    version=_version,
    default_parameter=Parameter(
        converter=read, negative=(), show_default=lambda value: None if value is None or value is False else str(value)
    ),
)
VERBS: tuple[tuple[str, Callable[..., Any], str], ...] = (
    ("list", listing.list_, listing.EXAMPLES),
    ("data", data.data, data.EXAMPLES),
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
    """A docstring with each paragraph on one line, which the terminal wraps."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in doc.split("\n\n"))


for order, (name, function, examples) in enumerate(VERBS):
    shown = examples.replace("\n  genlab ", f"\n  {called()} ")
    app.command(function, name=name, help=flowing(function.__doc__ or ""), help_epilogue=shown, sort_key=order)


def run(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the command `genlab`."""
    code = main(sys.argv[1:] if arguments is None else arguments)
    if ranks.world() > 1:
        _part(code)
    sys.exit(code)


def _part(code: int) -> None:
    """Leave the other processes: together with them where all went well, otherwise at once, since they may never arrive."""
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
    """Print a warning as a sentence, without the line of code that raised it."""
    if ranks.first():
        print(
            f"note: {message}" if category.__name__ in ("Damaged", "Steered", "Alone") else f"{category.__name__}: {message}",
            file=sys.stderr,
        )


def main(arguments: Sequence[str]) -> int:
    """Run one command line; its exit code. --debug or GENLAB_DEBUG=1 prints the traceback of errors."""
    words = list(arguments)
    warnings.showwarning = _note
    never_refusing(sys.stdout, sys.stderr)
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
            # a mistake in the call is the same in all processes, and reported once
            print(f"genlab (process {ranks.rank()}): {sentence}", file=sys.stderr)
        return code
    return code if isinstance(code, int) else 0
