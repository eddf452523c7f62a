// Several people are asked at once, each by a flow of their own; the first answer counts, and a timer escalates.
import { app } from "dacapo";

/** Asks all approvers; after a while without an answer, one more. Returns the first answer. */
app.orchestration("Approval", function* (context) {
  const { df } = context;
  const { request, approvers, escalateTo, escalateAfterMs } = df.getInput(Object);
  const asked = [...new Set(approvers)].sort();
  // An id that tells who is asked, so that a client finds the question to answer.
  const childId = (approver) => `${df.instanceId}-${approver}`;
  const ask = (approver) => df.callSubOrchestrator("AskApprover", { request, approver }, childId(approver));
  const show = (escalated) => df.setCustomStatus({ waitingFor: asked, escalated });

  const answers = asked.map(ask);
  show(false);
  const patience = df.createTimer(escalateAfterMs);
  let first = yield df.Task.any([...answers, patience]);
  const escalated = first === patience;
  if (escalated) {
    // Nobody is asked twice.
    if (!asked.includes(escalateTo)) {
      answers.push(ask(escalateTo));
      asked.push(escalateTo);
    }
    show(true);
    first = yield df.Task.any(answers);
  } else {
    patience.cancel();
  }
  // It gives the answer, or throws why there is none.
  const answer = yield first;

  for (const other of asked.filter((approver) => approver !== answer.approver)) {
    df.raiseEvent(childId(other), "Withdrawn", null);
  }
  const decision = { approved: answer.approved ?? false, by: answer.approver, escalated };
  df.setCustomStatus(decision);
  return decision;
});

/** Waits for the `Decision` of one person (a boolean), or until it is `Withdrawn`. */
app.orchestration("AskApprover", function* (context) {
  const { request, approver } = context.df.getInput(Object);
  context.df.setCustomStatus({ approver, request, choices: ["approve", "reject"] });
  const decision = context.df.waitForExternalEvent("Decision", Boolean);
  const withdrawn = context.df.waitForExternalEvent("Withdrawn");
  const first = yield context.df.Task.any([decision, withdrawn]);
  // `null` of somebody who was not needed any more.
  const approved = first === decision ? yield decision : null;
  return { approver, approved };
});
