"""Is a media file whole? Decoders read what is left of a cut one, and say nothing.

Every container tells how many bytes it has; what each tells, and where, is here.
"""

from pathlib import Path

from companion.data.files import BadClip, place

# A size from here on is no size: who writes to a pipe, or is killed, leaves what stood there first.
# That is 2^32 - 1 or a round number just below 2^31, or 0; no clip is that long.
PLACEHOLDER = 0x7FFF0000
MATROSKA = b"\x1a\x45\xdf\xa3"
# What an MP4 starts with; old QuickTime files do without the first.
MP4 = (b"ftyp", b"moov", b"mdat", b"wide")


def refuse_cut(path: Path) -> None:
    """Refuse a WAV, AIFF, AU, Ogg, AVI, FLV, MP4 or Matroska file that ends before it says so.

    Raises:
        BadClip: it does; says how many bytes are promised and how many there are.
    """
    with path.open("rb") as file:
        head = file.read(24)
    there = path.stat().st_size
    if head[:4] in (b"RIFF", b"RIFX", b"FORM"):
        size = int.from_bytes(head[4:8], "little" if head[:4] == b"RIFF" else "big")
        # The last chunk of some files lacks the byte that makes its length even.
        if size < PLACEHOLDER and there + 1 < size + 8:
            raise cut(path, size + 8)
    elif head[:4] == b".snd":
        start, size = int.from_bytes(head[4:8]), int.from_bytes(head[8:12])
        if size < PLACEHOLDER and there < start + size:
            raise cut(path, start + size)
    elif head[:4] == b"riff":
        # Sony's WAV of 64 bits: names are of sixteen bytes, and sizes of eight.
        size = int.from_bytes(head[16:24], "little")
        if size < PLACEHOLDER and there < size:
            raise cut(path, size)
    elif head[:4] == b"OggS":
        _refuse_cut_ogg(path)
    elif head[:3] == b"FLV":
        _refuse_cut_flv(path)
    elif head[4:8] in MP4:
        _refuse_cut_mp4(path)
    elif head[:4] == MATROSKA:
        _refuse_cut_matroska(path)


def cut(path: Path, promised: int) -> BadClip:
    """Return what to raise for a file of less than `promised` bytes."""
    there = path.stat().st_size
    return BadClip(f"{place(path)} is truncated: {promised} bytes promised, {there} there")


def _refuse_cut_mp4(path: Path) -> None:
    """Refuse an MP4 that lacks its index or ends inside it or inside the media.

    It is a row of boxes: a 32-bit size, a type, and the body. Size 1 means that 64 bits with the
    size follow, 0 that the box goes on to the end of the file.
    """
    there, position, types = path.stat().st_size, 0, set()
    with path.open("rb") as file:
        while position + 8 <= there:
            file.seek(position)
            head = file.read(16)
            size, kind = int.from_bytes(head[:4]), head[4:8]
            size = int.from_bytes(head[8:]) if size == 1 else size or there - position
            # What follows the last box, or is damaged, is for FFmpeg to judge.
            if size < 8:
                break
            position += size
            if kind in (b"moov", b"mdat", b"moof") and position > there:
                raise cut(path, position)
            types.add(kind)
    if b"moov" not in types:
        raise BadClip(f"{place(path)} is truncated: its index (moov) is missing, {there} bytes")


def _refuse_cut_flv(path: Path) -> None:
    """Refuse an FLV that ends inside a tag.

    Each tag is a type, a 24-bit size, 7 bytes, the body and 4 bytes that repeat its length.
    """
    content = path.read_bytes()
    position = int.from_bytes(content[5:9]) + 4
    while position < len(content) and content[position] in (8, 9, 18):
        position += 11 + int.from_bytes(content[position + 1 : position + 4]) + 4
    if position > len(content):
        raise cut(path, position)


def _refuse_cut_ogg(path: Path) -> None:
    """Refuse an Ogg whose last page is not marked as the last one."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - (1 << 17)))  # a page has less than half of that
        tail = file.read()
    page = tail[tail.rfind(b"OggS") :]
    # The sizes of the parts of a page stand before them.
    body = 27 + page[26] + sum(page[27 : 27 + page[26]]) if len(page) > 26 else 0
    if not body or not page[5] & 4 or len(page) < body:
        raise BadClip(f"{place(path)} is truncated: its last page is missing")


def _refuse_cut_matroska(path: Path) -> None:
    """Refuse an MKV or WebM whose segment, the second of its two elements, is longer than it is.

    An element is an id, of four bytes here, its size and its body. The first byte of a size tells
    by its leading zeros how many more belong to it; all other bits set mean that nobody knows.
    """
    with path.open("rb") as file:
        position = 0
        for _ in range(2):
            file.seek(position + 4)
            first = file.read(1)
            if not first or not first[0]:
                return
            more = 8 - first[0].bit_length()
            unknown = (1 << 7 * (more + 1)) - 1
            size = int.from_bytes(first + file.read(more)) & unknown
            position += 5 + more + (0 if size == unknown else size)
    if position > path.stat().st_size:
        raise cut(path, position)
