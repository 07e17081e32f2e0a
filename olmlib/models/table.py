"""The table of networks: which one a configuration asks for."""

from olmlib.config import LateFusionConfig, MLPFusionConfig, TransformerConfig
from olmlib.models import late_fusion, mlp_fusion, transformer
from olmlib.models.ave import avga, cmbs, mafnet, psp
from olmlib.models.ave import config as ave
from olmlib.models.network import Network

NETWORKS: dict[type, type[Network]] = {
    LateFusionConfig: late_fusion.LateFusion,
    MLPFusionConfig: mlp_fusion.MLPFusion,
    TransformerConfig: transformer.Transformer,
    ave.AVGAConfig: avga.AVGA,
    ave.MAFnetConfig: mafnet.MAFnet,
    ave.PSPConfig: psp.PSP,
    ave.CMBSConfig: cmbs.CMBS,
}
