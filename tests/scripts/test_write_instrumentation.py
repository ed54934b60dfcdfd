"""docs/instrumentation.md is what its script makes of the recordings, and says something of each of them."""

import pytest

from scripts import write_instrumentation
from scripts.write_instrumentation import MODULE, PAGE, RECORDINGS, libraries, module, page, truth

pytestmark = pytest.mark.unit

RECORDED = {path.name.removesuffix(".bin") for path in RECORDINGS.glob("*.bin") if ".logs" not in path.name}


def test_the_page_is_what_the_script_makes() -> None:
    assert PAGE.read_text() == page()
    assert MODULE.read_text() == module()
    assert "As for" not in module()
    assert write_instrumentation.main(["--check"]) == 0


def test_every_recording_is_of_a_library_of_the_table() -> None:
    of_table = [recording for library in libraries() for recording in library.recordings]
    assert sorted(of_table) == sorted(RECORDED)


def test_every_recording_is_in_the_index() -> None:
    index = (RECORDINGS / "INDEX.md").read_text()
    assert [name for name in sorted(RECORDED) if f"`{name}.bin`" not in index] == []


def test_the_truth_is_of_recordings() -> None:
    assert {name.removesuffix(".bin") for name in truth()} <= RECORDED


def test_every_library_says_how_it_is_set_up_and_what_switches_content() -> None:
    for library in libraries():
        assert library.install.split()[0] in ("pip", "npm", "mvn")
        assert library.setup.strip()
        assert library.content.endswith(".")


def test_recordings_tell_no_secret_and_no_path_of_the_machine_that_made_them() -> None:
    for path in RECORDINGS.glob("*.bin"):
        content = path.read_bytes()
        assert len(content) < 100_000
        found = [word for word in (b"/root/", b"/tmp/cap", b"/work/", b"/home/") if word in content]
        assert not found, path.name
