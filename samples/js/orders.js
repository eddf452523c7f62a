// A saga: order lines in parallel, retries with back-off, and compensation in reverse order when a step fails.
import { app, Failure, RetryOptions } from "dacapo";

/** Reserves all lines, charges, ships. Returns `complete`, or `compensated` and why. */
app.orchestration("OrderFulfilment", function* (context) {
  const order = context.df.getInput(Object);
  const flow = { df: context.df, order, done: 0, undo: [] };
  try {
    yield* fulfil(flow);
  } catch (error) {
    show(flow, "compensating");
    yield* compensate(flow);
    show(flow, "compensated");
    return { order: order.order, outcome: "compensated", reason: error.message };
  }
  show(flow, "complete");
  return { order: order.order, outcome: "complete", reserved: flow.done };
});

function* fulfil(flow) {
  show(flow, "reserving");
  yield* reserve(flow);
  show(flow, "charging");
  yield step(flow, "ChargeCustomer", flow.order.order);
  flow.undo.push({ activity: "RefundCustomer", input: flow.order.order });
  show(flow, "shipping");
  yield step(flow, "ShipOrder", flow.order.order);
  flow.undo.push({ activity: "RecallShipment", input: flow.order.order });
}

/** All lines at once; the status counts them as they are done. */
function* reserve(flow) {
  const { order, lines, failAt } = flow.order;
  const steps = lines.map(({ sku, quantity }) => {
    const input = { order, line: { sku, quantity }, out_of_stock: failAt === sku };
    return { input, task: step(flow, "ReserveStock", input) };
  });
  // All of them, also after a failure: what is under way has to be known before it can be taken back.
  const open = [...steps];
  while (open.length > 0) {
    const first = yield flow.df.Task.any(open.map(({ task }) => task));
    const [{ input }] = open.splice(
      open.findIndex(({ task }) => task === first),
      1,
    );
    if (first.isFaulted) continue;
    flow.undo.push({ activity: "ReleaseStock", input });
    flow.done += 1;
    show(flow, "reserving");
  }
  yield flow.df.Task.all(steps.map(({ task }) => task));
}

/** Takes everything back, the last step first. */
function* compensate({ df, undo }) {
  const stubborn = new RetryOptions(1000, 10);
  stubborn.backoffCoefficient = 2;
  for (const { activity, input } of undo.toReversed()) {
    yield df.callActivityWithRetry(activity, stubborn, input);
  }
}

function step({ df }, activity, input) {
  const patient = new RetryOptions(100, 3);
  patient.backoffCoefficient = 2;
  // These are answers, not accidents: asking again would not change them.
  patient.unlessKinds = ["out-of-stock", "no-courier"];
  return df.callActivityWithRetry(activity, patient, input);
}

function show({ df, order, done }, stage) {
  df.setCustomStatus({ done, total: order.lines.length, stage });
}

/** A warehouse to play with: it is busy at first for stock that begins with "flaky". */
app.activity("ReserveStock", {
  handler: ({ line: { sku }, out_of_stock }, context) => {
    if (out_of_stock) throw new Failure("out-of-stock", `${sku} is out of stock`);
    if (sku.startsWith("flaky") && context.attempt < 3) throw new Failure("warehouse-busy", "the warehouse is busy");
    return context.idempotencyKey;
  },
});

app.activity("ReleaseStock", { handler: ({ line }) => line.sku });
app.activity("ChargeCustomer", { handler: (order) => order });
app.activity("RefundCustomer", { handler: (order) => order });

/** No courier goes where an order begins with "unshippable". */
app.activity("ShipOrder", {
  handler: (order) => {
    if (order.startsWith("unshippable")) throw new Failure("no-courier", `no courier takes ${order}`);
    return order;
  },
});

app.activity("RecallShipment", { handler: (order) => order });
