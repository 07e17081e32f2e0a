import numpy as np
import pytest
import tiny_ave
from PIL import Image

from companion.data import ave
from companion.data.prepare_segments import prepare_segments
from companion.figures import segments
from companion.miniature import media


@pytest.fixture
def known(tmp_path):
    root, config = tiny_ave.write(tmp_path / "ave"), tiny_ave.config()
    (root / "AVE").mkdir()
    shades = [Image.new("RGB", (160, 120), (25 * i, 0, 0)) for i in range(10)]
    media.write_mp4(root / "AVE" / "jjjjjjjjjjj.mp4", shades, 1, np.zeros(160_000), 16_000)
    release = ave.load(root, config).present()
    return prepare_segments(release, tmp_path / "prepared", config), release


def test_a_clip_of_every_class_with_its_frames_its_sound_and_its_event(known):
    data, release = known
    figure, chosen = segments.clips(data, release, "a title")
    assert chosen["label"].tolist() == list(range(5))
    assert chosen["video"].tolist() == [True, False, False, False, False]
    assert chosen["id"][0] == "Bark&jjjjjjjjjjj" and set(chosen["split"]) == {"test"}
    shown = [ax for ax in figure.axes if ax.get_visible()]
    assert len(shown) == 1 + 2 * 5, "frames where there is a video, sound and event of every clip"
    film = shown[0].images[0].get_array()
    seconds = film[:, segments.FRAME // 2 :: segments.FRAME, 0].mean(0)
    assert film.shape[1] == 10 * segments.FRAME
    assert (np.diff(seconds) > 10).all(), "every second has the frame that is shown in it"
    assert [ax.get_title("left") for ax in shown[:3]] == [data.classes[0], "", data.classes[1]]
    (events,) = shown[3].collections
    spans = [path.get_extents().intervalx.tolist() for path in events.get_paths()]
    assert spans == [[s, s + 1] for s in range(4, 10)]
    assert figure.get_suptitle() == "a title"


def test_without_any_video_the_clip_with_the_shortest_event_is_drawn(known):
    data, release = known
    chosen = segments.clips(data, release, split="train")[1]
    assert not chosen["video"].any()
    assert dict(zip(chosen["id"], chosen["end"] - chosen["start"], strict=True)) == {
        "Bark&aaaaaaaaaaa": 10,
        "Banjo&bbbbbbbbbbb": 5,
        "Clock&ccccccccccc": 1,
        "Violin, fiddle&-_dddddddd-": 4,
        "Mandolin&eeeeeeeeeee": 10,
    }
