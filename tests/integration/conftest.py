"""A configured installation for each test that asks."""

from pathlib import Path

import pytest

from scorekeeper.settings import Settings, load_settings


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The defaults, in an empty folder with an inbox."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inbox").mkdir()
    return load_settings()
