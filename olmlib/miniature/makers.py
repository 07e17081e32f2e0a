"""The miniature releases by name, as `params.yaml` calls the data sets."""

from olmlib.miniature.cremad import cremad
from olmlib.miniature.ks import ks
from olmlib.miniature.mer2023 import mer2023
from olmlib.miniature.vggsound import vggsound

MAKERS = {"cremad": cremad, "ks": ks, "vggsound": vggsound, "mer2023": mer2023}
