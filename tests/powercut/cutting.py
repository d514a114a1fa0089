"""Cuts the power after every operation of a recorded tick, and looks at what the next start finds."""

import hashlib
import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.scene import assert_sound, ledger, opened
from tests.faults.story import settle_doubts, truth
from tests.powercut.disk import Disk, damages
from tests.powercut.recording import LATER, MESSAGES, MORNING, Mode, Run, laid_out, one_tick, recorded, sound

RECOVERED_AGAIN = 0.01  # so many of the images whose content was seen before are recovered all the same


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must never be; with the place where it was met."""

    kind: str  # corrupt, forgotten (an acknowledged commit), wrong (a message doubled or lost)
    mode: str
    cut: int
    damage: int
    words: str


@dataclass(slots=True)
class Tally:
    """What came of many cuts."""

    cuts: int = 0
    images: int = 0
    distinct: int = 0
    recoveries: int = 0
    findings: list[Finding] = field(default_factory=list)

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.cuts + other.cuts,
            self.images + other.images,
            self.distinct + other.distinct,
            self.recoveries + other.recoveries,
            self.findings + other.findings,
        )

    def of_kind(self, kind: str) -> int:
        return sum(1 for finding in self.findings if finding.kind == kind)


class Cutter:
    """One recorded tick in one mode, cut short in many ways."""

    def __init__(self, run: Run, mode: Mode, *, seed: int = 1) -> None:
        self._run = run
        self._mode = mode
        self._seed = seed
        self._seen: set[object] = set()  # images that have been looked at
        self._recovered: dict[object, str] = {}  # what a database held and what had left → what came of the recovery
        self._chance = random.Random(seed)  # noqa: S311
        self.tally = Tally()

    def cut_all(self, count: int, cuts: Collection[int] | None = None, *, recovering: bool = True) -> Tally:
        """Cut after each operation (or after these), in so many ways each."""
        disk = Disk(self._run.before)
        for number, operation in enumerate((None, *self._run.operations)):
            if operation is not None:
                disk.perform(operation)
            if cuts is None or number in cuts:
                self._cut(disk, number, count, recovering=recovering)
        return self.tally

    def _cut(self, disk: Disk, number: int, count: int, *, recovering: bool) -> None:
        self.tally.cuts += 1
        for damage, chance in enumerate(damages(self._seed * 1_000_003 + number, count)):
            image = disk.after_a_cut(chance)
            self.tally.images += 1
            # What left after the last operation may have left before the cut or not: the worse of the two is kept.
            about = (_digest(image), self._run.acknowledged(number), self._run.taken(number))
            if about in self._seen:
                continue
            self._seen.add(about)
            self.tally.distinct += 1
            found = self._looked_at(image, number, recovering=recovering)
            if found is not None:
                self.tally.findings.append(Finding(found[0], self._mode.name, number, damage, found[1]))

    def _looked_at(self, image: Mapping[str, bytes], cut: int, *, recovering: bool) -> tuple[str, str] | None:
        with laid_out(image) as folder:
            problem, held = sound(folder)
            if problem:
                return "corrupt", problem
            if held not in self._run.acknowledged(cut):
                return "forgotten", f"the database holds {held}, not one of {self._run.acknowledged(cut)}"
            what = (held, self._run.taken(cut))
            if recovering and (what not in self._recovered or self._chance.random() < RECOVERED_AGAIN):
                self._recovered[what] = recovery(folder, self._run.taken(cut))
                self.tally.recoveries += 1
            words = self._recovered.get(what, "")
            return ("wrong", words) if words else None

    def second_cuts(self, states: int, count: int) -> Tally:
        """Cut during the tick, and then during the tick that recovers from it."""
        total = Tally()
        cuts = sorted(self._chance.sample(range(len(self._run.operations)), states))
        disk = Disk(self._run.before)
        for number, operation in enumerate(self._run.operations, start=1):
            disk.perform(operation)
            if number in cuts:
                [*_, chance] = damages(self._seed * 7_919 + number, 5)
                with laid_out(disk.after_a_cut(chance)) as folder:
                    again = recorded(folder, self._mode, sent=self._run.taken(number))
                total += Cutter(again, self._mode, seed=number).cut_all(count)
        return total


def _digest(image: Mapping[str, bytes]) -> bytes:
    found = hashlib.blake2b(digest_size=12)
    for name in sorted(image):
        found.update(f"{name} {len(image[name])} ".encode() + image[name])
    return found.digest()


def recovery(folder: Path, taken: Collection[str], *, messages: int = MESSAGES) -> str:
    """Go on after whatever happened; answers with what is wrong in the end, or with nothing."""
    record = folder / "truth"
    record.write_text("".join(f"{key}\n" for key in taken))

    def note(key: str) -> None:
        with record.open("a") as file:
            file.write(f"{key}\n")

    try:
        with opened(folder) as store:
            under_way = set(ledger(store, "running"))
        one_tick(folder, note)
        with opened(folder) as store:
            assert_sound(store)
            assert set(ledger(store, "running")) == under_way, "in doubt is not what was under way"
            assert settle_doubts(folder, store, MORNING) == under_way, "a doubt was not shown"
        one_tick(folder, note, now=LATER)
        with opened(folder) as store:
            assert_sound(store)
            assert store.db.execute_sql("SELECT DISTINCT status FROM workflow_instances").fetchall() == [("completed",)]
        assert len(truth(folder)) == len(set(truth(folder))), "a message left twice"
        assert len(truth(folder)) == messages, "a message was lost"
    except Exception as problem:  # noqa: BLE001 - whatever it is, it is a finding
        return f"{type(problem).__name__}: {problem}"
    return ""
