"""MMCosine (Xu et al., ICASSP 2023): each modality votes with an angle, never with a length.

A modality dominates a concatenation when its features or its part of the classifier have large
norms. Here both are brought to length 1, per modality and per class, so that a modality adds to a
class's logit the cosine between its features and the class's weights, times a fixed scale, and no
modality can shout. The rest is plain cross-entropy of the sum. It costs two normalisations of small
matrices per step, which cannot be seen beside the encoders.
"""

from olmlib.methods.base import Method, check
from olmlib.models.cosine import CosineFusion

EVALS = ("cosine", "linear")


class Scheme(Method):
    """Minimise the cross-entropy of the summed, scaled cosines.

    Args:
        seed: unused.
        scale: s. It bounds how sure the model can be: a probability p of the right one of C classes
            needs `s >= (C - 1) / (2 C) * ln((C - 1) p / (1 - p))`, 5.15 for 0.99 among 309 classes.
        eval: what is tested: `cosine`, what was trained, or `linear`, the logits of the head with
            its norms and its bias, which the released code predicts with.
        **options: none; named in the error.

    Raises:
        ValueError: an unknown `eval`, or a scale that is no number.
    """

    def __init__(self, seed=0, scale=10.0, eval="cosine", **options):
        super().__init__(seed, **options)
        check(float, scale=scale)
        if eval not in EVALS:
            raise ValueError(f"eval is {eval!r}, not one of {EVALS}")
        self.scale, self.linear_eval = scale, eval == "linear"

    def build(self, num_classes, config):
        """Return the late fusion with a head of cosines."""
        return CosineFusion(num_classes, config, self.scale, self.linear_eval)
