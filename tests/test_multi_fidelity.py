import heapq
import os
from dataclasses import dataclass, field

import numpy as np
import pytest

from downhill.multi_fidelity import Asha, Job, brackets, run_on_cluster, rungs


def test_the_two_published_tables():
    algorithm, table = brackets(81), brackets(81, variant="table")
    assert [b[0] for b in algorithm] == [(81, 1), (34, 3), (15, 9), (8, 27), (5, 81)]
    assert [b[0] for b in table] == [(81, 1), (27, 3), (9, 9), (6, 27), (5, 81)]
    assert algorithm[1] == [(34, 3), (11, 9), (3, 27), (1, 81)]
    assert table[3] == [(6, 27), (2, 81)]
    assert [sum(n * r for n, r in b) for b in algorithm] == [405, 363, 351, 378, 405]
    assert [sum(n * r for n, r in b) for b in table] == [405, 324, 243, 324, 405]
    assert sum(b[0][0] for b in algorithm) == 143 and sum(b[0][0] for b in table) == 128


def test_whole_numbers_find_every_bracket():
    assert int(np.log(243) / np.log(3)) == 4, "the floor of a floating logarithm is one short"
    assert len(brackets(243)) == 6
    for k in range(1, 20):
        assert rungs(3**k) == [3**i for i in range(k + 1)]
        assert len(rungs(3**k - 1)) == k
    assert rungs(100, reduction_factor=10, min_resource=2) == [2, 20]


@pytest.mark.parametrize(("arguments", "said"), [
    ((81, 1), "reduction_factor must be a whole number of at least 2"),
    ((0,), "max_resource must be a whole number of at least 1"),
    ((81.5,), "max_resource must be a whole number of at least 1"),
])
def test_bad_numbers_get_a_sentence(arguments, said):
    with pytest.raises(ValueError, match=said):
        brackets(*arguments)


def test_another_variant_gets_a_sentence():
    with pytest.raises(ValueError, match="variant"):
        brackets(81, variant="paper")
    with pytest.raises(ValueError, match="trials must be a whole number of at least 1"):
        Asha(0, 81)
    with pytest.raises(ValueError, match="min_resource must be a whole number from 1 to 9"):
        rungs(9, 3, 10)


def simulate(asha, workers, loss, duration):
    """Run jobs on simulated workers; return (time, job) in the order in which they end."""
    now, busy, ended = 0.0, [], []
    while True:
        while len(busy) < workers and (job := asha.next_job()):
            heapq.heappush(busy, (now + duration(job), len(ended) + len(busy), job))
        if not busy:
            return ended
        now, _, job = heapq.heappop(busy)
        ended.append((now, job))
        asha.report(job, loss(job))


@pytest.mark.parametrize("seed", range(8))
def test_nine_workers_finish_a_full_run_at_thirteen_ninths_of_r(seed):
    """Li et al. (2020), section 3: a job takes as long as its resource; a promoted trial starts afresh."""
    order = np.random.default_rng(seed).permutation(200)
    ended = simulate(Asha(200, 9), 9, lambda job: order[job.trial], lambda job: job.resource)
    assert next(when for when, job in ended if job.resource == 9) == 13


def test_a_rung_keeps_at_most_a_third_and_in_the_end_the_best():
    order = np.random.default_rng(0).permutation(81)
    asha = Asha(81, 81)
    ended = simulate(asha, 1, lambda job: order[job.trial], lambda job: 1)
    counts = [len(losses) for losses in asha.losses]
    assert counts[0] == 81
    assert all(high >= low // 3 for low, high in zip(counts, counts[1:], strict=False))
    assert len({(job.trial, job.rung) for _, job in ended}) == len(ended), "no job twice"
    assert any(order[job.trial] == 0 and job.resource == 81 for _, job in ended), "the best trial gets everything"


def test_what_is_not_finite_is_never_promoted():
    asha = Asha(9, 9)
    jobs = [asha.next_job() for _ in range(9)]
    for job in jobs:
        asha.report(job, np.nan if job.trial < 8 else 1.0)
    assert asha.next_job() == Job(8, 1, 3)
    assert asha.next_job() is None


def test_reports_that_do_not_fit_are_refused():
    asha = Asha(3, 9)
    job = asha.next_job()
    with pytest.raises(ValueError, match="not given out"):
        asha.report(Job(2, 0, 1), 0.5)
    asha.report(job, 0.5)
    with pytest.raises(ValueError, match="before"):
        asha.report(job, 0.5)


@dataclass
class Toy:
    """A trainer that fails, or kills its worker, at a certain epoch."""

    number: int
    fails_at: int = 0
    dies_at: int = 0
    flag: str = ""
    epoch: int = 0
    validation: list = field(default_factory=list)

    def train(self, epochs):
        for _ in range(epochs):
            self.epoch += 1
            if self.epoch == self.fails_at:
                raise RuntimeError("this setting is impossible")
            if self.epoch == self.dies_at and not os.path.exists(self.flag):
                open(self.flag, "w").close()
                os._exit(1)
            self.validation.append(self.number / self.epoch)


def test_a_cluster_survives_a_worker_that_dies_and_a_trial_that_fails(tmp_path):
    pytest.importorskip("distributed")
    trials = [Toy(i + 1) for i in range(9)]
    trials[0].dies_at, trials[0].flag = 2, str(tmp_path / "died")
    trials[1].fails_at = 1
    log = run_on_cluster(Asha(9, 9), trials)
    assert os.path.exists(trials[0].flag)
    assert [r.error for r in log if r.job.trial == 1] == ["RuntimeError('this setting is impossible')"]
    assert all(not r.error for r in log if r.job.trial != 1)
    assert {r.job.trial for r in log if r.job.resource == 1} == set(range(9)), "nothing is lost"
    assert len({r.job for r in log}) == len(log), "nothing is done twice"
    assert any(r.job.trial == 0 and r.job.resource >= 3 for r in log), "the trial whose worker died goes on"
    assert all(trial.epoch == 0 for trial in trials), "the caller's trainers are left as they were"
