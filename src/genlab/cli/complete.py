"""`genlab complete`: a text goes on from its beginning, a picture grows its other half."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from genlab.cli.options import FolderOptions, Json, Raw, RunOptions, SamplingOptions, Seed, at_least, own
from genlab.cli.progress import Progress
from genlab.cli.sample import Run_
from genlab.core.data import Split

if TYPE_CHECKING:
    from genlab.api import Run
    from genlab.completion import Completion

EXAMPLES = """Examples:
  genlab complete runs/digits-pixelcnn-1 --keep top
  genlab complete runs/shakespeare-gpt-1 --text "ROMEO:" --length 500
  genlab complete runs/names-gpt-1 --text Mar -n 10"""

Half = Literal["top", "bottom", "left", "right"]


def complete(
    run: Run_,
    /,
    *,
    text: Annotated[str | None, Parameter(help="Of a text: its beginning.")] = None,
    length: Annotated[int, Parameter(help="Of a text: characters (or tokens) to go on for.")] = 200,
    keep: Annotated[Half, Parameter(help="Of a picture: the half that is kept.")] = "top",
    split: Annotated[Split, Parameter(help="Of pictures: which part of the data they come from.")] = "test",
    n: Annotated[int, Parameter(name="-n", help="How many.")] = 8,
    seed: Seed = 0,
    sampling: SamplingOptions = SamplingOptions(),  # noqa: B008
    raw: Raw = False,
    output: FolderOptions = FolderOptions(),  # noqa: B008
    machine: RunOptions = RunOptions(),  # noqa: B008
    json: Json = False,
) -> None:
    """Go on with a text, or fill the other half of pictures.

    Each picture keeps a half of a real one. Conditions, such as a class, are those of the real pictures unless --class or
    --given set them. Pictures come in rows of three: the kept half, the completion, the original.
    """
    at_least(1, n=n, length=length)
    from genlab.cli.opening import reopened

    loaded = machine.load(run)
    model: Any = loaded.able("complete", not raw)
    options = {"averaged": not raw, **own(model.complete, sampling.option)}
    if loaded.space.text and text is None:
        raise ValueError('--text: give the beginning of the text, as --text "ROMEO:"')
    with Progress() as progress:
        data = None if loaded.space.text else reopened(loaded, progress)
        with progress.task("completing"):
            if text is not None and data is None:
                made = loaded.complete_text(text, n, length, seed, sampling.conditions(), **options)
            else:
                made = loaded.complete_half(keep, n, split, seed, sampling.conditions(), data=data, **options)
    record = {"run": run, "n": len(made.x), "seed": seed}
    (_show_texts if loaded.space.text else _show_pictures)(loaded, made, record, output, json)


def _show_pictures(run: Run, made: Completion, record: dict[str, Any], output: FolderOptions, json: bool) -> None:
    from genlab.cli.looking import WIDTH, deliver, tell
    from genlab.report.saving import Samples
    from genlab.report.tiles import across, in_rows

    if output.out is not None and output.out.suffix == ".npz":
        samples = Samples([made.x], run.space, {"original": made.original, "mask": made.mask})
    else:
        known, columns = made.original * made.mask, across(len(made.x), WIDTH)
        frames = [in_rows([known, frame, made.original], columns) for frame in made.frames]
        samples = Samples(frames, run.space, columns=columns, rows=("kept", "completed", "real"))
    path = deliver(run, "complete", output, samples)
    tell({**record, "out": str(path)}, f"{record['n']} pictures, kept, completed, real: {path}", json)


def _show_texts(run: Run, made: Completion, record: dict[str, Any], output: FolderOptions, json: bool) -> None:
    from genlab.cli.looking import deliver, tell
    from genlab.report.pictures import visible
    from genlab.report.saving import Samples, text

    if output.out is not None:
        path = deliver(run, "complete", output, Samples([made.x], run.space, columns=1))
        tell({**record, "out": str(path)}, f"{record['n']} texts: {path}", json)
    else:
        texts = run.texts(made.x)
        tell({**record, "texts": texts}, visible(text(texts, run.space)), json)
