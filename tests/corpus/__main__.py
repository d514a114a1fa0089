"""`python -m tests.corpus [FILE...]`: write anew what is said of each bad input. The difference wants to be read."""

import sys
from pathlib import Path

from tests.corpus.commands import saying
from tests.corpus.reading import FOLDER, read, written
from tests.corpus.subjects import SUBJECTS


def main() -> None:
    """Write the files."""
    for path in [FOLDER / name for name in sys.argv[1:]] or sorted(Path(FOLDER).glob("*.txt")):
        corpus = read(path)
        if corpus.subject == "command":
            said = saying([case.content.decode() for case in corpus.cases])
        else:
            said = [SUBJECTS[corpus.subject](case.content) for case in corpus.cases]
        path.write_text(written(corpus, said), encoding="utf-8")
        print(f"{path.name}: {len(said)} cases, {sum(not lines for lines in said)} of which nothing is said")


main()
