"""Spend little on bad trials: Hyperband's brackets, the promotion rule of ASHA, and a cluster to run it on.

Losses are minimized. A resource is a whole number, such as epochs; a trial that is promoted goes on
from where it was::

    from downhill.multi_fidelity import Asha, run_on_cluster
    from downhill.tuning import SPACE, Trainer

    rng = np.random.default_rng(0)
    trials = [Trainer(config, seed) for seed, config in enumerate(SPACE.sample(60, rng))]
    log = run_on_cluster(Asha(len(trials), 81), trials, seconds=20)
"""

import time
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from downhill.annotations import Array
from downhill.arguments import one_of, whole

__all__ = ["Asha", "Job", "JobResult", "Scheduler", "Trainable", "brackets", "rungs", "run_on_cluster"]


class Job(NamedTuple):
    """Train trial number ``trial`` until it has had ``resource`` in all; it enters rung number ``rung``."""

    trial: int
    rung: int
    resource: int


class JobResult(NamedTuple):
    """What came of a job: ``seconds`` since the start, the job, its loss, and the error if there was one."""

    seconds: float
    job: Job
    loss: float
    error: str


class Scheduler(Protocol):
    """What gives out jobs, such as ``Asha``."""

    def next_job(self) -> Job | None:
        """Return the next job, or None if nothing can be started now."""

    def report(self, job: Job, loss: float) -> None:
        """Take the loss of a finished job."""


class Trainable(Protocol):
    """What a trial trains, such as ``downhill.tuning.Trainer``; it must pickle."""

    @property
    def epoch(self) -> int:
        """Epochs trained so far."""
        ...

    @property
    def validation(self) -> Array:
        """The loss after each epoch, (epoch,)."""
        ...

    def train(self, epochs: int) -> Any:
        """Train so many epochs more."""


def rungs(max_resource: int, reduction_factor: int = 3, min_resource: int = 1) -> list[int]:
    """Return the resources r, r η, r η², … up to R, by whole-number arithmetic.

    The papers' R, η and r have the names here that Optuna gives them. A logarithm in floating point
    would lose a rung at R = 243, η = 3: its floor is 4 there, not 5.

    Parameters
    ----------
    max_resource, reduction_factor, min_resource : int
        The largest resource R, the factor η between rungs, the smallest resource r.

    Returns
    -------
    list of int

    Raises
    ------
    ValueError
        If a number is not whole, if η < 2, or unless 1 ≤ r ≤ R.
    """
    R, eta = whole("max_resource", max_resource, 1), whole("reduction_factor", reduction_factor, 2)
    found = [whole("min_resource", min_resource, 1, R)]
    while found[-1] * eta <= R:
        found.append(found[-1] * eta)
    return found


def brackets(
    max_resource: int, reduction_factor: int = 3, variant: str = "algorithm"
) -> list[list[tuple[int, int]]]:
    """Return the brackets of Hyperband, the most aggressive first.

    The paper has two tables. Its Algorithm 1 starts ⌈(s_max + 1) / (s + 1) · η^s⌉ configurations in
    bracket s; so do Optuna, Ray and SMAC. Its Table 1 starts ⌊(s_max + 1) / (s + 1)⌋ · η^s; so do
    HpBandSter, DEHB and NePS. Rung i of a bracket keeps ⌊n / η^i⌋ of them, with the resource ⌊R /
    η^(s - i)⌋.

    Parameters
    ----------
    max_resource, reduction_factor : int
        R and η.
    variant : {"algorithm", "table"}

    Returns
    -------
    list of list of tuple
        For s = s_max, …, 0 the rungs (number of configurations, resource).

    Raises
    ------
    ValueError
        For another variant, or as ``rungs`` does.

    References
    ----------
    L. Li, K. Jamieson, G. DeSalvo, A. Rostamizadeh, A. Talwalkar (2018), Hyperband: a novel bandit-based approach to
    hyperparameter optimization. Journal of Machine Learning Research 18(185).
    """
    one_of("variant", variant, ("algorithm", "table"))
    R, eta = whole("max_resource", max_resource, 1), whole("reduction_factor", reduction_factor, 2)
    most = len(rungs(R, eta)) - 1
    made = []
    for s in range(most, -1, -1):
        n = -(-(most + 1) * eta**s // (s + 1)) if variant == "algorithm" else (most + 1) // (s + 1) * eta**s
        made.append([(n // eta**i, R // eta ** (s - i)) for i in range(s + 1)])
    return made


class Asha:
    """The asynchronous successive halving algorithm: whoever asks gets a job at once.

    A trial is promoted when it is among the best ⌊k / η⌋ of the k trials that have finished its
    rung; the highest rung that has one to promote goes first. Otherwise a new trial starts.
    (Optuna's pruner also promotes the best of the first η − 1; Ray's stops below a quantile.)

    Parameters
    ----------
    trials : int
        How many may be started; they are numbered from 0.
    max_resource, reduction_factor, min_resource : int
        As for ``rungs``.

    Attributes
    ----------
    trials, reduction_factor : int
        As given.
    resources : list of int
        Of each rung.
    losses : list of dict
        For each rung the loss of each trial that has finished it.

    Raises
    ------
    ValueError
        If trials < 1, or as ``rungs`` does.

    References
    ----------
    L. Li, K. Jamieson, A. Rostamizadeh, E. Gonina, J. Ben-tzur, M. Hardt, B. Recht, A. Talwalkar (2020), A system for
    massively parallel hyperparameter tuning. Proceedings of Machine Learning and Systems 2.
    """

    def __init__(
        self, trials: int, max_resource: int, reduction_factor: int = 3, min_resource: int = 1
    ) -> None:
        self.trials = whole("trials", trials, 1)
        self.reduction_factor = whole("reduction_factor", reduction_factor, 2)
        self.resources = rungs(max_resource, reduction_factor, min_resource)
        self.losses: list[dict[int, float]] = [{} for _ in self.resources]
        self._given: list[set[int]] = [set() for _ in self.resources]  # trials that were sent to each rung

    def next_job(self) -> Job | None:
        """Return a ``Job``, or None if nothing can be started now.

        Returns
        -------
        Job or None
        """
        for rung in range(len(self.resources) - 2, -1, -1):
            ranked = sorted(self.losses[rung], key=lambda trial: (self.losses[rung][trial], trial))
            for trial in ranked[: len(ranked) // self.reduction_factor]:
                if trial not in self._given[rung + 1] and np.isfinite(self.losses[rung][trial]):
                    return self._give(trial, rung + 1)
        if len(self._given[0]) < self.trials:
            return self._give(len(self._given[0]), 0)
        return None

    def report(self, job: Job, loss: float) -> None:
        """Take the loss of a finished job. What is not finite counts as the worst, and is never promoted.

        Parameters
        ----------
        job : Job
            As ``next_job`` returned it.
        loss : float

        Raises
        ------
        ValueError
            If the job was not given out, or is reported twice.
        """
        if job.trial not in self._given[job.rung]:
            raise ValueError(f"{job} was not given out")
        if job.trial in self.losses[job.rung]:
            raise ValueError(f"{job} was reported before")
        self.losses[job.rung][job.trial] = float(loss) if np.isfinite(loss) else np.inf

    def _give(self, trial: int, rung: int) -> Job:
        self._given[rung].add(trial)
        return Job(trial, rung, self.resources[rung])


def _advance(trainer: Trainable, resource: int) -> Trainable:
    """Train until the trainer has had so many epochs; return it, for it may have moved to another machine."""
    trainer.train(resource - trainer.epoch)
    return trainer


def _wake(trainer: Trainable) -> int:
    """Receive a trainer, and with it what it imports."""
    return trainer.epoch


def run_on_cluster(
    scheduler: Scheduler,
    trials: Sequence[Trainable],
    address: str | None = None,
    workers: int = 2,
    seconds: float = np.inf,
    jobs: float = np.inf,
) -> list[JobResult]:
    """Run a scheduler such as ``Asha`` on a Dask cluster.

    A worker that dies loses nothing: what it was training is in the caller's hands as it was before
    the job, and Dask gives the job to another worker (three times; after that the job is reported
    as failed, with an infinite loss). A job that raises an error is reported as failed, too, and
    the search goes on.

    Parameters
    ----------
    scheduler : object
        With ``next_job()`` and ``report(job, loss)``.
    trials : list
        Trainers, one for each trial, with ``epoch``, ``train(epochs)`` and ``validation``; they
        must pickle. They are left as they are: the trained ones live on the cluster.
    address : str, optional
        Of a Dask scheduler, such as "tcp://10.0.0.5:8786". Without it local processes are started.
    workers : int
        How many local processes.
    seconds : float
        No job starts later, counted from when every worker is ready.
    jobs : int
        No more jobs than this.

    Returns
    -------
    list of JobResult
        In the order in which they ended.

    Raises
    ------
    ModuleNotFoundError
        If Dask's ``distributed`` is not installed.
    """
    try:
        from distributed import Client, LocalCluster, as_completed
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError(
            f"Dask's cluster is not here ({missing}): run `python -m pip install distributed`.", name=missing.name
        ) from None
    local = None
    if address is None:
        local = LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=50)
    log: list[JobResult] = []
    trained = list(trials)
    try:
        with Client(local or address) as client:
            client.run(_wake, trials[0])  # the clock starts when every worker has its imports
            running: dict[str, Job] = {}
            started, finished = time.perf_counter(), as_completed()

            def feed() -> None:
                while len(running) < sum(client.nthreads().values()) and len(log) + len(running) < jobs:
                    job = scheduler.next_job() if time.perf_counter() - started < seconds else None
                    if job is None:
                        return
                    future = client.submit(_advance, trained[job.trial], job.resource, pure=False)
                    running[future.key] = job
                    finished.add(future)

            feed()
            for future in finished:
                job, error = running.pop(future.key), ""
                if future.status == "finished":
                    trained[job.trial] = future.result()
                    loss = float(trained[job.trial].validation[-1])
                else:
                    loss, error = np.inf, repr(future.exception())
                scheduler.report(job, loss)
                log.append(JobResult(time.perf_counter() - started, job, loss, error))
                feed()
    finally:
        if local is not None:
            local.close()
    return log
