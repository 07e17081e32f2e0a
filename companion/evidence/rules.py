"""The paper's claims and what decides each of them: written before any run of the study."""

import math

from companion.evidence.claim import Rule

# Points that do not matter: half of what the paper itself gains with OLM, of Table 1 the smallest
# of its three gains (VGGSound), so that no data set is called equivalent for another one's gain; of
# Tables 2 and 3 the mean one. Figure 4 has no number.
TABLE1, TABLE2, TABLE3, FIG4 = 1.0, 0.7, 1.3, 1.0
# Ratios, of growth or of updates, that do not matter: a tenth.
RATIO = math.log(1.1)

_TABLE1 = "1.0 point: half of the smallest gain over Concat that Table 1 prints"
_RATIO = "a factor of 1.1"
# Where the paper says OLM, Algorithm 1 as it is printed is asked, and `stable` beside it.
OLM = "olm_paper"
VARIANTS = (OLM, "olm_code", "olm")
COMPETITORS = ("gradnorm", "mmcosine", "gblend", "pmr", "ogm_ge", "avslowfast", "cur")

RULES = {
    1: Rule(
        claim="the best unimodal network often beats joint training (1, 4.3 ii)",
        measured="accuracy of the best unimodal row, chosen by dev accuracy, minus that of Concat",
        supports="shown above 0",
        refutes="shown below 0, or equivalent",
        margin=_TABLE1,
        size=TABLE1,
    ),
    2: Rule(
        claim="one modality dominates joint training and leaves the other under-trained (1, 4.3 i)",
        measured="accuracy of a linear probe of the weaker modality's encoder, trained alone minus "
        "trained inside Concat; weaker is the one whose unimodal row has the lower dev accuracy",
        supports="shown above 0",
        refutes="shown below 0, or equivalent",
        margin=_TABLE1,
        size=TABLE1,
    ),
    3: Rule(
        claim="logit norms grow over training, and at different speeds in different modalities "
        "(1; Figures 1 and 5)",
        measured="in Concat, logarithm of each modality's logit norm in the last epoch over that "
        "in the first, and the difference of the two",
        supports="both growths shown above 0 and their difference shown",
        refutes="a growth shown below 0, or the two equivalent",
        margin=_RATIO,
        size=RATIO,
    ),
    4: Rule(
        claim="OLM slows the growth of the faster modality's logits and speeds up the slower's "
        "(4.4, Figure 5)",
        measured="growth of each modality's logit norm, as in claim 3, under OLM minus under three "
        "heads, which has the same heads; faster is the one that grows more under three heads",
        supports="shown below 0 for the faster and above 0 for the slower",
        refutes="one of them shown with the other sign, or both equivalent",
        margin=_RATIO,
        size=RATIO,
    ),
    5: Rule(
        claim="OLM mitigates the under-fitting of the weaker modality (4.4, Figure 6)",
        measured="accuracy of a linear probe of the weaker modality's encoder, OLM minus Concat "
        "and OLM minus three heads",
        supports="both shown above 0",
        refutes="one shown below 0, or both equivalent",
        margin="1.0 point, as of accuracies: the paper prints no number of Figure 6",
        size=TABLE1,
    ),
    6: Rule(
        claim="OLM-Conv is superior or comparable to the other methods (4.3 iii, Table 1)",
        measured="accuracy of OLM minus that of Concat, and minus that of every competitor "
        "(GradNorm, MMCosine, G-Blend, PMR, OGM-GE and, where they exist, AVSlowFast and CUR)",
        supports="shown above Concat, and no competitor's plain 90 % interval reaches a margin "
        "above OLM",
        refutes="a competitor shown above OLM, or OLM shown below Concat or equivalent to it",
        margin=_TABLE1,
        size=TABLE1,
    ),
    7: Rule(
        claim="OLM improves most AVE networks more than G-Blend and OGM-GE (4.3, Table 2)",
        measured="gain of accuracy over the baseline in each of four networks",
        supports="OLM's gain over the baseline is above those of G-Blend and of OGM-GE, shown with "
        "simultaneous intervals, in more than half of the networks",
        refutes="in at most half of them OLM's mean gain is above both",
        margin="0.7 points, half of the paper's mean gain of OLM",
        size=TABLE2,
    ),
    8: Rule(
        claim="OLM improves accuracy and recall on SUN RGB-D (4.3, Figure 4)",
        measured="balanced accuracy, OLM minus Concat and OLM minus three heads",
        supports="the balanced accuracy of OLM is above that of Concat and above that of three "
        "heads, both shown with simultaneous intervals over seeds",
        refutes="it is shown to be below one of them, or equivalent to both",
        margin="1 point: the paper prints no number of Figure 4 to take half of",
        size=FIG4,
    ),
    9: Rule(
        claim="with IRFB the unimodal encoders reach the unimodal baselines (3.1, Remarks)",
        measured="accuracy of each unimodal head inside the IRFB network minus that of the same "
        "encoder trained alone",
        supports="of every modality, the plain 90 % interval lies above minus the margin",
        refutes="of one modality, shown below 0",
        margin="1.3 points: half of what Table 3 prints for IRFB over MBT",
        size=TABLE3,
    ),
    10: Rule(
        claim="OLM boosts any combination of modalities, and IRFB beats MBT by about 2 points "
        "(4.4 b and c, Table 3)",
        measured="weighted F1 of OLM minus that of the same network with all w = 1; and of IRFB "
        "minus MBT, mean over combinations",
        supports="both shown above 0",
        refutes="one shown below 0, or equivalent",
        margin="1.3 points: half of what Table 3 prints for IRFB over MBT",
        size=TABLE3,
    ),
    11: Rule(
        claim="Eq. 9 has no analytic optimum; Algorithm 1 finds it (3.2)",
        measured="what is left of Eq. 9 at a closed form, and after Algorithm 1",
        supports="no closed form reaches a value as low as Algorithm 1's",
        refutes="one reaches 0",
        margin="none: it is mathematics",
        size=None,
    ),
    12: Rule(
        claim="a higher convergence rate C means more risk of overfitting and should get a "
        "smaller magnitude (3.2)",
        measured="accuracy of `stable` minus that of the same rule reversed, with G and C "
        "exchanged",
        supports="shown above 0",
        refutes="shown below 0, or equivalent",
        margin=_TABLE1,
        size=TABLE1,
    ),
    13: Rule(
        claim="OLM needs no extra network, no extra run and no gradient surgery (4.3)",
        measured="extra runs, and the time of a step over that of Concat, beside G-Blend's and "
        "OGM-GE's",
        supports="no extra run, and a step takes at most a quarter longer than Concat's",
        refutes="an extra run, or a longer step",
        margin="a quarter of a step",
        size=0.25,
    ),
    14: Rule(
        claim='OLM "ensures similar rates of parameter updates across modalities" (3.2)',
        measured="logarithm of the ratio of the two encoders' updates relative to their weights, "
        "larger over smaller, mean over epochs: OLM minus Concat and OLM minus three heads",
        supports="both shown below 0",
        refutes="one shown above 0, or both equivalent",
        margin=_RATIO,
        size=RATIO,
    ),
}


def page() -> str:
    """Return all rules as a Markdown list, as it stands in `book/fairness.md`."""
    return "\n".join(
        f"{number}. **{_capital(rule.claim)}.** Asked: {rule.measured}. "
        f"Supported: {rule.supports}. Contradicted: {rule.refutes}. Margin: {rule.margin}."
        for number, rule in RULES.items()
    )


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
