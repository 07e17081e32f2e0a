"""Real sound of AVE, VGGish's of 178 clips, through loader, preparation and a network."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import tiny_ave
import torch

from companion.data import ave
from companion.data.hdf5 import Array
from companion.data.prepare_segments import prepare_segments
from olmlib import train
from olmlib.config import TrainConfig
from olmlib.methods.table import create
from olmlib.models.ave.config import AVGAConfig

SHARED = Path(os.environ.get("OLM_REAL_DATA", "../shared/data"))
SOUND = SHARED / "annotations" / "ave" / "audio_feature_noisy.h5"


@pytest.mark.skipif(not SOUND.is_file(), reason=f"{SOUND} is not there")
def test_the_real_rows_go_through_loader_and_network(tmp_path):
    parts = ("train", "train", "val", "test")
    lines = [
        (("Bark", "Banjo")[i % 2], f"real{i:07d}", i % 4, 5 + i % 5, parts[i // 2 % 4])
        for i in range(178)
    ]
    root = tiny_ave.write(tmp_path / "release", sorted(lines))
    shutil.copyfile(SOUND, root / "audio_feature.h5")
    config = tiny_ave.config(audio=128)
    release = ave.load(root, config).present()
    data = prepare_segments(release, tmp_path / "prepared", config)
    assert len(data) == 178 and data.classes == ("Bark", "Banjo", "background")
    stored = np.asarray(Array(SOUND, ave.KEY, (178, 10, 128), "")[0:178], np.float16)
    np.testing.assert_array_equal(np.sort(data.audio, 0), np.sort(stored, 0))

    height, width, visual = tiny_ave.VISUAL
    model = AVGAConfig(visual=visual, locations=height * width, attention=8, hidden=8)
    done = train.fit(create("olm"), data, model, TrainConfig(1, 32, 1e-3, "adam"), 0)
    batch = done.clips["test"].__getitems__([*range(8)])
    assert batch["audio"].shape == (8, 10, 128) and batch["audio"].dtype == torch.float32
    assert torch.isfinite(done.model(batch).logits["fused"]).all()
    assert 0 <= done.rows[0]["test_accuracy"] <= 1
