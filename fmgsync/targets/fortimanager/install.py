"""Installing packages: start, poll, cancel. One flow keeps its session, and its lock, throughout.

In a workspace ADOM an install whose lock goes before its task ends fails, and the call that starts
it says OK even without a lock: every failure shows only in the task.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Any, Self

import structlog

from fmgsync import errors
from fmgsync.clock import Clock
from fmgsync.model.adom import Workspace
from fmgsync.model.change import AdomPlan, ApplyReport
from fmgsync.model.rollout import InstallRequest, InstallTask, Outcome, TargetOutcome, TaskView
from fmgsync.model.target import TargetRef
from fmgsync.targets import taken_over
from fmgsync.targets.fortimanager import (
    answers,
    checkup,
    object_install,
    outcomes,
    preview,
    tasks,
    topology,
    urls,
    workspace,
)
from fmgsync.targets.fortimanager.answers import Place
from fmgsync.targets.fortimanager.reads import Read
from fmgsync.targets.fortimanager.session import Session
from fmgsync.targets.fortimanager.stall_detector import StallDetector
from fmgsync.targets.fortimanager.writing import Writer
from fmgsync.targets.hooks import Look, looking, nothing
from fmgsync.targets.taken_over import Names

_log = structlog.get_logger()

_STALE_AFTER_S = 2 * 3600
_TWIN_S = 2.0


class FortiManagerFlow:
    """One install flow in one ADOM: from taking the lock to giving it back.

    `progress` says which devices are frozen; `mode` is how the ADOM wants its changes made, None if
    that was not read yet; `names` tells which addresses were taken over. Entering waits for nobody:
    LockHeld if another session has the ADOM.
    """

    def __init__(
        self,
        ref: TargetRef,
        *,
        owner: str,
        session: AbstractContextManager[Session],
        clock: Clock,
        progress: StallDetector,
        mode: Workspace | None = None,
        names: Callable[[], Names] = lambda: taken_over.NONE,
    ) -> None:
        self._names = names
        self._ref = ref
        self._owner = owner
        self._open = session
        self._clock = clock
        self._progress = progress
        self._known_mode = mode
        self._preview: preview.Preview | None = None
        self._previewed_in = 0
        self._frozen: set[int] = set()
        self._stack = ExitStack()
        self.is_open = False
        self._oid: int | None = None
        self._begun: tuple[int, InstallRequest] | None = None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._session = stack.enter_context(self._open)
            self._place = Place(self._session.access.name, self._ref.domain)
            self._session.hooks.installing()
            self._mode = self._known_mode or topology.read_workspace(
                self._session, self._ref.domain
            )
            self._lock = stack.enter_context(
                workspace.holding(
                    self._session, self._ref.domain, self._mode, clock=self._clock, wait_s=0
                )
            )
            self._recent = tasks.RecentTasks(self._session, self._place, self._lock, self._clock)
            self._stack = stack.pop_all()
        self.is_open = True
        return self

    def __exit__(self, *raised: Any) -> None:
        self.is_open = False
        self._stack.__exit__(*raised)

    def write(self, plan: AdomPlan) -> ApplyReport:
        """Write and commit a plan under this flow's lock, right before it is installed, or after
        what was installed has ended."""
        if not plan.changes:
            return ApplyReport(self._ref)
        self._let_end()
        if self._mode is Workspace.WORKFLOW:
            raise errors.TargetError(
                "this ADOM is in workflow mode: what is written there waits for approval and cannot"
                " be installed at once",
                fortimanager=self._place.fortimanager,
                adom=self._ref.domain,
                next_step="set 'reconcile.write: continuous' and 'install.removals: in-window'",
            )
        before = self._session.requests
        names = self._names()
        there = taken_over.written(plan, names)
        done = Writer(self._session, there, self._owner, clock=self._clock).write()
        self._lock.commit()
        report = ApplyReport(
            self._ref, tuple(done.written), tuple(done.refused), self._session.requests - before
        )
        return taken_over.reported(report, plan, names)

    def start(
        self,
        request: InstallRequest,
        *,
        previewed: bool = False,
        last_look: Look = nothing,
    ) -> InstallTask:
        """Start one install with an explicit scope; answers at once with the task. What was
        `previewed` pushes what the last preview worked out.

        Refuses while another install runs in the ADOM. If the connection breaks, the task list
        tells whether it has begun: an install is never sent twice.
        """
        if previewed:
            return self._push_previewed(request, last_look)
        if request.objects:
            data = object_install.install_data(request)
            return self._begin(request, urls.INSTALL_OBJECTS, data, "", last_look)
        data = preview.install_data(request, self._owner, flag="none")
        return self._begin(request, urls.INSTALL_PACKAGE, data, request.package, last_look)

    def preview(self, request: InstallRequest) -> preview.Preview:
        """Have FortiManager work out what this install would push, and push nothing.

        `start` pushes it, to these targets or to some of them; `drop_preview` forgets it.
        """
        data = preview.install_data(request, self._owner, flag="preview")
        task = self._begin(request, urls.INSTALL_PACKAGE, data, request.package)
        self._previewed_in = self._session.logins
        self._preview = preview.Preview(
            self._session,
            self._place,
            request,
            task.task_id,
            clock=self._clock,
            limit_s=self._progress.limit_s,
            names=self._names,
        )
        return self._preview

    def newest_task(self) -> int:
        """Tasks with a greater number may be pushes; a preview's own, which is none, is not."""
        if self._preview is not None:
            return self._preview.newest_task
        return max((task.task_id for task in self._recent.told()), default=0)

    def reading(self) -> Read[None]:
        """What is asked before anything begins, to be read along with what is looked at then."""
        return self._recent.reading()

    def drop_preview(self) -> None:
        """Forget what the last preview worked out."""
        param = {"url": urls.CANCEL_INSTALL, "data": {"adom": self._ref.domain}}
        answers.checked(self._session.query("exec", [param])[0], self._place)

    def _push_previewed(self, request: InstallRequest, last_look: Look) -> InstallTask:
        """What was worked out is the session's: another one has nothing to push, and its task says
        OK."""
        data = preview.commit_data(request)
        try:
            with self._session.pinned():
                if self._session.logins == self._previewed_in:
                    return self._begin(request, urls.PACKAGE_COMMIT, data, "", last_look)
        except errors.PermissionDenied:
            if self._mode is not Workspace.DISABLED:
                raise  # the lock went with the session, which is told by whoever holds it
            tasks.read_recent(self._session, self._place, count=1)
            if self._session.logins == self._previewed_in:
                raise
        raise errors.PreviewLost(
            "the session in which the install was previewed has ended; nothing was pushed",
            fortimanager=self._place.fortimanager,
            adom=self._ref.domain,
            next_step="the next pass previews anew",
        )

    def _begin(
        self,
        request: InstallRequest,
        url: str,
        data: dict[str, object],
        title: str,
        last_look: Look = nothing,
    ) -> InstallTask:
        newest = self._refuse_second_install(request)
        self._begun = newest, request
        try:
            with looking(self._session, last_look):
                result = self._session.call("exec", [{"url": url, "data": data}])[0]
        except errors.OutcomeUnknown as error:
            task_id = self._find_started(request, newest, title, error)
        else:
            task_id = preview.task_id_of(answers.checked(result, self._place), self._place)
        _log.info("install started", adom=self._ref.domain, package=request.package, task=task_id)
        return InstallTask(self._ref, task_id, request.package, request.targets, self._clock.now())

    def poll(self, task: InstallTask) -> TaskView:
        """Read the task once. Outcomes are those that cannot change any more."""
        try:
            seen = tasks.read(self._session, task.task_id, self._place)
        except errors.NotFound:
            return self._vanished(task)
        judged = outcomes.judge(seen, task, self._progress, self._clock.steady())
        settled = tuple(outcome for outcome in judged.values() if outcome is not None)
        if any(outcome.outcome is Outcome.FROZEN for outcome in settled):
            self._frozen.add(task.task_id)
        return TaskView(
            task,
            final=len(settled) == len(task.targets),
            percent=seen.percent,
            outcomes=settled,
        )

    def _vanished(self, task: InstallTask) -> TaskView:
        """Somebody deleted the task, or the unit forgot it: only the devices can tell."""
        what = f"task {task.task_id} is gone from the task list"
        gone = tuple(TargetOutcome(t, Outcome.MISSING, what, 0) for t in task.targets)
        return TaskView(task, final=True, percent=0, outcomes=gone)

    def cancel(self, task: InstallTask) -> TaskView:
        """Cancel a task of which nothing has begun on any device; otherwise leave it alone.

        Cancelling in the middle would leave a device half configured. Answers how it stands.
        """
        try:
            seen = tasks.read(self._session, task.task_id, self._place)
        except errors.NotFound:
            return self._vanished(task)
        if not seen.finished and all(line.state == "pending" for line in seen.lines):
            param = {"url": urls.task(task.task_id)}
            try:
                answers.checked(self._session.call("delete", [param])[0], self._place)
            except (errors.OutcomeUnknown, errors.NotFound):
                # It may have ended, or still run: its lines tell.
                _log.warning("cancelling may have failed", task=task.task_id)
                return self.poll(task)
            gone = tuple(
                TargetOutcome(target, Outcome.CANCELLED, "cancelled before it began", 0)
                for target in task.targets
            )
            return TaskView(task, final=True, percent=seen.percent, outcomes=gone)
        return self.poll(task)

    def _refuse_second_install(self, request: InstallRequest) -> int:
        """The newest task's number; raises LockLost without the lock this ADOM needs, and UnitBusy
        while another install is under way here.

        What becomes of two installs at once in one ADOM is documented nowhere. A task on other
        devices that this flow saw freeze, or that has been there for hours, is not waited for: it
        may never end. Nor is one in another ADOM, unless it has one of our devices.
        """
        recent = self._recent.told()
        self._progress.forget_others({task.task_id for task in recent if not task.finished})
        for task in recent:
            if not task.finished and task.is_install and self._in_the_way(task, request):
                raise errors.UnitBusy(
                    f"task {task.task_id} ({task.title}) of {task.user!r} is still running",
                    fortimanager=self._place.fortimanager,
                    adom=self._place.adom,
                    next_step="only one install runs in an ADOM at a time; wait for its end, or"
                    " delete it in the task monitor if it is stuck",
                )
        return max((task.task_id for task in recent), default=0)

    def _let_end(self) -> None:
        """Wait for what this flow has begun, also where it does not know of it: something on the
        way may deliver a request twice, and the answer then names one task of two. What is pushed
        must not change under the push."""
        if self._begun is None:
            return
        newest, request = self._begun
        ends_at = self._clock.steady() + self._progress.limit_s
        while running := self._twins(newest, request):
            if self._clock.steady() >= ends_at:
                raise errors.UnitBusy(
                    f"task {running[0]}, which this run has begun, does not end",
                    fortimanager=self._place.fortimanager,
                    adom=self._place.adom,
                    next_step="nothing is written meanwhile; delete it in the task monitor if it"
                    " is stuck",
                )
            self._clock.sleep(_TWIN_S)
        self._begun = None

    def _twins(self, newest: int, request: InstallRequest) -> list[int]:
        """Our installs since then that are still at work on one of the devices."""
        user = self._session.access.username
        return [
            task.task_id
            for task in tasks.read_recent(self._session, self._place)
            if task.task_id > newest
            and not task.finished
            and task.is_install
            and user in (None, task.user)
            and self._in_the_way(task, request)
        ]

    def _in_the_way(self, task: tasks.Task, request: InstallRequest) -> bool:
        whole = tasks.read(self._session, task.task_id, self._place)
        if whole.finished:
            return False
        busy = {name for line in whole.lines if not line.finished for name in line.devices}
        if not busy.isdisjoint(target.device for target in request.targets):
            return True
        if self._oid is None:
            self._oid = topology.read_oid(self._session, self._place)
        if 0 not in (task.adom, self._oid) and task.adom != self._oid:
            return False
        return task.task_id not in self._frozen and not self._has_been_there_long(whole)

    def _has_been_there_long(self, task: tasks.Task) -> bool:
        """By the clock that dated it: this computer's may be years ahead."""
        if self._clock.now() - task.started_at <= _STALE_AFTER_S:
            return False
        theirs = checkup.time_of(self._session.call("get", [{"url": urls.SESSION}])[0])
        return theirs is None or theirs - task.started_at > _STALE_AFTER_S

    def _find_started(
        self, request: InstallRequest, newest: int, title: str, error: errors.OutcomeUnknown
    ) -> int:
        """The task that the lost answer would have named; the error again if there is none."""
        user = self._session.access.username
        for task in tasks.read_recent(self._session, self._place):
            if task.task_id > newest and user in (None, task.user) and title in task.title:
                return task.task_id
        raise errors.OutcomeUnknown(
            f"no answer to the install of {request.package}, and no task shows that it began",
            fortimanager=self._place.fortimanager,
            adom=self._place.adom,
            next_step="what is behind is found again on the next pass",
        ) from error
