"""`python -m tests.corpus [FILE...]`: write anew what is said of each bad input. The difference wants to be read.

`python -m tests.corpus --page` writes docs/evidence/bad-inputs.md: how long they take, and how much memory.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path

from tests.corpus.commands import saying
from tests.corpus.limits import PAGE, inputs, page, taken
from tests.corpus.reading import FOLDER, everything, read, written
from tests.corpus.subjects import SUBJECTS
from tests.workflows.test_bad_files import BAD


def main() -> None:
    """Write the files, or the page."""
    if "--page" in sys.argv:
        commands = sum(len(corpus.cases) for corpus in everything() if corpus.subject == "command")
        found = taken(inputs(everything(), [case for cases in BAD.values() for case in cases]))
        PAGE.write_text(page(found, commands, f"{datetime.now(UTC):%Y-%m-%d}"), encoding="utf-8")
        return
    for path in [FOLDER / name for name in sys.argv[1:]] or sorted(Path(FOLDER).glob("*.txt")):
        corpus = read(path)
        if corpus.subject == "command":
            said = saying([case.content.decode() for case in corpus.cases])
        else:
            said = [SUBJECTS[corpus.subject](case.content) for case in corpus.cases]
        path.write_text(written(corpus, said), encoding="utf-8")
        print(f"{path.name}: {len(said)} cases, {sum(not lines for lines in said)} of which nothing is said")


main()
