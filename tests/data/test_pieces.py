"""Recordings and clips: whole, in windows, with conditions from names, folders and metadata."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

from genlab.data import open as opened
from genlab.data.recordings import levels_of
from genlab.report.tiles import amplitudes

SPLITS = ("train", "validation", "test")
LENGTHS = [int(n) for n in np.random.default_rng(7).integers(300, 900, 48)]


def wave(number: int) -> np.ndarray:
    """16-bit samples that no other number gives."""
    return np.random.default_rng(number).integers(-20_000, 20_000, LENGTHS[number]).astype(np.int16)


def recordings(path: Path, folders: bool = False, rate: int = 8000) -> Path:
    for number in range(len(LENGTHS)):
        place = path / ("ab"[number % 2] if folders else "")
        place.mkdir(parents=True, exist_ok=True)
        soundfile.write(place / f"{number % 3}_{'xy'[number % 2]}_{number:02}.wav", wave(number), rate, subtype="PCM_16")
    return path


def number_of(name: str) -> int:
    return int(Path(name.split(",")[0]).stem.split("_")[-1])


def test_whole_recordings(tmp_path: Path) -> None:
    data = opened(recordings(tmp_path / "s"))
    assert (data.space.shape, data.space.axes, data.space.levels, data.space.rate) == ((1, max(LENGTHS)), "CT", 256, 8000)
    assert sum(data.count(split) for split in SPLITS) == len(LENGTHS)
    table, seen = levels_of(False), []
    for split in SPLITS:
        batch = data.once(split, 0, 99)
        assert batch.length is not None
        for x, index, length in zip(batch.x, batch.index.tolist(), batch.length.tolist(), strict=True):
            number = number_of(data.where(index))
            seen.append(number)
            assert length == LENGTHS[number]
            assert np.array_equal(x[0, :length], table[wave(number).astype(int) + 32768])
            assert set(x[0, length:].tolist()) <= {int(table[32768])}
    assert sorted(seen) == list(range(len(LENGTHS)))
    assert data.overview.what == "48 recordings"


def test_mu_law_comes_back_within_half_a_step(tmp_path: Path) -> None:
    """The levels' amplitudes, as reports play them, are as near to the samples as the curve's slope allows."""
    samples = np.arange(-32768, 32768)
    for linear in (False, True):
        data = opened(recordings(tmp_path / str(linear)), linear=linear)
        levels = levels_of(linear)
        back = amplitudes(levels[None, None], data.space)[0, 0]
        x = samples / 32768
        slope = 1.0 if linear else 255 / (np.log(256) * (1 + 255 * np.maximum(np.abs(x), np.abs(back))))
        assert (np.abs(back - x) <= 1 / 255 / slope + 1e-9).all()
        assert levels[0] == 0
        assert levels[-1] == 255


def test_windows_cover_each_recording_once_and_training_begins_anywhere(tmp_path: Path) -> None:
    data = opened(recordings(tmp_path / "s"), length=128)
    pieces = [-(-length // 128) for length in LENGTHS]
    assert sum(data.count(split) for split in SPLITS) == sum(pieces)
    sides: dict[int, set[str]] = {}
    for split in SPLITS:
        batch = data.once(split, 0, 9999)
        for index in batch.index.tolist():
            sides.setdefault(number_of(data.where(index)), set()).add(split)
    assert all(len(side) == 1 for side in sides.values())
    table = levels_of(False)
    train = data.stream("train", 0, 3 * data.count("train"))
    starts = set()
    for x, index in zip(train.x, train.index.tolist(), strict=True):
        codes = table[wave(number_of(data.where(index))).astype(int) + 32768]
        windows = np.lib.stride_tricks.sliding_window_view(codes, 128)
        (found,) = np.nonzero((windows == x[0].numpy()).all(1))
        assert len(found) == 1
        starts.add(int(found[0]))
    assert len({start % 128 for start in starts}) > 60
    counts = np.bincount([number_of(data.where(index)) for index in train.index.tolist()], minlength=len(pieces))
    assert counts.tolist() == [3 * piece if sides[number] == {"train"} else 0 for number, piece in enumerate(pieces)]
    assert torch.equal(data.stream("train", 5, 7).x, train.x[5:12])


def test_a_pattern_reads_conditions_from_names(tmp_path: Path) -> None:
    path = recordings(tmp_path / "s")
    plain = opened(path)
    assert plain.given == {}
    assert '--pattern "{label}_{_}_{index}" reads them from names like' in plain.overview.classes_from
    data = opened(path, pattern="{label}_{speaker}_{index}")
    assert {key: space.names for key, space in data.given.items()} == {"label": ("0", "1", "2"), "speaker": ("x", "y")}
    batch = data.once("train", 0, 99)
    for index, label, speaker in zip(batch.index.tolist(), batch.given["label"], batch.given["speaker"], strict=True):
        number = number_of(data.where(index))
        assert (int(label), int(speaker)) == (number % 3, number % 2)
    assert sum(data.label_counts()) == data.count("train")
    with pytest.raises(ValueError, match=r"--pattern .label.-.index. does not fit 0_x_00.wav"):
        opened(path, pattern="{label}-{index}")
    with pytest.raises(ValueError, match="write the fields in braces, each once"):
        opened(path, pattern="label")


def test_folders_are_classes_of_recordings(tmp_path: Path) -> None:
    data = opened(recordings(tmp_path / "s", folders=True))
    assert data.overview.classes == {"a": 24, "b": 24}


def test_texts_beside_recordings_are_said_not_to_be_learnt(tmp_path: Path) -> None:
    path = recordings(tmp_path / "s")
    for file in sorted(path.iterdir()):
        file.with_suffix(".txt").write_text("what is said", encoding="utf-8")
    data = opened(path)
    assert list(data.given) == []
    assert [each.line() for each in data.overview.left_out] == [
        "48 captions (0_x_00.wav, 0_x_06.wav, 0_x_12.wav, ...): learnt with pictures alone, not with recordings"
    ]


def test_mixed_rates_are_refused_with_the_remedy(tmp_path: Path) -> None:
    path = recordings(tmp_path / "s")
    soundfile.write(path / "high.wav", wave(0), 44_100)
    with pytest.raises(
        ValueError, match=r"different rates .48 of 8,000 Hz, 1 of 44,100 Hz; high.wav: .*ffmpeg -i high.wav -ar 8000"
    ):
        opened(path)


def test_odd_recordings_are_said(tmp_path: Path) -> None:
    path = recordings(tmp_path / "s")
    for number in range(4):
        soundfile.write(path / f"coarse_{number}.wav", (wave(number) // 256 * 256).astype(np.int16), 8000)
    soundfile.write(path / "silent.wav", np.zeros(500, np.int16), 8000)
    stereo = np.stack([wave(1), -wave(1)], 1)
    soundfile.write(path / "stereo.wav", stereo, 8000)
    (path / "broken.wav").write_bytes(b"RIFF" + bytes(50))
    data = opened(path)
    odd = " ".join(data.overview.odd)
    assert "4 recordings of 8 bits in files of 16" in odd
    assert "2 recordings silent (silent.wav, stereo.wav)" in odd
    assert "1 recording of several channels, which are averaged" in odd
    assert [name for name, _ in data.skipped] == ["broken.wav"]


# --- clips -----------------------------------------------------------------------------------------------------------


def clip(number: int, frames: int) -> np.ndarray:
    """(F, 12, 12, 3) flat colours, which GIF keeps: a palette of few."""
    colours = np.random.default_rng(number).integers(0, 256, (frames, 1, 1, 3), dtype=np.uint8)
    return np.broadcast_to(colours, (frames, 12, 12, 3)).copy()


def animations(path: Path, lengths: list[int]) -> Path:
    for number, length in enumerate(lengths):
        place = path / ("up", "down")[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        images = [Image.fromarray(frame) for frame in clip(number, length)]
        images[0].save(place / f"{number:02}.gif", save_all=True, append_images=images[1:], duration=120, loop=0)
    return path


def test_animated_gifs_are_clips_or_stills_as_said(tmp_path: Path) -> None:
    path = animations(tmp_path / "g", [4 + number % 3 for number in range(40)])
    data = opened(path)
    assert (data.space.axes, data.space.shape, data.space.rate) == ("FCHW", (6, 3, 12, 12), 1000 / 120)
    assert data.overview.classes == {"down": 20, "up": 20}
    for split in SPLITS:
        batch = data.once(split, 0, 99)
        lengths = torch.full((len(batch.x),), data.space.size) if batch.length is None else batch.length
        for x, index, length in zip(batch.x, batch.index.tolist(), lengths.tolist(), strict=True):
            number = number_of(data.where(index))
            expected = clip(number, 4 + number % 3).transpose(0, 3, 1, 2)
            assert length == len(expected) * 3 * 12 * 12
            assert np.abs(x[: len(expected)].numpy().astype(int) - expected).max() <= 1
            assert torch.equal(x[len(expected) :], x[len(expected) - 1 :][:1].expand_as(x[len(expected) :]))
    stills = opened(path, frames=1)
    assert stills.space.axes == "CHW"
    assert any("40 files of several pictures each, of which the first is learnt" in line for line in stills.overview.odd)


def test_folders_of_frames_are_clips_where_that_is_said(tmp_path: Path) -> None:
    for number in range(40):
        place = tmp_path / "f" / f"{number:02}"
        place.mkdir(parents=True)
        for frame, image in enumerate(clip(number, 12)):
            Image.fromarray(image).save(place / f"frame{frame}.png")
    data = opened(tmp_path / "f", frames=12)
    batch = data.once("train", 0, 99)
    for x, index in zip(batch.x, batch.index.tolist(), strict=True):
        assert np.array_equal(x.numpy(), clip(int(data.where(index)), 12).transpose(0, 3, 1, 2))
    halves = opened(tmp_path / "f", frames=6)
    assert sum(halves.count(split) for split in SPLITS) == 80


def test_one_animation_among_pictures_is_a_still_and_said(tmp_path: Path) -> None:
    path = animations(tmp_path / "g", [4] * 40)
    Image.fromarray(clip(99, 1)[0]).save(path / "still.png")
    data = opened(path)
    assert data.space.axes == "CHW"
    assert any("40 files of several pictures each" in line and "--frames N learns clips" in line for line in data.overview.odd)


def test_frames_of_what_has_none(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    for number in range(30):
        Image.fromarray(clip(number, 1)[0]).save(tmp_path / "s" / f"{number}.png")
    with pytest.raises(ValueError, match=r"--frames: .* holds no animated pictures, no videos and no folders of frames"):
        opened(tmp_path / "s", frames=4)


def test_samples_beyond_full_scale_are_said(tmp_path: Path) -> None:
    for number in range(30):
        loud = wave(number).astype(np.float32) / 32768 * (8 if number < 4 else 1)
        soundfile.write(tmp_path / f"{number:02}.wav", loud, 8000, subtype="FLOAT")
    odd = "; ".join(opened(tmp_path).overview.odd)
    assert "4 recordings cut off at full scale; if their files hold numbers beyond 1, scale these down (00.wav, 01.wav" in odd


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE", "PCM_24", "PCM_32"])
def test_every_width_of_samples_is_heard_as_loud(tmp_path: Path, subtype: str) -> None:
    for place, wide in (("plain", False), ("wide", True)):
        (tmp_path / place).mkdir()
        for number in range(30):
            samples = wave(number).astype(np.float64) / 32768
            soundfile.write(tmp_path / place / f"{number:02}.wav", samples, 8000, subtype=subtype if wide else "PCM_16")
    plain, wide = (opened(tmp_path / place).once("train", 0, 99).x for place in ("plain", "wide"))
    assert torch.equal(plain, wide)
