"""The miniature releases by name, as `params.yaml` calls the data sets."""

from companion.miniature.cremad import cremad
from companion.miniature.ks import ks
from companion.miniature.mer2023 import mer2023
from companion.miniature.vggsound import vggsound

MAKERS = {"cremad": cremad, "ks": ks, "vggsound": vggsound, "mer2023": mer2023}
