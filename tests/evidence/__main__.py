"""Writes docs/evidence.md from the pages of the long runs; run it after one of them."""

import sys

from tests.evidence.composing import PAGE, composed


def main() -> int:
    PAGE.write_text(composed(), encoding="utf-8")
    print(f"wrote {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
