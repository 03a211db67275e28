"""`python -m benchmarks [NAME]`: without a name, all of them."""

from benchmarks.main import app

app(prog_name="python -m benchmarks")
