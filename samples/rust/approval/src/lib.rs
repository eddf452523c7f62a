//! Several people are asked at once, each by a flow of their own; the first answer counts, and a timer escalates.

use std::time::Duration;

use dacapo::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    request: String,
    approvers: Vec<String>,
    escalate_to: String,
    escalate_after_ms: u64,
}

#[derive(Serialize, Deserialize)]
struct Question {
    request: String,
    approver: String,
}

/// `approved` is `null` of somebody who was not needed any more.
#[derive(Serialize, Deserialize)]
struct Answer {
    approver: String,
    approved: Option<bool>,
}

/// Asks all approvers; after a while without an answer, one more. Returns the first answer.
#[orchestrator]
async fn approval(ctx: Context, request: Request) -> Result<Value> {
    let mut asked = request.approvers;
    asked.sort_unstable();
    asked.dedup();
    let show = |asked: &[String], escalated: bool| {
        ctx.set_custom_status(json!({ "waitingFor": asked, "escalated": escalated }))
    };
    let ask = |approver: &String| {
        let question = Question { request: request.request.clone(), approver: approver.clone() };
        // An id that tells who is asked, so that a client finds the question to answer.
        let child = ChildOptions::new().instance_id(child_id(&ctx, approver));
        ctx.call_orchestrator_with::<Answer>("AskApprover", question, child)
    };
    let mut answers: Vec<_> = asked.iter().map(ask).collect();
    show(&asked, false)?;

    let patience = Duration::from_millis(request.escalate_after_ms);
    let in_time = ctx.with_timeout(patience, first(&mut answers)).await?;
    let escalated = in_time.is_none();
    let answer = match in_time {
        Some(answer) => answer,
        None => {
            // Nobody is asked twice.
            if !asked.contains(&request.escalate_to) {
                answers.push(ask(&request.escalate_to));
                asked.push(request.escalate_to);
            }
            show(&asked, true)?;
            first(&mut answers).await?
        }
    };

    for other in asked.iter().filter(|approver| **approver != answer.approver) {
        ctx.raise_event(&child_id(&ctx, other), "Withdrawn", ())?;
    }
    let decision = json!({
        "approved": answer.approved.unwrap_or(false),
        "by": answer.approver,
        "escalated": escalated,
    });
    ctx.set_custom_status(&decision)?;
    Ok(decision)
}

/// The first of them to answer; the others stay.
async fn first(answers: &mut [Task<Answer>]) -> Result<Answer> {
    race_all(answers.iter_mut()).await.1
}

fn child_id(ctx: &Context, approver: &str) -> String {
    format!("{}-{approver}", ctx.instance_id())
}

/// Waits for the `Decision` of one person (a boolean), or until it is `Withdrawn`.
#[orchestrator]
async fn ask_approver(ctx: Context, question: Question) -> Result<Answer> {
    ctx.set_custom_status(json!({
        "approver": question.approver,
        "request": question.request,
        "choices": ["approve", "reject"],
    }))?;
    let decision = ctx.wait_for_event::<bool>("Decision");
    let withdrawn = ctx.wait_for_event::<Value>("Withdrawn");
    let approved = match race(decision, withdrawn).await {
        Either::Left(decision) => Some(decision?),
        Either::Right(_) => None,
    };
    Ok(Answer { approver: question.approver, approved })
}

dacapo::module! {
    orchestrators: [approval, ask_approver],
}
