// Several people are asked at once, each by a flow of their own; the first answer counts, and a timer escalates.
import { app, type Task } from "dacapo";

interface Request {
  request: string;
  approvers: string[];
  escalateTo: string;
  escalateAfterMs: number;
}

interface Question {
  request: string;
  approver: string;
}

interface Answer {
  approver: string;
  /** `null` of somebody who was not needed any more. */
  approved: boolean | null;
}

/** Asks all approvers; after a while without an answer, one more. Returns the first answer. */
app.orchestration("Approval", function* (context) {
  const { df } = context;
  const { request, approvers, escalateTo, escalateAfterMs } = df.getInput<Request>(Object);
  const asked = [...new Set(approvers)].sort();
  // An id that tells who is asked, so that a client finds the question to answer.
  const childId = (approver: string) => `${df.instanceId}-${approver}`;
  const ask = (approver: string): Task<Answer> => {
    const question: Question = { request, approver };
    return df.callSubOrchestrator<Answer>("AskApprover", question, childId(approver));
  };
  const show = (escalated: boolean) => df.setCustomStatus({ waitingFor: asked, escalated });

  const answers = asked.map(ask);
  show(false);
  const patience = df.createTimer(escalateAfterMs);
  let first: Task<Answer> | undefined = yield* firstOf(answers, patience);
  const escalated = first === undefined;
  if (first === undefined) {
    // Nobody is asked twice.
    if (!asked.includes(escalateTo)) {
      answers.push(ask(escalateTo));
      asked.push(escalateTo);
    }
    show(true);
    first = yield* df.Task.any(answers);
  } else {
    patience.cancel();
  }
  // It gives the answer, or throws why there is none.
  const answer = yield* first;

  for (const other of asked.filter((approver) => approver !== answer.approver)) {
    df.raiseEvent(childId(other), "Withdrawn", null);
  }
  const decision = { approved: answer.approved ?? false, by: answer.approver, escalated };
  df.setCustomStatus(decision);
  return decision;

  /** The answer that came first; none if the timer fired before. */
  function* firstOf(tasks: Task<Answer>[], timer: Task<null>): Generator<Task, Task<Answer> | undefined, any> {
    const winner = yield* df.Task.any([...tasks, timer]);
    return tasks.find((task) => task === winner);
  }
});

/** Waits for the `Decision` of one person (a boolean), or until it is `Withdrawn`. */
app.orchestration("AskApprover", function* (context) {
  const { request, approver } = context.df.getInput<Question>(Object);
  context.df.setCustomStatus({ approver, request, choices: ["approve", "reject"] });
  const decision = context.df.waitForExternalEvent("Decision", Boolean);
  const withdrawn = context.df.waitForExternalEvent("Withdrawn");
  const first = yield* context.df.Task.any([decision, withdrawn]);
  const approved = first === decision ? yield* decision : null;
  return { approver, approved } satisfies Answer;
});
