from __future__ import annotations

import pytest

from experiments.cluster_watch import PATIENCE, Watch


@pytest.mark.parametrize(
    ("cluster", "way_out"),
    [
        ("tcp://head:8786", "`dask worker tcp://head:8786 --nthreads 1`"),
        ("slurm", "in the queue"),
        ("local", "started again"),
    ],
)
def test_that_nobody_works_is_told_once_and_again_after_somebody_did(
    capsys, cluster, way_out
) -> None:
    watch = Watch(cluster)
    for now in (0.0, PATIENCE - 1):
        watch.look(0, now)
    assert not capsys.readouterr().err
    for now in (PATIENCE, PATIENCE + 1, 9 * PATIENCE):
        watch.look(0, now)
    told = capsys.readouterr().err
    assert told.count("no worker since 30 s") == told.count("\n") == 1
    assert way_out in told
    assert "--resume" in told
    watch.look(2, 10 * PATIENCE)
    assert "2 workers are there" in capsys.readouterr().err
    watch.look(0, 11 * PATIENCE)
    assert not capsys.readouterr().err
    watch.look(0, 12 * PATIENCE)
    assert "no worker since" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("cluster", "tasks", "told"),
    [("tcp://head:8786", 2, "under way (tasks: 2)"), ("tcp://head:8786", 0, ""), ("local", 2, "")],
)
def test_tasks_that_go_on_without_the_command_are_told(capsys, cluster, tasks, told) -> None:
    Watch(cluster).leave(tasks)
    said = capsys.readouterr().err
    assert told in said
    assert bool(said) == bool(told)


def test_a_short_absence_is_not_told(capsys) -> None:
    watch = Watch("slurm")
    for workers, now in ((1, 0.0), (0, 5.0), (1, 20.0), (0, 30.0), (0, 50.0)):
        watch.look(workers, now)
    assert not capsys.readouterr().err
