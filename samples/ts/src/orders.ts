// A saga: order lines in parallel, retries with back-off, and compensation in reverse order when a step fails.
import { app, Failure, RetryOptions, type DurableOrchestrationContext, type Task } from "dacapo";

interface Line {
  sku: string;
  quantity: number;
}

interface Order {
  order: string;
  lines: Line[];
  /** The stock-keeping unit that the warehouse has run out of; to see what happens then. */
  failAt?: string | null;
}

/** What the activities of the warehouse are asked. */
interface Reservation {
  order: string;
  line: Line;
  out_of_stock: boolean;
}

interface Flow {
  df: DurableOrchestrationContext;
  order: Order;
  done: number;
  /** What takes back the steps that have been done. */
  undo: { activity: string; input: unknown }[];
}

/** A part of a flow, which is run by `yield*`. */
type Part = Generator<Task, void, any>;

/** Reserves all lines, charges, ships. Returns `complete`, or `compensated` and why. */
app.orchestration("OrderFulfilment", function* (context) {
  const order = context.df.getInput<Order>(Object);
  const flow: Flow = { df: context.df, order, done: 0, undo: [] };
  try {
    yield* fulfil(flow);
  } catch (error) {
    show(flow, "compensating");
    yield* compensate(flow);
    show(flow, "compensated");
    return { order: order.order, outcome: "compensated", reason: (error as Error).message };
  }
  show(flow, "complete");
  return { order: order.order, outcome: "complete", reserved: flow.done };
});

function* fulfil(flow: Flow): Part {
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
function* reserve(flow: Flow): Part {
  const { order, lines, failAt } = flow.order;
  const steps = lines.map(({ sku, quantity }) => {
    const input: Reservation = { order, line: { sku, quantity }, out_of_stock: failAt === sku };
    return { input, task: step(flow, "ReserveStock", input) };
  });
  // All of them, also after a failure: what is under way has to be known before it can be taken back.
  let open = steps;
  while (open.length > 0) {
    const first = yield* flow.df.Task.any(open.map(({ task }) => task));
    const input = open.find(({ task }) => task === first)?.input;
    open = open.filter(({ task }) => task !== first);
    if (first.isFaulted) continue;
    flow.undo.push({ activity: "ReleaseStock", input });
    flow.done += 1;
    show(flow, "reserving");
  }
  yield flow.df.Task.all(steps.map(({ task }) => task));
}

/** Takes everything back, the last step first. */
function* compensate({ df, undo }: Flow): Part {
  const stubborn = new RetryOptions(1000, 10);
  stubborn.backoffCoefficient = 2;
  for (const { activity, input } of undo.toReversed()) {
    yield df.callActivityWithRetry(activity, stubborn, input);
  }
}

function step({ df }: Flow, activity: string, input: unknown): Task<string> {
  const patient = new RetryOptions(100, 3);
  patient.backoffCoefficient = 2;
  // These are answers, not accidents: asking again would not change them.
  patient.unlessKinds = ["out-of-stock", "no-courier"];
  return df.callActivityWithRetry<string>(activity, patient, input);
}

function show({ df, order, done }: Flow, stage: string): void {
  df.setCustomStatus({ done, total: order.lines.length, stage });
}

/** A warehouse to play with: it is busy at first for stock that begins with "flaky". */
app.activity<Reservation>("ReserveStock", {
  handler: ({ line: { sku }, out_of_stock }, context) => {
    if (out_of_stock) throw new Failure("out-of-stock", `${sku} is out of stock`);
    if (sku.startsWith("flaky") && context.attempt < 3) throw new Failure("warehouse-busy", "the warehouse is busy");
    return context.idempotencyKey;
  },
});

app.activity<Reservation>("ReleaseStock", { handler: ({ line }) => line.sku });
app.activity<string>("ChargeCustomer", { handler: (order) => order });
app.activity<string>("RefundCustomer", { handler: (order) => order });

/** No courier goes where an order begins with "unshippable". */
app.activity<string>("ShipOrder", {
  handler: (order) => {
    if (order.startsWith("unshippable")) throw new Failure("no-courier", `no courier takes ${order}`);
    return order;
  },
});

app.activity<string>("RecallShipment", { handler: (order) => order });
