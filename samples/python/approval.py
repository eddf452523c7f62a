"""Several people are asked at once, each by a flow of their own; the first answer counts, and a timer escalates."""

from dataclasses import dataclass
from datetime import timedelta

import dacapo


@dataclass
class Request:
    request: str
    approvers: list[str]
    escalateTo: str  # noqa: N815 (as clients write it)
    escalateAfterMs: int  # noqa: N815


@dataclass
class Question:
    request: str
    approver: str


@dataclass
class Answer:
    """`approved` is None of somebody who was not needed any more."""

    approver: str
    approved: bool | None


@dacapo.orchestrator
def approval(context: dacapo.OrchestrationContext) -> dacapo.Orchestration:
    """Asks all approvers; after a while without an answer, one more. Returns the first answer."""
    request = context.get_input(Request)
    asked = sorted(set(request.approvers))

    def ask(approver: str) -> dacapo.Task:
        # An id that tells who is asked, so that a client finds the question to answer.
        question = Question(request.request, approver)
        return context.call_sub_orchestrator("AskApprover", question, _child_id(context, approver), type=Answer)

    answers = [ask(approver) for approver in asked]
    _show(context, asked, escalated=False)

    patience = context.create_timer(timedelta(milliseconds=request.escalateAfterMs))
    winner = yield context.task_any([*answers, patience])
    escalated = winner is patience
    if escalated:
        # Nobody is asked twice.
        if request.escalateTo not in asked:
            answers.append(ask(request.escalateTo))
            asked.append(request.escalateTo)
        _show(context, asked, escalated=True)
        winner = yield context.task_any(answers)
    patience.cancel()
    answer = winner.result

    for other in asked:
        if other != answer.approver:
            context.raise_event(_child_id(context, other), "Withdrawn")
    decision = {"approved": answer.approved or False, "by": answer.approver, "escalated": escalated}
    context.set_custom_status(decision)
    return decision


def _show(context: dacapo.OrchestrationContext, asked: list[str], escalated: bool) -> None:
    context.set_custom_status({"waitingFor": asked, "escalated": escalated})


def _child_id(context: dacapo.OrchestrationContext, approver: str) -> str:
    return f"{context.instance_id}-{approver}"


@dacapo.orchestrator
def ask_approver(context: dacapo.OrchestrationContext) -> dacapo.Orchestration:
    """Waits for the `Decision` of one person (a boolean), or until it is `Withdrawn`."""
    question = context.get_input(Question)
    context.set_custom_status(
        {"approver": question.approver, "request": question.request, "choices": ["approve", "reject"]}
    )
    decision = context.wait_for_external_event("Decision", type=bool)
    withdrawn = context.wait_for_external_event("Withdrawn")
    winner = yield context.task_any([decision, withdrawn])
    return Answer(question.approver, decision.result if winner is decision else None)
