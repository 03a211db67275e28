"""What the parts of `up` find in their environment."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.up import environment_of
from scorekeeper.settings import load_settings


def test_where_python_may_not_write_beside_its_sources_it_keeps_what_it_compiles_in_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, sources = tmp_path / "home", tmp_path / "sources"
    sources.mkdir()
    (sources / "imported.py").write_text("")
    monkeypatch.setenv("SCOREKEEPER_HOME", str(home))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    environment = os.environ | environment_of(load_settings(), 4200)
    subprocess.run([sys.executable, "-c", "import imported"], cwd=sources, env=environment, check=True)
    assert [path.name for path in sources.iterdir()] == ["imported.py"]
    assert list((home / "cache" / "python").rglob("imported.*.pyc"))
