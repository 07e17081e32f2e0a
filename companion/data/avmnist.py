"""AV-MNIST: handwritten digits (MNIST) paired with spoken ones (Free Spoken Digit Dataset).

    mnist/t10k-images-idx3-ubyte.gz   mnist/t10k-labels-idx1-ubyte.gz
    fsdd/recordings/{digit}_{speaker}_{index}.wav

MNIST's 10,000 test images are used only: that is more than three for each of the 3,000 recordings,
and everybody has the same pairs. The six speakers take turns as test split: on the published split,
which shares them, every method is at the ceiling. Both parts are fetched on request by `make
study-data` (MNIST 1.7 MB; FSDD 16 MB, CC BY-SA 4.0).
"""

import gzip
import hashlib
import math
import re
import shutil
import tempfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pooch
from PIL import Image

from companion.data import media
from companion.data.folds import roles
from companion.data.release import Clip, Release, ReleaseError
from companion.data.sections import PrepareSpeakers

CLASSES = tuple("0123456789")
IMAGES, LABELS = "mnist/t10k-images-idx3-ubyte.gz", "mnist/t10k-labels-idx1-ubyte.gz"
RECORDINGS = "fsdd/recordings"
FSDD = "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/tags/v1.0.10.tar.gz"
# SHA-256 of the contents: archives of the same files differ from one packer to the next.
CONTENTS = {
    IMAGES: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    LABELS: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    RECORDINGS: "45a9b976ba3397a2fd5c70a9f2e43c34f442a3a6be47392ecfc41174b678f37e",
}
RECORDING_COUNT = 3_000
_NAME = re.compile(r"(?P<digit>\d)_(?P<speaker>[a-z]+)_(?P<index>\d+)")
_ADVICE = "`make study-data` fetches it"


@dataclass(frozen=True)
class AvMnist(Release):
    """Pairs of a recording and an image of the same digit.

    Attributes:
        images: `(N, 28, 28)` uint8, in the order of `clips`.
        audio_noise: standard deviation of the noise added to a recording, as a share of its RMS.
        seed: of the noise.
    """

    images: np.ndarray = field(compare=False)
    audio_noise: float = 0.0
    seed: int = 0

    def part(self, clips: Iterable[Clip]) -> "AvMnist":
        """Return these pairs only, with their images."""
        clips = tuple(clips)
        place = {clip.id: i for i, clip in enumerate(self.clips)}
        images = self.images[[place[clip.id] for clip in clips]]
        return replace(self, clips=clips, images=images)

    def waveform(self, clip: Clip, sample_rate: int) -> np.ndarray:
        """Return the recording with its noise, which depends on seed and recording alone."""
        sound = media.waveform(clip.audio, sample_rate)
        if not self.audio_noise:
            return sound
        key = int.from_bytes(hashlib.sha256(clip.audio.stem.encode()).digest()[:8])
        noise = np.random.default_rng([self.seed, key]).standard_normal(len(sound), np.float32)
        return sound + self.audio_noise * np.sqrt(np.mean(sound**2)) * noise

    def frames(self, clip: Clip, count: int, size: int) -> np.ndarray:
        """Return the image as `count` equal RGB frames, `(count, size, size, 3)` uint8."""
        index = next(i for i, other in enumerate(self.clips) if other.id == clip.id)
        image = Image.fromarray(self.images[index])
        if size != image.width:
            image = image.resize((size, size), Image.Resampling.BILINEAR)
        return np.tile(np.asarray(image)[None, :, :, None], (count, 1, 1, 3))


def load(root: str | Path, config: PrepareSpeakers, fold: int) -> AvMnist:
    """Pair every recording with an image of its digit, none used twice.

    Args:
        root: folder with `mnist/` and `fsdd/`.
        config: seed of the pairs and of the noise, and how both are weakened. The images' principal
            components are fitted on train images only.
        fold: which speaker is tested, in alphabetical order; the next one is the dev split.

    Raises:
        ReleaseError: a part is missing or is not what it should be.
        ValueError: no such fold.
    """
    root = Path(root)
    images, labels = read_idx(root / IMAGES, root), read_idx(root / LABELS, root)
    if images.shape != (len(labels), 28, 28):
        raise ReleaseError(f"{root / IMAGES}: {images.shape} for {len(labels)} labels")
    folder = root / RECORDINGS
    # Unlike a pattern, a listing says so where a folder may not be read.
    there = folder.iterdir() if folder.is_dir() else ()
    paths = sorted(path for path in there if path.suffix == ".wav")
    if not paths:
        raise ReleaseError(f"{root / RECORDINGS} has no recording; {_ADVICE}")
    # One generator per digit: adding a recording of one digit changes no pair of another.
    heap = {
        digit: np.random.default_rng([config.seed, digit]).permutation(
            np.flatnonzero(labels == digit)
        )
        for digit in range(len(CLASSES))
    }
    used, clips, chosen = dict.fromkeys(heap, 0), [], []
    for path in paths:
        match = _NAME.fullmatch(path.stem)
        if not match:
            raise ReleaseError(f"{path} is not called digit_speaker_index.wav")
        digit = int(match["digit"])
        if used[digit] == len(heap[digit]):
            raise ReleaseError(f"{root / IMAGES}: too few images of {digit} for its recordings")
        image = heap[digit][used[digit]]
        used[digit] += 1
        name = f"{path.stem}-{image:05d}"
        clips.append(Clip(name, digit, "train", match["speaker"], path, root / IMAGES))
        chosen.append(image)
    speakers, parts = np.unique([clip.group for clip in clips], return_inverse=True)
    if len(speakers) < 3:
        raise ReleaseError(f"{folder} has {len(speakers)} speakers, too few to be in three splits")
    splits = roles(parts, fold)
    clips = [replace(c, split=str(split)) for c, split in zip(clips, splits, strict=True)]
    pictures = _weaken(images[chosen], splits == "train", config.pca_energy)
    return AvMnist("avmnist", CLASSES, tuple(clips), pictures, config.audio_noise, config.seed)


def _weaken(images: np.ndarray, train: np.ndarray, energy: float) -> np.ndarray:
    """Keep the fewest principal components that hold more than `energy` of the variance."""
    if energy >= 1:
        return images
    # Imported here, because worker processes load this module and need no scikit-learn.
    from sklearn.decomposition import PCA

    flat = images.reshape(len(images), -1).astype(np.float64)
    model = PCA(energy, svd_solver="full").fit(flat[train])
    weak = model.inverse_transform(model.transform(flat))
    return np.clip(np.rint(weak), 0, 255).astype(np.uint8).reshape(images.shape)


def read_idx(path: Path, root: Path) -> np.ndarray:
    """Read a gzipped IDX file of bytes, the format of MNIST.

    Raises:
        ReleaseError: missing, not gzip, or not what its header says.
    """
    fault = media.problem(path)
    if fault:
        raise ReleaseError(f"{path}: {fault}; {_ADVICE}")
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise ReleaseError(f"{path}: {error}; {_ADVICE}") from None
    dimensions = content[3] if content[:3] == b"\0\0\x08" and len(content) > 3 else 0
    start = 4 + 4 * dimensions
    shape = [int.from_bytes(content[i : i + 4]) for i in range(4, start, 4)]
    if not dimensions or len(content) != start + math.prod(shape):
        raise ReleaseError(f"{path} is not an IDX file of bytes; {_ADVICE}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def verify(root: str | Path) -> None:
    """Compare what lies under `root` with the released contents.

    Raises:
        ReleaseError: a part is missing or differs; says which, and what was found.
    """
    root = Path(root)
    for name in (IMAGES, LABELS):
        read_idx(root / name, root)
        content = hashlib.sha256(gzip.decompress((root / name).read_bytes())).hexdigest()
        if content != CONTENTS[name]:
            raise ReleaseError(f"{root / name}: SHA-256 of its content is {content}, not MNIST's")
    digest = hashlib.sha256()
    paths = sorted((root / RECORDINGS).glob("*.wav"), key=lambda path: path.name)
    if len(paths) != RECORDING_COUNT:
        raise ReleaseError(
            f"{root / RECORDINGS}: {len(paths)} of {RECORDING_COUNT} recordings of FSDD v1.0.10"
        )
    for path in paths:
        digest.update(path.name.encode() + path.read_bytes())
    if digest.hexdigest() != CONTENTS[RECORDINGS]:
        raise ReleaseError(f"{root / RECORDINGS}: a recording differs from FSDD v1.0.10")


def fetch(root: str | Path, source: str | Path | None = None) -> None:
    """Put both parts under `root`, unless they are there.

    Args:
        root: where to.
        source: a local folder in the same layout to copy from; None downloads.

    Raises:
        ReleaseError: the source, or what was downloaded, is not the release.
        Exception: no connection (of `requests`), or a wrong checksum (ValueError of `pooch`).
    """
    root = Path(root)
    try:
        return verify(root)
    except ReleaseError:
        root.mkdir(parents=True, exist_ok=True)
    # First beside its final place: a stopped copy or download leaves nothing that looks complete.
    with tempfile.TemporaryDirectory(dir=root.parent, prefix=f".{root.name}.") as name:
        draft = Path(name)
        if source is None:
            _download(draft)
        else:
            verify(source)
            for name in (IMAGES, LABELS, RECORDINGS):
                (draft / name).parent.mkdir(parents=True, exist_ok=True)
                copy = shutil.copytree if name == RECORDINGS else shutil.copyfile
                copy(Path(source) / name, draft / name)
        verify(draft)
        for part in ("mnist", "fsdd"):
            shutil.rmtree(root / part, ignore_errors=True)
            (draft / part).replace(root / part)


def _download(root: Path) -> None:
    # Imported here, because only this needs the addresses and checksums of torchvision's data sets.
    from torchvision.datasets import MNIST

    checksums = dict(MNIST.resources)
    for name in (IMAGES, LABELS):
        path = root / name
        pooch.retrieve(
            MNIST.mirrors[0] + path.name, "md5:" + checksums[path.name], path.name, path.parent
        )
    unpack = pooch.Untar(extract_dir="unpacked")
    # The archive is packed on demand, so its own checksum may change; `verify` checks the contents.
    files = pooch.retrieve(FSDD, None, "fsdd.tar.gz", root, processor=unpack)
    target = root / RECORDINGS
    target.mkdir(parents=True)
    for file in map(Path, files):
        if file.suffix == ".wav" and file.parent.name == "recordings":
            file.replace(target / file.name)
