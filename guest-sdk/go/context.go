// What an orchestrator may ask of its host.
package dacapo

import (
	"fmt"
	"time"

	"dacapo.dev/sdk/internal/host"
)

// Context is the world of an orchestrator: it has no other network and no files.
//
// Calls that return a [Task] issue their command at once, so several tasks that are created before the first Await run
// side by side. Waiting parks the whole module, goroutines too: use tasks instead of them, and no other goroutine with
// the context.
//
// What is asked for as a string, any or [encoding/json.RawMessage] is read as it was sent. Anything else is also read
// from a string that has it inside ("1" for 1), as some clients encode twice. null only fits pointers, slices, maps,
// struct{}, any and RawMessage.
type Context struct {
	host    host.Orchestration
	name    string
	watched map[host.Task]*wait
	// How many tasks have been seen to be done.
	done int
}

// awaitNext waits until one of all tasks is done, also where the flow waits for others: so they have their places in the
// order in which they were done.
func (c *Context) awaitNext(waitedFor []Waiter) {
	task := c.host.AwaitNext(func() []host.Task { return openHandles(waitedFor) })
	c.watched[task].setDone()
	delete(c.watched, task)
}

func openHandles(tasks []Waiter) []host.Task {
	var open []host.Task
	for _, task := range tasks {
		if wait := task.waited(); wait.place == 0 {
			open = append(open, wait.handle)
		}
	}
	return open
}

// Level says how important a line of a log is.
type Level = host.Level

// From the least important one.
const (
	Debug Level = iota
	Info
	Warn
	Failed
)

// BufferedEvents says what becomes of events that nobody has waited for when the next execution begins.
type BufferedEvents bool

const (
	// KeepEvents hands them to the next execution.
	KeepEvents BufferedEvents = true
	// DropEvents forgets them.
	DropEvents BufferedEvents = false
)

// InstanceID is the id of this instance.
func (c *Context) InstanceID() string { return c.host.InstanceID() }

// Now is the time of the turn, in UTC and in whole milliseconds; the same on replay. It moves only when the flow waits.
func (c *Context) Now() time.Time { return time.UnixMilli(int64(c.host.NowMs())).UTC() }

// NewUUID is a new id each time, and the same ones on replay.
func (c *Context) NewUUID() string { return c.host.NewUUID() }

// IsReplaying says whether this turn has already been played once. For logs and metrics: a flow that decides by it cannot
// be replayed.
func (c *Context) IsReplaying() bool { return c.host.IsReplaying() }

// StartTimer is done once the delay has passed since the time of this turn; it rounds up to whole milliseconds. It costs
// nothing while it waits, be it seconds or months.
func (c *Context) StartTimer(delay time.Duration) *Task[struct{}] {
	return started[struct{}](c, "the outcome of a timer", c.host.StartTimer(wholeMs(delay)))
}

// SetCustomStatus publishes progress. It is visible when this turn commits, at the next wait or at the end; the last one
// wins. It fails when the value is larger than the server allows, or cannot be written as JSON.
func (c *Context) SetCustomStatus(status any) error {
	json, err := encode(status, "status", "orchestrator "+c.name)
	if err != nil {
		return err
	}
	if failed := c.host.SetCustomStatus(json); failed != nil {
		return errorOf(failed)
	}
	return nil
}

// RaiseEvent sends an event to another instance, exactly once. It fails when the data cannot be written as JSON.
func (c *Context) RaiseEvent(instanceID, name string, data any) error {
	if err := checkText("instance id", instanceID); err != nil {
		return err
	}
	if err := checkText("event name", name); err != nil {
		return err
	}
	json, err := encode(data, "data", "event "+name)
	if err != nil {
		return err
	}
	c.host.RaiseEvent(instanceID, name, json)
	return nil
}

// ContinueAsNew begins the next execution with this input, as soon as the orchestrator returns without an error; what
// else it returns is not used. It fails when the input cannot be written as JSON.
//
//	return struct{}{}, ctx.ContinueAsNew(round+1, dacapo.KeepEvents)
func (c *Context) ContinueAsNew(input any, events BufferedEvents) error {
	json, err := encode(input, "next input", "orchestrator "+c.name)
	if err != nil {
		return err
	}
	c.host.ContinueAsNew(json, bool(events))
	return nil
}

// Log writes a line, formatted as by fmt.Sprintf, to the host's log, where it is named after the instance; silent while
// replaying.
func (c *Context) Log(level Level, format string, args ...any) {
	c.host.Log(level, fmt.Sprintf(format, args...))
}
