"""Answers that are wrong in ways that students find, and the points that each one costs.

Assignment -> name -> (cell, what the solution says, what the student says, points lost by test).
"""

WRONG = {
    "1_imbalance": {
        "a tensor in place of a float": (
            "q1",
            "(logits.argmax(1) == labels).double().mean().item()",
            "(logits.argmax(1) == labels).double().mean()",
            {"q1_hidden": 2},
        ),
        "the whole bias for audio": (
            "q2",
            "audio @ weight[:, :wide].T + bias / 2, visual @ weight[:, wide:].T + bias / 2",
            "audio @ weight[:, :wide].T + bias, visual @ weight[:, wide:].T",
            {"q2_hidden": 3},
        ),
        "the probe is asked what it was taught": (
            "q3",
            ".score(test, test_labels)",
            ".score(train, train_labels)",
            {"q3_visible": 1, "q3_hidden": 3, "q5_hidden": 3},
        ),
        "the norm of the mean": (
            "q4",
            "logits.norm(dim=1).mean().item()",
            "logits.mean(0).norm().item()",
            {"q4_visible": 1, "q4_hidden": 2},
        ),
        "three numbers of six": (
            "q5",
            "    measured[key] = probe(",
            "    probe(",
            {"q5_hidden": 3},
        ),
    },
    "2_olm": {
        "no absolute values inside": (
            "q1",
            "((dev - train).abs() - (dev0 - train0).abs()).abs()",
            "((dev - train) - (dev0 - train0)).abs()",
            {"q1_hidden": 2},
        ),
        "0 / 0": (
            "q2",
            "(G / C.clamp(min=1e-12)).clamp(max=1e30).softmax(0)",
            "(G / C).softmax(0)",
            {"q2_edges": 1},
        ),
        "a target that answers": (
            "q3",
            "scaled.mean().detach()",
            "scaled.mean()",
            {"q3_hidden": 2, "q4_visible": 1, "q4_hidden": 2},
        ),
        "the target as printed": (
            "q6",
            "len(norms) * lam * norms.mean() / norms",
            "lam * norms.mean() / norms",
            {"q6_visible": 1, "q6_hidden": 2},
        ),
        "the ratio of the means": (
            "q7",
            "ratios[(weight < weight[-1] / 2).sum()]",
            "targets.sum() / norms.sum()",
            {"q7_visible": 1, "q7_hidden": 2},
        ),
    },
    "3_irfb": {
        "scaled by the whole width": (
            "q1",
            "q.shape[-1] ** 0.5",
            "hub.shape[-1] ** 0.5",
            {"q1_heads": 2, "q5_hidden": 3},
        ),
        "no residual": (
            "q2",
            "layer_norm(hub + attention(",
            "layer_norm(attention(",
            {"q2_visible": 1, "q2_hidden": 2, "q5_hidden": 3},
        ),
        "a gate that sees its own modality": (
            "q3",
            "gates = (torch.cat(cls) @ W.T).sigmoid().chunk(len(us))",
            "gates = [(W[i * len(c) :, i * len(c) :][: len(c), : len(c)] @ c).sigmoid() "
            "for i, c in enumerate(cls)]",
            {"q3_hidden": 3, "q5_hidden": 3},
        ),
        "a softmax per modality": (
            "q4",
            "scores.flatten().softmax(0).view_as(scores)",
            "scores.softmax(1)",
            {"q4_visible": 1, "q4_broadcast": 3, "q5_hidden": 3},
        ),
        "two wrong answers": (
            "q6",
            "(True, False, False, False, True, True, False, True)",
            "(True, False, True, False, False, True, False, True)",
            {"q6_hidden": 2},
        ),
    },
    "4_own_method": {
        "three heads in disguise": (
            "q1",
            "len(losses) * self.mean / self.mean.sum()",
            "torch.ones_like(losses).detach()",
            {"q1_own": 2},
        ),
        "weights that sum to one": (
            "q1",
            "len(losses) * self.mean / self.mean.sum()",
            "self.mean / self.mean.sum()",
            {"q1_weights": 2},
        ),
        "nothing kept": (
            "q1",
            'return {"mean": self.mean, "w": self.w}',
            'return {"mean": torch.ones(3), "w": self.w}',
            {"q1_state": 1},
        ),
        "tuned on the test split": (
            "q2",
            'score(row, lr, seed, "dev")',
            'score(row, lr, seed, "test")',
            {"q2_hidden": 3},
        ),
        "a normal distribution": (
            "q3",
            "stats.t.ppf(0.975, df)",
            "1.96",
            {"q3_visible": 1, "q3_hidden": 2, "q5_hidden": 1},
        ),
    },
}
