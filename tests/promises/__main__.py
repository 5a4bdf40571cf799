"""``make promises`` (``python -m tests.promises``): runs every test marked with a promise or a fault, one after the other, and
writes docs/reliability.md from the run. Further arguments go to pytest; then the page is only printed.
"""

import sys

import pytest

from tests.promises.catalog import marked
from tests.promises.page import PAGE, Seen, page


def main(arguments: list[str]) -> int:
    seen = Seen()
    options = ["-q", "-p", "no:cacheprovider"]
    code = int(pytest.main([*options, *arguments, *marked()], plugins=[seen]))
    if arguments:
        print(page(seen))
    elif seen.outcome:
        PAGE.write_text(page(seen), "utf-8")
        print(f"{PAGE} is written")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
