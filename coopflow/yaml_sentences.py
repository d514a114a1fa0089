"""What the YAML parser complains of, in words that somebody who does not know YAML can act on."""

import re

NO_ALIAS = "aliases (*name) are not used here; write the value out, or put a text that begins with * in quotes"
NO_ANCHOR = "anchors (&name) are not used here; delete it, or put a text that begins with & in quotes"
NO_TAG = "tags (!name) are not used here; delete it, or put a text that begins with ! in quotes"
NO_MERGE = "merge keys (<<) are not used here; write the keys out"
QUOTE_TEMPLATE = 'a text that begins with {{ must be in quotes, as in "{{ family_name }}"'

_TAB = "a tab; indent with spaces"
_ESCAPE = r"in double quotes a backslash begins \n, \t or \\; put the text in single quotes to keep it as it is"
_BLOCK_TEXT = "after | or > the text begins on the next line"
_INDENTED = "this does not fit what stands above; check the indentation and the quotes"

# What libyaml says → (our sentence, whether it is about the place where the construct began)
_SENTENCES = {
    "mapping values are not allowed in this context": (
        "a colon where no key can be; put a text with a colon in quotes, and check the indentation",
        False,
    ),
    "could not find expected ':'": ("expected 'key: value'; is a colon or a quote missing?", True),
    "block sequence entries are not allowed in this context": ("a list begins on a line of its own", False),
    "mapping keys are not allowed in this context": ("a text that begins with '? ' must be in quotes", False),
    "did not find expected ',' or ']'": ("expected ',' or ']'; where does the list that begins here end?", True),
    "did not find expected ',' or '}'": ("expected ',' or '}'; where does the group that begins here end?", True),
    "did not find expected key": (_INDENTED, False),
    "did not find expected '-' indicator": (_INDENTED, False),
    "did not find expected <document start>": (_INDENTED, False),
    "did not find expected node content": ("a value is missing here", False),
    "found unexpected end of stream": ("this quote is never closed", True),
    "found unexpected document indicator": ("this quote is never closed", True),
    "found unknown escape character": (_ESCAPE, False),
    "did not find expected hexdecimal number": (_ESCAPE, False),
    "found invalid Unicode character escape code": (_ESCAPE, False),
    "did not find expected comment or line break": (_BLOCK_TEXT, True),
    "found undefined tag handle": (NO_TAG, False),
}
_BY_CONTEXT = {
    "while scanning an alias": NO_ALIAS,
    "while scanning an anchor": NO_ANCHOR,
    "while parsing a tag": NO_TAG,
}

Place = tuple[int, int]  # line and column, counted from 1


def sentence(problem: str, context: str, *, at: Place, began: Place, text: str) -> tuple[Place, str]:
    """Where a person should look and what to do, from what the parser says and the text that it read."""
    lines = text.splitlines()
    if tab := _tab(lines, began[0], at[0]):
        return tab, _TAB
    if problem == "found character that cannot start any token":
        return at, _cannot_start(lines, at)
    for start, words in _BY_CONTEXT.items():
        if context.startswith(start):
            return began, words
    words, about_beginning = _SENTENCES.get(problem, (f"not YAML: {problem}", False))
    return (began if about_beginning else at), words


def _tab(lines: list[str], first: int, last: int) -> Place | None:
    """The first tab in the indentation of the lines from `first` to `last`."""
    for number in range(first, min(last, len(lines)) + 1):
        indentation = re.match(r"[ \t]*", lines[number - 1])
        if indentation and "\t" in indentation[0]:
            return number, indentation[0].index("\t") + 1
    return None


def _cannot_start(lines: list[str], at: Place) -> str:
    line = lines[at[0] - 1] if at[0] <= len(lines) else ""
    found = line[at[1] - 1 : at[1]]
    if found == "\t":
        return _TAB
    before = "{" if found == "%" and line[: at[1] - 1].endswith("{") else ""
    return f"a text that begins with {before}{found} must be in quotes"
