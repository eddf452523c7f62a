// Things to wait for whose result has a type.
package dacapo

import "dacapo.dev/sdk/internal/host"

// CallActivity runs an activity, at least once; its result is recorded once, and read as a T. The input is written as
// JSON, nil and struct{}{} as null.
//
//	receipt := dacapo.CallActivity[string](ctx, "Charge", 120, dacapo.Timeout(30*time.Second), dacapo.Retry{MaxAttempts: 3})
func CallActivity[T any](ctx *Context, name string, input any, options ...ActivityOption) *Task[T] {
	source := "the result of activity " + name
	if err := checkText("activity name", name); err != nil {
		return failed[T](ctx, source, err)
	}
	json, err := encode(input, "input", "activity "+name)
	if err != nil {
		return failed[T](ctx, source, err)
	}
	var chosen *host.ActivityOptions
	if len(options) > 0 {
		chosen = &host.ActivityOptions{}
		for _, option := range options {
			option.ofActivity(chosen)
		}
	}
	return started[T](ctx, source, ctx.host.CallActivity(name, json, chosen))
}

// CallOrchestrator starts another orchestrator and waits for its output, read as a T. With [Detached] the task is done as
// soon as the child exists, with its id (a string).
func CallOrchestrator[T any](ctx *Context, name string, input any, options ...ChildOption) *Task[T] {
	source := "the output of orchestrator " + name
	if err := checkText("orchestrator name", name); err != nil {
		return failed[T](ctx, source, err)
	}
	json, err := encode(input, "input", "orchestrator "+name)
	if err != nil {
		return failed[T](ctx, source, err)
	}
	var chosen *host.ChildOptions
	if len(options) > 0 {
		chosen = &host.ChildOptions{}
		for _, option := range options {
			option.ofChild(chosen)
		}
	}
	if chosen != nil && chosen.InstanceID != nil {
		if err := checkText("instance id", *chosen.InstanceID); err != nil {
			return failed[T](ctx, source, err)
		}
	}
	return started[T](ctx, source, ctx.host.CallOrchestrator(name, json, chosen))
}

// WaitForEvent waits for an event from outside, whose data is read as a T. Events are buffered by name, ignoring case,
// until they are waited for; the first to wait gets the first to arrive.
func WaitForEvent[T any](ctx *Context, name string) *Task[T] {
	source := "the data of event " + name
	if err := checkText("event name", name); err != nil {
		return failed[T](ctx, source, err)
	}
	return started[T](ctx, source, ctx.host.WaitForEvent(name))
}
