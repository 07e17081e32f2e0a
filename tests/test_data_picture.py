"""What containers say of their picture, and whether it is done."""

import io
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition
from PIL import Image
from tiny_events import tone, write_mp4

from companion.data.media import BadClip, frames

WIDE, HIGH = 64, 32
ONE = 1 << 16
# a, b, c, d of the display matrix, and what it does to an array of a picture.
TURNS = {
    "none": ((ONE, 0, 0, ONE), lambda x: x),
    "clockwise": ((0, ONE, -ONE, 0), lambda x: np.rot90(x, -1)),
    "half": ((-ONE, 0, 0, -ONE), lambda x: np.rot90(x, 2)),
    "counter-clockwise": ((0, -ONE, ONE, 0), lambda x: np.rot90(x)),
    "mirrored": ((-ONE, 0, 0, ONE), lambda x: x[:, ::-1]),
    "upside down": ((ONE, 0, 0, -ONE), lambda x: x[::-1]),
    "transposed": ((0, ONE, ONE, 0), lambda x: x.transpose(1, 0, 2)),
}


def corners():
    """Return a picture whose four corners have four colours."""
    picture = np.zeros((HIGH, WIDE, 3), np.uint8)
    picture[:16, :32], picture[:16, 32:] = (200, 30, 30), (30, 200, 30)
    picture[16:, :32], picture[16:, 32:] = (30, 30, 200), (200, 200, 200)
    return picture


def clip(path, picture=None, codec="libx264", levels=None, rate=5, dispositions=(), **settings):
    """Write a video per row of `levels`: how grey each of its frames is, or `picture` ten times."""
    rows = [[None] * 10] if levels is None else levels
    with av.open(str(path), "w") as container:
        streams = []
        for number in range(len(rows)):
            stream = container.add_stream(codec, rate=rate)
            stream.width, stream.height, stream.pix_fmt = WIDE, HIGH, "yuv420p"
            for name, value in settings.items():
                setattr(stream.codec_context, name, value)
            if number < len(dispositions):
                stream.disposition = dispositions[number]
            streams.append(stream)
        packets = []
        for stream, row in zip(streams, rows, strict=True):
            for i, level in enumerate(row):
                shown = corners() if picture is None else picture
                if level is not None:
                    shown = np.full((HIGH, WIDE, 3), level, np.uint8)
                frame = av.VideoFrame.from_ndarray(shown)
                frame.pts, frame.time_base = i, Fraction(1, rate)
                packets += stream.encode(frame)
            packets += stream.encode()
        for packet in sorted(packets, key=lambda p: p.dts * p.time_base):
            container.mux(packet)


def turned(content, matrix):
    """Return an MP4 whose picture is shown as `matrix` says, by its track header."""
    a, b, c, d = matrix
    content = bytearray(content)
    place = content.index(b"tkhd") + 44
    content[place : place + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    return content


@pytest.mark.parametrize("turn", list(TURNS))
def test_a_picture_is_turned_and_mirrored_as_its_container_says(tmp_path, turn):
    clip(tmp_path / "a.mp4")
    matrix, expected = TURNS[turn]
    (tmp_path / "b.mp4").write_bytes(turned((tmp_path / "a.mp4").read_bytes(), matrix))
    upright = Image.fromarray(np.ascontiguousarray(expected(corners()))).resize((16, 16))
    shown = frames(tmp_path / "b.mp4", 1, 16)[0].astype(int)
    # In the middle of each corner.
    for place in [(4, 4), (4, 11), (11, 4), (11, 11)]:
        np.testing.assert_allclose(shown[place], np.asarray(upright)[place], atol=12)


def box(kind, *content):
    body = b"".join(content)
    return struct.pack(">I", 8 + len(body)) + kind + body


def with_cover(content, colour, first):
    """Return an MP4 with a cover picture of one colour in its metadata."""
    file = io.BytesIO()
    Image.new("RGB", (32, 32), colour).save(file, "JPEG")
    data = box(b"data", struct.pack(">2I", 13, 0), file.getvalue())
    handler = box(b"hdlr", bytes(8), b"mdirappl", bytes(9))
    cover = box(b"udta", box(b"meta", bytes(4), handler, box(b"ilst", box(b"covr", data))))
    place = content.index(b"moov") - 4
    size = struct.unpack(">I", content[place : place + 4])[0]
    moov = content[place + 8 : place + size]
    if first:
        # Before the tracks: FFmpeg then counts the cover as the first stream.
        end = struct.unpack(">I", moov[:4])[0]
        moov = moov[:end] + cover + moov[end:]
    else:
        moov += cover
    assert place + size == len(content), "the samples must not move"
    return content[:place] + box(b"moov", moov)


@pytest.mark.parametrize("first", [True, False])
def test_a_cover_picture_is_not_the_clip(tmp_path, first):
    write_mp4(tmp_path / "a.mp4", sound=tone(10.0))
    covered = with_cover((tmp_path / "a.mp4").read_bytes(), (255, 0, 0), first)
    (tmp_path / "b.mp4").write_bytes(covered)
    with av.open(str(tmp_path / "b.mp4")) as container:
        kinds = [bool(s.disposition & Disposition.attached_pic) for s in container.streams.video]
        assert kinds == ([True, False] if first else [False, True])
    for count in (1, 3):
        np.testing.assert_array_equal(
            frames(tmp_path / "b.mp4", count, 16), frames(tmp_path / "a.mp4", count, 16)
        )


def test_a_cover_picture_alone_is_no_video(tmp_path):
    write_mp4(tmp_path / "a.mp4", sound=tone(1.0), picture=False)
    covered = with_cover((tmp_path / "a.mp4").read_bytes(), (255, 0, 0), False)
    (tmp_path / "b.mp4").write_bytes(covered)
    with pytest.raises(BadClip, match="b.mp4 has no video stream, only a cover picture"):
        frames(tmp_path / "b.mp4", 1, 16)


@pytest.mark.parametrize(
    ("dispositions", "expected"),
    [
        ((Disposition(0), Disposition.default, Disposition(0)), 110),
        ((Disposition.default, Disposition(0), Disposition(0)), 60),
        ((Disposition(0), Disposition(0), Disposition.default), 160),
        ((Disposition.default, Disposition.default, Disposition(0)), 60),
    ],
)
def test_of_several_pictures_the_default_one_is_seen(tmp_path, dispositions, expected):
    clip(tmp_path / "a.mkv", levels=[[g] * 10 for g in (60, 110, 160)], dispositions=dispositions)
    assert abs(frames(tmp_path / "a.mkv", 1, 16).mean() - expected) < 4


def test_a_track_of_one_picture_is_a_cover_even_if_nothing_calls_it_so(tmp_path):
    clip(tmp_path / "a.mp4", levels=[[60], [110] * 10])
    assert abs(frames(tmp_path / "a.mp4", 3, 16).mean() - 110) < 4
    clip(tmp_path / "b.mp4", levels=[[60]])
    assert abs(frames(tmp_path / "b.mp4", 3, 16).mean() - 60) < 4


def test_whether_pixels_are_square_does_not_matter(tmp_path):
    clip(tmp_path / "a.mp4")
    clip(tmp_path / "b.mp4", sample_aspect_ratio=Fraction(3, 1))
    with av.open(str(tmp_path / "b.mp4")) as container:
        assert container.streams.video[0].sample_aspect_ratio == 3
    np.testing.assert_array_equal(
        frames(tmp_path / "b.mp4", 1, 16), frames(tmp_path / "a.mp4", 1, 16)
    )


@pytest.mark.parametrize(("space", "wide"), [(1, 1), (1, 2), (5, 1), (5, 2)])
def test_colours_are_read_by_the_matrix_and_the_range_that_are_told(tmp_path, space, wide):
    """Space 1 is BT.709, 5 BT.601; range 1 is 16 to 235, 2 is 0 to 255."""
    planes = av.VideoFrame.from_ndarray(corners()).reformat(
        format="yuv420p", dst_colorspace=space, dst_color_range=wide
    )
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=5, options={"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = WIDE, HIGH, "yuv420p"
        stream.codec_context.colorspace, stream.codec_context.color_range = space, wide
        for i in range(5):
            planes.pts, planes.time_base = i, Fraction(1, 5)
            container.mux(stream.encode(planes))
        container.mux(stream.encode())
    shown = frames(tmp_path / "a.mp4", 1, 16)[0].astype(int)
    for place, colour in {(4, 4): (200, 30, 30), (4, 11): (30, 200, 30)}.items():
        np.testing.assert_allclose(shown[place], colour, atol=6)


def shown(path, count):
    """Return which of the frames of `write_mp4` were taken."""
    places = (frames(path, count, 16).mean((1, 2, 3)) - 20) / 4
    assert abs(places - places.round()).max() < 0.4
    return places.round().astype(int).tolist()


def test_the_middle_is_one_of_time_and_not_of_number(tmp_path):
    fast, slow = np.arange(36) / 12, 3 + np.arange(12) / 4
    write_mp4(tmp_path / "a.mp4", times=np.concatenate([fast, slow]))
    assert shown(tmp_path / "a.mp4", 1) == [36]
    write_mp4(tmp_path / "b.mp4", times=np.concatenate([np.arange(12) / 4, 3 + fast]))
    assert shown(tmp_path / "b.mp4", 1) == [12]


def test_parts_of_a_short_clip_are_parts_of_its_time(tmp_path):
    # Two seconds: 20 frames in the first half, 2 in the second.
    times = np.concatenate([np.arange(20) / 20, [1.0, 1.5]])
    write_mp4(tmp_path / "a.mp4", times=times)
    assert shown(tmp_path / "a.mp4", 3) == [6, 20, 21]
    assert shown(tmp_path / "a.mp4", 4) == [5, 15, 20, 21]


def test_a_last_picture_that_stays_is_seen_as_long_as_it_is_shown(tmp_path):
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuvj420p"
        for i in range(11):
            grey = np.full((32, 48, 3), 20 + 4 * i, np.uint8)
            frame = av.VideoFrame.from_ndarray(grey)
            frame.pts, frame.time_base = i, Fraction(1, 10)
            for packet in stream.encode(frame):
                packet.duration = 5_000 if i == 10 else 100
                packet.time_base = Fraction(1, 1000)
                packet.pts = packet.dts = 100 * i
                container.mux(packet)
    assert shown(tmp_path / "a.mkv", 1) == [10]


def test_a_picture_that_starts_late_is_cut_into_parts_of_its_own_time(tmp_path):
    write_mp4(tmp_path / "a.mp4", times=4 + np.arange(30) / 5, sound=tone(10.0))
    assert shown(tmp_path / "a.mp4", 1) == [15]
    assert shown(tmp_path / "a.mp4", 3) == [5, 15, 25]


def test_packets_that_show_nothing_shift_no_frame(tmp_path):
    """A clip that was cut before a key frame: what comes before the next one is never seen."""
    write_mp4(tmp_path / "a.mp4", gop=10)
    with (
        av.open(str(tmp_path / "a.mp4")) as source,
        av.open(str(tmp_path / "b.mkv"), "w") as cut,
    ):
        stream = cut.add_stream_from_template(source.streams.video[0])
        packets = [p for p in source.demux(source.streams.video[0]) if p.size]
        for packet in packets[1:]:
            packet.stream = stream
            cut.mux(packet)
    with av.open(str(tmp_path / "b.mkv")) as container:
        assert [frame.time for frame in container.decode(video=0)][0] == 1.8
    # Of the eight seconds from then on, the first frames of seconds 1, 4 and 6.
    assert shown(tmp_path / "b.mkv", 3) == [14, 29, 39]
    assert shown(tmp_path / "b.mkv", 1) == [25]


def test_a_frame_that_cannot_be_decoded_as_a_whole_is_no_frame(tmp_path):
    write_mp4(tmp_path / "a.mp4", gop=50)
    with av.open(str(tmp_path / "a.mp4")) as container:
        packets = [p for p in container.demux(container.streams.video[0]) if p.size]
    content = bytearray((tmp_path / "a.mp4").read_bytes())
    for packet in packets[10:40]:
        content[packet.pos + 8 : packet.pos + packet.size] = b"\xa5" * (packet.size - 8)
    (tmp_path / "b.mp4").write_bytes(content)
    with pytest.raises(BadClip, match="b.mp4 (is damaged|cannot be decoded)"):
        frames(tmp_path / "b.mp4", 3, 16)


def test_names_that_look_like_addresses_or_are_no_text_are_names(tmp_path, monkeypatch):
    write_mp4(tmp_path / "a.mp4")
    content = (tmp_path / "a.mp4").read_bytes()
    monkeypatch.chdir(tmp_path)

    for name in (
        "http:x.mp4",
        "pipe:0.mp4",
        "a%03d.mp4",
        "ä ' \\ 数据.MP4",
        "-i.mp4",
        "\udcff.mp4",
    ):
        Path(name).write_bytes(content)
        assert shown(Path(name), 3) == [5, 25, 40]


def test_half_a_clip_is_never_a_whole_one_wherever_its_tags_end(tmp_path):
    """FLV tags end every few bytes: what is missing after one shows only in the duration."""
    with av.open(str(tmp_path / "a.flv"), "w") as container:
        stream = container.add_stream("flv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = WIDE, HIGH, "yuv420p"
        for i in range(60):
            frame = av.VideoFrame.from_ndarray(corners())
            frame.pts, frame.time_base = i, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    content = (tmp_path / "a.flv").read_bytes()
    ends, position = [], int.from_bytes(content[5:9]) + 4
    while position < len(content):
        position += 11 + int.from_bytes(content[position + 1 : position + 4]) + 4
        ends.append(position)
    assert ends[-1] == len(content)
    frames(tmp_path / "a.flv", 1, 16)
    for kept in (5, 20, 31, 45, 49):
        (tmp_path / "cut.flv").write_bytes(content[: ends[kept]])
        with pytest.raises(BadClip, match="cut.flv is truncated: 6.0 s promised"):
            frames(tmp_path / "cut.flv", 1, 16)
