"""A folder becomes a collection: whatever lies in it, however often it is run, and nothing of it is changed."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from antiphon.errors import InputError, OutputError
from antiphon.genki.data import What, add, edited
from antiphon.genki.data.files import MAX_DEPTH, shown


def outcomes(collection, folder, given=None, **options):
    return [(one.what, os.path.relpath(one.path, folder)) for one in add(collection, folder, given, **options)]


def test_everything_below_the_folder_is_added_once_and_again_costs_no_measuring(
    collection, folder, write, melody, monkeypatch
):
    write("one.wav", melody(1))
    write("deep/er/two.flac", melody(2))
    (folder / "cover.jpg").write_bytes(b"\xff\xd8")
    (folder / ".hidden.wav").write_bytes(b"no audio")
    first = outcomes(collection, folder)
    assert sorted(first) == [(What.ADDED, "deep/er/two.flac"), (What.ADDED, "one.wav"), (What.LEFT, "cover.jpg")]
    monkeypatch.setattr("antiphon.genki.data.adding.measure", lambda *_, **__: pytest.fail("measured again"))
    assert [what for what, _ in outcomes(collection, folder)].count(What.KNOWN) == 2


def test_files_are_not_changed_and_an_edit_outlives_another_add(collection, folder, write, melody):
    file = write("one.wav", melody(1))
    before, stat = file.read_bytes(), file.stat()
    outcomes(collection, folder, {"licence": "CC0-1.0"})
    (clip,) = collection.ids()
    assert clip == hashlib.sha256(before).hexdigest()
    with collection.changing():
        collection.save(edited(collection.load(clip), {"genre": "waltz"}))
    outcomes(collection, folder, {"licence": "other"})
    assert (collection.load(clip).genre, collection.load(clip).licence) == ("waltz", "CC0-1.0")
    assert (file.read_bytes(), file.stat().st_mtime_ns, file.stat().st_mode) == (before, stat.st_mtime_ns, stat.st_mode)
    assert [one.name for one in folder.iterdir()] == ["one.wav"]


def test_a_moved_file_is_found_by_its_content_and_a_copy_is_told(collection, folder, write, melody):
    file = write("one.wav", melody(1))
    outcomes(collection, folder)
    file.rename(folder / "renamed.wav")
    assert outcomes(collection, folder) == [(What.MOVED, "renamed.wav")]
    (clip,) = collection.ids()
    assert collection.load(clip).source.path == str((folder / "renamed.wav").resolve())
    (folder / "copy.wav").write_bytes((folder / "renamed.wav").read_bytes())
    assert outcomes(collection, folder) == [(What.SAME, "copy.wav"), (What.KNOWN, "renamed.wav")]


@pytest.mark.parametrize("name", [b"\xff\xfe.wav", b"a\nb.wav", b"\x1b[31mred.wav", b"-rf.wav", "日本 é.wav".encode()])
def test_any_file_name_is_added_found_again_and_printable(name, collection, folder, write, melody):
    write("one.wav", melody(1)).rename(folder / os.fsdecode(name))
    assert [what for what, _ in outcomes(collection, folder)] == [What.ADDED]
    (clip,) = collection.ids()
    found = collection.load(clip)
    assert os.fsencode(Path(found.source.path).name) == name
    assert found.title.isprintable()
    assert collection.find(shown(Path(found.source.path).name)) == clip


def test_what_is_no_audio_is_refused_with_a_reason_and_the_rest_is_added(collection, folder, write, melody, tmp_path):
    outside = tmp_path / "outside.wav"
    outside.write_bytes(write("good.wav", melody(1)).read_bytes()[:-2])
    (folder / "text.wav").write_text("not audio")
    (folder / "empty.mp3").touch()
    (folder / "cut.flac").write_bytes(b"fLaC\x00\x00")
    (folder / "link.wav").symlink_to(outside)
    (folder / "loop").symlink_to(folder)
    os.mkfifo(folder / "pipe.wav")
    with (folder / "huge.wav").open("wb") as stream:
        stream.truncate((1 << 30) + 1)
    found = {Path(one.path).name: one for one in add(collection, folder)}
    assert found.pop("good.wav").what is What.ADDED
    assert {one.what for one in found.values()} == {What.REFUSED}
    assert set(found) == {"text.wav", "empty.mp3", "cut.flac", "link.wav", "loop", "pipe.wav", "huge.wav"}
    assert "symbolic link" in found["link.wav"].why
    assert "more than" in found["huge.wav"].why
    assert len(collection.ids()) == 1


def test_folders_beyond_a_depth_are_told(collection, folder):
    place = folder
    for _ in range(MAX_DEPTH + 2):
        place = place / "d"
    place.mkdir(parents=True)
    assert [one.what for one in add(collection, folder)] == [What.REFUSED]


def test_a_sidecar_that_somebody_damaged_is_not_written_over(collection, folder, write, melody):
    write("one.wav", melody(1))
    outcomes(collection, folder)
    (clip,) = collection.ids()
    mine = collection.sidecar(clip).read_text().replace('"bpm"', '"tempo"')
    collection.sidecar(clip).write_text(mine)
    (again,) = add(collection, folder)
    assert again.what is What.REFUSED
    assert str(collection.sidecar(clip)) in again.why
    assert collection.sidecar(clip).read_text() == mine


def test_two_commands_do_not_change_a_collection_at_once(collection, folder, write, melody):
    write("one.wav", melody(1))
    with collection.changing(), pytest.raises(InputError, match="Another command"):
        outcomes(collection, folder)


def test_a_data_folder_that_cannot_be_written_is_told(collection, folder, write, melody, tmp_path):
    write("one.wav", melody(1))
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "data").write_text("a file, where a folder should be")
    with pytest.raises(OutputError, match="cannot be written"):
        outcomes(collection, folder)


def test_what_fails_while_a_collection_is_changed_is_told_as_it_is(collection, folder):
    with pytest.raises(BlockingIOError), collection.changing():
        raise BlockingIOError
    assert outcomes(collection, folder) == []  # and the lock is free


def test_genre_and_moods_are_words_that_are_said_and_a_text_beside_is_the_description(
    collection, folder, write, melody
):
    write("one.wav", melody(1))
    (folder / "one.txt").write_text("A dreamy, not sad\nwaltz")
    outcomes(collection, folder, kind="music")
    (clip,) = collection.ids()
    found = collection.load(clip)
    assert (found.description, found.genre, found.moods) == ("A dreamy, not sad waltz", "waltz", ("dreamy",))


def test_of_speech_no_word_becomes_a_genre_and_nothing_is_invented(collection, folder, write, melody):
    write("one.wav", melody(1))
    outcomes(collection, folder, {"description": "They danced a sad waltz."}, kind="speech")
    (clip,) = collection.ids()
    found = collection.load(clip)
    assert (found.genre, found.moods, found.instruments, found.keywords) == ("", (), (), ())
    assert (found.key, found.bpm, found.licence, found.consent) == (None, None, "", "")


def test_a_folder_that_is_none_is_told(collection, tmp_path):
    with pytest.raises(InputError, match="no folder"):
        outcomes(collection, tmp_path / "nothing")
