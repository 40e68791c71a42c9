"""Pictures of samples, training curves, the page of a comparison, the page of one run.

`write(file, record, media)` writes the page of a comparison, one HTML file without network: `comparison.rows` has the typed
rows that it shows, `comparison.media` samples and curves, `comparison.verdicts` and `comparison.doubts` the conclusions.
Samples are passed as numbers in the data's own units (or as texts), never as pictures: the report decides how to draw them. A
number that is not finite is "not finite" on the page.

Drawing elsewhere (`sample --out`): `pictures.picture(x, space)`, `pictures.png(image)`, `pictures.gif(frames, space)`,
`data.tokenizer.texts(x, space)`; one run (`show`): `runs.write(folder, head, media, row)`; tables on a terminal: `terminal`.
"""

from __future__ import annotations

from genlab.report.html import write

__all__ = ["write"]
