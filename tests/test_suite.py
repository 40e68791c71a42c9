"""The suite itself: a test that is asked for no case is an error, not a silent pass."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SUITE = """
import pytest

@pytest.mark.parametrize("case", {cases})
def test_law(case):
    pass
"""


@pytest.mark.parametrize(("cases", "status"), [("[]", pytest.ExitCode.INTERRUPTED), ("[1]", pytest.ExitCode.OK)])
def test_a_parametrisation_without_cases_is_refused(cases: str, status: pytest.ExitCode, tmp_path: Path) -> None:
    """Pytest's own answer to a law whose selection of recipes came out empty would be to skip it."""
    (tmp_path / "test_laws.py").write_text(SUITE.format(cases=cases))
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "-p", "no:cacheprovider", "test_laws.py"]
    plain = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # starts in half the time
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")} | plain
    found = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert found.returncode == status, found.stdout
    assert ("test_law" in found.stdout) == (status != pytest.ExitCode.OK), found.stdout
