"""The study's tables, pictures and claims, on made-up runs."""

import made_study
import pandas as pd
import pytest

from companion.evidence import rules
from companion.evidence.claim import CONTRADICTED, HEADS_ONLY, NOT_SHOWN, SUPPORTED
from companion.figures.style import save_numbers
from companion.findings import (
    asked,
    controlled,
    elsewhere,
    forest,
    numbers,
    pages,
    picture,
    rates,
    text,
)
from companion.lessons.controlled import runs as lesson

ROWS = made_study.ROWS


@pytest.fixture(scope="module")
def frame():
    return made_study.frame("cremad")


@pytest.fixture(scope="module")
def lines(frame):
    return numbers.table(frame, "cremad", "CREMA-D", forest.RECORDINGS, ROWS)


@pytest.fixture(scope="module")
def pairs(frame):
    return numbers.eight(frame, made_study.clips(frame))


def test_a_replicate_is_a_seeds_mean_over_folds(frame):
    runs = numbers.replicates(frame)
    assert len(runs) == len(ROWS) * 10
    own = frame[(frame["row"] == "olm") & (frame["seed"] == 3)]
    line = runs[(runs["row"] == "olm") & (runs["seed"] == 3)].iloc[0]
    assert line["accuracy"] == pytest.approx(100 * own["accuracy"].mean())
    assert line["test_clips"] == 6 * 240


def test_runs_that_are_missing_twice_or_no_accuracies_are_refused(frame):
    with pytest.raises(ValueError, match="every seed and fold"):
        numbers.replicates(frame.drop(index=5))
    with pytest.raises(ValueError, match="every seed and fold"):
        numbers.replicates(pd.concat([frame, frame.iloc[[5]]]))
    with pytest.raises(ValueError, match="not in"):
        numbers.replicates(frame.assign(accuracy=frame["accuracy"] * 100))


def test_a_planted_gain_is_shown_and_nothing_else_of_the_balanced_rows(lines):
    table = lines.set_index("row")
    for control in ("concat", "three_heads"):
        shown = table.index[table[f"{control}_verdict"] == "shown"]
        assert set(shown) == {"audio_only", "visual_only", "olm_paper"}
        assert table.loc["olm_paper", f"{control}_low"] > 0
    # 16 differences to Concat and 15 more to three heads are one family.
    assert numbers.can_tell(lines).comparisons == 31


def test_the_papers_differences_are_its_own(lines):
    table = lines.set_index("row")
    assert table.loc["olm_paper", "paper_cremad"] == pytest.approx(10.7)
    assert table.loc[["olm", "olm_reversed"], "paper_cremad"].isna().all()
    assert not {"paper_ks", "paper_vggsound"} & set(lines)
    every = numbers.published("ravdess")
    assert {name: round(gains["olm"], 1) for name, gains in every.items()} == {
        "cremad": 10.7, "ks": 3.3, "vggsound": 2.0,
    }  # fmt: skip


def test_the_best_unimodal_row_is_chosen_by_dev_accuracy(frame):
    turned = frame.copy()
    audio = turned["row"] == "audio_only"
    turned.loc[audio, "dev_accuracy"] = 0.99
    runs = numbers.replicates(turned)
    assert numbers.unimodal(runs) == ("audio_only", "visual_only")
    assert numbers.values(runs)[numbers.BEST].mean() < 45


def test_eight_comparisons_over_seeds_and_people(pairs):
    assert list(zip(pairs["row"], pairs["control"], strict=True)) == list(numbers.EIGHT)
    shown = pairs[pairs["verdict"] == "shown"]
    assert set(shown["row"]) == {"olm_paper", numbers.BEST}
    assert pairs["drawn"].eq("24 people").all()
    assert (pairs["people_low"] <= pairs["people_high"]).all()


def test_where_nobody_is_known_clips_are_drawn(frame):
    clips = made_study.clips(frame)
    found = numbers.eight(frame, clips.assign(group=clips["id"]))
    assert found["drawn"].eq("120 clips").all()


def test_the_page_says_what_the_table_can_tell(lines, pairs):
    page = text.page(lines, pairs, "make study", book="../book")
    assert "](../book/fairness.md)" in page, "a notebook's link is not that of a file in results/"
    for word in ("| Seeds ", "| Folds ", "| Test clips ", "31 comparisons judged together"):
        assert word in page, word
    assert "Over seeds and 24 people" in page and "Made by `make study`." in page
    planted = lines.set_index("row").loc["olm_paper"]
    assert f"+{planted['minus_concat']:.1f} [" in page


def test_half_widths_are_told_per_data_set(lines):
    told = text.widths(lines)
    half = (lines["three_heads_high"] - lines["three_heads_low"]).dropna() / 2
    assert f"{half.median():.1f}" in told and "of 16" in told


def test_sets_of_two_kinds_are_never_pooled(pairs):
    kinds = dict.fromkeys("ab", forest.RECORDINGS) | dict.fromkeys("cd", forest.MINIATURES)
    found = forest.table(dict.fromkeys("abcd", pairs), kinds, {name: name for name in "abcd"})
    assert len(found) == 8 * 6
    means = found[found["dataset"] == ""]
    assert set(means["title"]) == {"mean over 2 sets of recordings", "mean over 2 miniatures"}
    one = forest.table({"a": pairs}, kinds, {"a": "a"})
    assert one["dataset"].eq("a").all(), "one set has no mean over sets"
    assert len(forest.markdown(found).splitlines()) == 2 + 8
    assert sum(ax.get_visible() for ax in forest.picture(found).axes) == 8


def test_every_row_is_drawn_with_its_seeds(lines, frame):
    figure = picture.gains(lines, numbers.replicates(frame))
    first = figure.axes[0]
    assert [tick.get_text() for tick in first.get_yticklabels()] == list(lines["label"])
    seeds = next(line for line in first.lines if line.get_label() == "a seed")
    assert len(seeds.get_xdata()) == len(ROWS) * 10
    # Audio-only lies 20 points lower: it is told at the edge, and does not squeeze the others.
    low, _ = first.get_xlim()
    assert low > -15 and any("−" in note.get_text() for note in first.texts)


def test_what_helps_and_costs_have_a_panel_per_data_set(lines):
    both = pd.concat([lines, lines.assign(title="Another")])
    assert [ax.get_title(loc="left") for ax in picture.what_helps(both).axes] == [
        "CREMA-D", "Another",
    ]  # fmt: skip
    assert len(picture.costs(both).axes) == 4


def test_rates_are_those_of_the_first_value(frame):
    grid = rates.table(made_study.tuning(frame))
    own = grid[grid["row"] == "olm_constant"].set_index("lr")
    assert list(own.index) == [0.005, 0.01, 0.02, 0.04]
    # Other values of its own number, which are worse here, are not mixed in.
    assert own.loc[0.02, "dev"] > 58.5 and own.loc[0.02, "chosen"] == 1
    assert rates.picture(grid, {"cremad": "CREMA-D"}).axes[0].lines


def found(frame, growth=None, apart=None, scores=None):
    weaker, rows = asked.probed(frame)
    assert weaker == "audio"
    return asked.ask(
        frame, made_study.epochs(frame, growth, apart), made_study.probes(frame, rows, scores)
    )


def test_claims_by_their_rules(frame):
    table = found(
        frame,
        growth={"olm_paper": (0.6, 0.8), "olm": (1.2, 0.5)},
        apart={"olm_paper": 0.3, "olm": 1.6},
        scores={"audio_only": 40, "olm_paper": 36, "three_heads": 35.9, "olm": 25},
    )
    # Visual alone is four points below Concat; the audio encoder is left 10 points behind in it.
    assert asked.verdict(table, 1) == CONTRADICTED and asked.verdict(table, 2) == SUPPORTED
    assert asked.verdict(table, 3) == SUPPORTED and asked.verdict(table, 4) == SUPPORTED
    assert asked.verdict(table, 5) == HEADS_ONLY and asked.verdict(table, 6) == SUPPORTED
    assert asked.verdict(table, 12) in (NOT_SHOWN, CONTRADICTED)
    assert asked.verdict(table, 14) == SUPPORTED
    ours = table[table["row"] == "olm"].groupby("claim")["on_claim"].first()
    assert ours[4] == CONTRADICTED and ours[5] == CONTRADICTED and ours[14] == CONTRADICTED
    assert asked.verdict(table, 7) is None


def test_without_algorithm_1_ours_stands_for_it(frame):
    fewer = frame[frame["row"] != "olm_paper"]
    table = found(fewer, apart={"olm": 0.2})
    assert asked.verdict(table, 14) == SUPPORTED


def test_a_competitor_above_olm_contradicts_that_it_is_comparable():
    gains = made_study.HEIGHTS | {"olm_paper": 3.0, "pmr": 7.0}
    table = found(made_study.frame("cremad", gains=gains))
    assert asked.verdict(table, 6) == CONTRADICTED


def test_where_nothing_differs_no_claim_is_supported():
    frame = made_study.frame("cremad", gains={"audio_only": -1.0}, folds=2)
    table = found(frame, growth={row: (0.0, 0.0) for row in ROWS})
    assert not table["on_claim"].eq(SUPPORTED).any()


def test_ratios_are_told_as_factors(frame):
    table = found(frame, apart={"olm_paper": 0.3})
    said = asked.in_words(table[(table["claim"] == 14) & (table["row"] == rules.OLM)])
    assert "Concat over OLM (paper) × 2.0" in said


COSTS = """row,step_over_concat,extra_runs
concat,1.0,0
olm,1.07,0
olm_paper,1.16,0
gblend,1.02,3
ogm_ge,1.52,0
"""


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """What is found without the study, of two tables of `mini`."""
    folder = tmp_path_factory.mktemp("mini")
    seeds = range(4)
    heads = [("audio", s, 0.5 + 0.01 * s, 0.52) for s in seeds]
    columns = ["modality", "seed", "inside", "alone"]
    pd.DataFrame(heads, columns=columns).to_csv(folder / "table3_heads.csv", index=False)
    rooms = [
        (row, row, s, 60 + gain + 0.3 * (s % 3), 61 + gain + 0.3 * (s % 2))
        for row, gain in {"concat": 0, "three_heads": 0.1, "olm": 5}.items()
        for s in seeds
    ]
    columns = ["row", "label", "seed", "balanced", "accuracy"]
    pd.DataFrame(rooms, columns=columns).to_csv(folder / "fig4_runs.csv", index=False)
    (folder / "costs.csv").write_text(COSTS)
    return elsewhere.found(folder, folder / "costs.csv")


def written(folder, frame, name, kind):
    """Write what the notebook writes of one data set."""
    lines = numbers.table(frame, "cremad", name, kind, ROWS)
    save_numbers(lines, folder / f"{name}.csv")
    save_numbers(found(frame, apart={"olm_paper": 0.3}), folder / f"{name}_claims.csv")
    return numbers.eight(frame, made_study.clips(frame))


def test_without_a_study_the_page_says_so_and_has_the_rest(tmp_path, other):
    study = pages.read(tmp_path)
    whole = pages.page(study, other, "make study")
    # Of the study eight claims, of `mini` Tables 2 and 3, and the line that says so.
    assert whole.count(f"*{pages.NOT_YET}*") == 8 + 2 + 1 and pages.NO_STUDY in whole
    table = pages.judge(study, other).set_index("number")
    assert table.loc[1, "recordings"] == table.loc[14, "miniatures"] == pages.NOT_YET
    assert table.loc[7, "miniatures"] == "–", "Table 2 of mini is not there"
    assert table.loc[8, "miniatures"] == SUPPORTED
    assert table.loc[9, "miniatures"] == elsewhere.DEMONSTRATED
    assert table.loc[11, "recordings"] == f"{CONTRADICTED} (mathematics)"
    assert table.loc[13, "recordings"] == f"{SUPPORTED} (measured costs)"


def test_the_page_says_what_the_files_say(tmp_path, frame, other):
    worse = made_study.frame("cremad", gains=made_study.HEIGHTS | {"olm_paper": -6.0}, rng=9)
    parts = {
        name: written(tmp_path, own, name, kind)
        for name, own, kind in (
            ("actors", frame, forest.RECORDINGS),
            ("figures", worse, forest.RECORDINGS),
            ("toys", frame, forest.MINIATURES),
        )
    }
    study = pages.read(tmp_path)
    assert list(study.claims) == ["actors", "figures", "toys"]
    kinds = {name: study.kind(name) for name in parts}
    save_numbers(forest.table(parts, kinds, kinds), tmp_path / "forest.csv")
    study = pages.read(tmp_path)
    said = pages.sentences(study)
    assert "On 2 sets of real recordings" in said
    assert "prints it is shown to be better than concatenation on 1 and worse than" in said
    table = pages.judge(study, other).set_index("number")
    assert table.loc[1, "recordings"] == f"{CONTRADICTED} (2 sets)"
    assert table.loc[6, "miniatures"] == f"{SUPPORTED} (1 set)"
    whole = pages.page(study, other, "make study")
    assert whole.count(pages.NOT_YET) == 2, "Tables 2 and 3 of mini are not there"
    gap = study.tables["actors"].set_index("row").loc["olm_paper"]
    assert f"OLM (paper) − Concat {gap['minus_concat']:+.1f}" in whole
    assert pages.summary(study, other) in whole
    slower = gap["seconds_over_concat"]
    assert f"times Concat's: {study.title('actors')} {slower:.2f}" in whole


def test_the_page_tells_when_each_part_helps(tmp_path):
    assert controlled.section(pages.read(tmp_path).worlds) == "", "it was not run"
    scores = pd.DataFrame(
        [
            (strength, 10, 1.0, row, seed, 50 + gain + 0.1 * seed + 0.01 * strength * (seed % 2))
            for strength, worse in ((0.5, 3.0), (2.5, 0.0))
            for row, gain in {
                "audio_only": -5.0,
                "visual_only": -9.0,
                "concat": 0.0,
                "three_heads": 1.0,
                "olm_constant": 1.5,
                "olm": 1.0 - worse,
                "ogm_ge": -2.0,
            }.items()
            for seed in range(4)
        ],
        columns=["strength", "width", "shared", "row", "seed", "accuracy"],
    )
    scores["accuracy"] += 0.05 * scores["row"].str.len() * (scores["seed"] % 3)
    gains = lesson.gains(scores, [lesson.JOINT, "three_heads", lesson.BEST])
    save_numbers(gains, tmp_path / controlled.FILE)
    text = controlled.section(pages.read(tmp_path).worlds)
    olm = gains[(gains["row"] == "olm") & (gains["reference"] == "three_heads")]
    assert [f"{gain:.1f}" for gain in olm["gain"]] != ["0.0", "0.0"]
    for line, world in zip(text.splitlines()[-2:], olm.to_dict("records"), strict=True):
        cell = f"{world['gain']:+.1f} ± {world['half_width']:.1f}".replace("-", "−")
        assert line.startswith(f"| {world['strength']:g}") and cell in line
    assert "OLM (stable) − Three heads (w = 1): " in text and "below in 1." in text


def test_eq_9_has_a_closed_form(other):
    assert other[11].verdict == CONTRADICTED and "0.00 at w" in other[11].number


def test_a_costly_step_or_an_extra_run_contradicts_that_olm_needs_none(tmp_path):
    for costly in ("olm_paper,1.30,0", "olm_paper,1.16,1"):
        (tmp_path / "costs.csv").write_text(COSTS.replace("olm_paper,1.16,0", costly))
        assert elsewhere.found(tmp_path, tmp_path / "costs.csv")[13].verdict == CONTRADICTED
