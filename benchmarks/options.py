"""The options that the commands of benchmarks share."""

from pathlib import Path
from typing import Annotated

import typer

Output = Annotated[Path, typer.Option(help="Folder for the JSON files and charts.")]
Repeats = Annotated[int, typer.Option(min=1, help="Repetitions; the median counts.")]
