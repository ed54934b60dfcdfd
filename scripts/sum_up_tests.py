"""Sum up the JUnit reports of a folder: sum_up_tests.py FOLDER prints "N passed, N failed, N skipped".

Exits 1 if a test failed or none ran. An error in a fixture or while collecting counts as a failure.
"""

import sys
from pathlib import Path
from xml.etree import ElementTree as ET


def main(folder: Path) -> int:
    suites = [suite for report in sorted(folder.glob("*.xml")) for suite in ET.parse(report).iter("testsuite")]
    failed = counted(suites, "failures") + counted(suites, "errors")
    skipped = counted(suites, "skipped")
    passed = counted(suites, "tests") - failed - skipped
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


def counted(suites: list[ET.Element], what: str) -> int:
    return sum(int(suite.get(what, 0)) for suite in suites)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
