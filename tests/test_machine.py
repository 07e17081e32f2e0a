"""The check of 00_tour: the same words wherever all is well, advice where it is not."""

from companion import environment


def test_a_ready_machine_is_told_nothing_of_itself():
    assert environment._processors(2) == environment._processors(64)
    assert environment._disk(6.0) == environment._disk(4000.0)
    assert environment._python((3, 11)) == environment._python((3, 13))


def test_what_is_missing_is_named_with_what_to_do():
    assert environment._processors(1).says.startswith("1;")
    assert (
        "make room" in environment._disk(1.234).says and "1.2 GB" in environment._disk(1.234).says
    )
    assert "this is 3.9" in environment._python((3, 9)).says
    for check in (environment._processors(1), environment._disk(1.0), environment._python((3, 14))):
        assert not check.ready


def test_packages_are_compared_with_the_lock():
    lock = 'no-such-package==1.0\n# a comment\nnumpy==0.1\nabsent==2 ; python_version < "3.0"\n'
    check = environment._packages(lock)
    assert not check.ready and "make install" in check.says
    assert "no-such-package nothing instead of 1.0" in check.says
    assert "numpy" in check.says and "absent" not in check.says


def test_long_lists_are_cut():
    lock = "".join(f"no-such-package-{i}==1.0\n" for i in range(9))
    assert "and 6 more" in environment._packages(lock).says


def test_the_releases_codecs_are_there_and_others_are_not():
    assert environment._codecs().ready
    assert not environment._has_codec("no-such-codec", "r")


def test_the_table_marks_what_to_look_at(root):
    table = environment.table(environment.checks(root))
    assert list(table.index) == ["Python", "packages", "processors", "disk", "codecs"]
    bad = environment.table([environment.Check("disk", False, "full")])
    assert bad.at["disk", "state"] == "LOOK HERE"
