"""Very many at once: predictions, workflow files, entries of the audit trail."""

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import yaml

from benchmarks.large import COOPFLOW, WORKFLOW
from benchmarks.large import run as command
from benchmarks.processes import run
from coopflow.app import open_app
from coopflow.loading import load_workflows
from coopflow.store.log import Verified, verify
from coopflow.workflows.bundled import bundled_folder

BUNDLED = "high_risk_intervention"


class Bulk(NamedTuple):
    """What was found."""

    families: float  # lines for a second of CPU
    families_peak: float  # MiB
    predictions: float
    predictions_peak: float
    verified: float  # entries a second
    new_files: float  # × reading the same files with CSafeLoader alone
    unchanged_files: float  # milliseconds


def bulk(lines: int, files: int, rounds: int) -> Bulk:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        families, predictions, verified = _lines(Path(one), lines)
        ratio, unchanged = _files(Path(other), files, rounds)
    return Bulk(*families, *predictions, verified, ratio, unchanged)


def _lines(folder: Path, lines: int) -> tuple[tuple[float, float], tuple[float, float], float]:
    config = _co_op(folder)
    (folder / "workflows.d" / "sample.yaml").write_text(json.dumps(WORKFLOW))
    command("-c", config, "workflow", "load")
    families, predictions = folder / "families.csv", folder / "predictions.jsonl"
    with families.open("w") as file:
        file.write("family_id,family_name,email,phone,engagement_score\n")
        file.writelines(f"{n},Family {n},family{n}@example.org,+1212{2_000_000 + n:07},50\n" for n in range(lines))
    with predictions.open("w") as file:
        for n in range(lines):
            said = {"prediction_id": f"p{n}", "family_id": str(n), "confidence_score": 90}
            file.write(json.dumps({**said, "predicted_probability": 0.9 if n % 2 else 0.4}) + "\n")
    imported = run([COOPFLOW, "-c", config, "family", "import", str(families)])
    taken = run([COOPFLOW, "-c", config, "trigger", "-"], given=predictions)
    with open_app(Path(config)).store() as store:
        started = time.perf_counter()
        found = verify(store.db)
        assert isinstance(found, Verified), found
        rate = found.rows / (time.perf_counter() - started)
    return (lines / imported.cpu, imported.peak / 2**20), (lines / taken.cpu, taken.peak / 2**20), rate


def _files(folder: Path, files: int, rounds: int) -> tuple[float, float]:
    ratios, unchanged = [], []
    for number in range(rounds):
        config = _co_op(folder / str(number))
        text = (bundled_folder() / f"{BUNDLED}.yaml").read_text()
        texts = [text.replace(f"name: {BUNDLED}", f"name: workflow_{n}") for n in range(files)]
        for n, one in enumerate(texts):
            (folder / str(number) / "workflows.d" / f"workflow_{n}.yaml").write_text(one)
        alone = _seconds(lambda texts=texts: [yaml.load(one, yaml.CSafeLoader) for one in texts])
        app = open_app(Path(config))
        now = datetime.now(UTC).replace(microsecond=0)
        with app.store() as store:
            load = lambda: load_workflows(app, store, actor="bench", now=now)  # noqa: B023, E731
            ratios.append(_seconds(load) / alone)
            unchanged.append(_seconds(load) * 1000)
    return statistics.median(ratios), statistics.median(unchanged)


def _co_op(folder: Path) -> str:
    """A co-op with no workflow but the messages of those that come with coopflow."""
    folder.mkdir(exist_ok=True)
    command("init", str(folder))
    for file in (folder / "workflows.d").glob("*.yaml"):
        file.unlink()
    return str(folder / "coopflow.yaml")


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
