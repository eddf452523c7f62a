// An instance that a test plays: what it has done, and what may happen to it next.
package dacapotest

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	dacapo "dacapo.dev/sdk"
)

// Run is an instance that a test plays. Methods that move it, or expect something of it, return it, so that they can be
// chained; the test fails at once when an expectation is not met.
type Run struct {
	world  *world
	player *player
	// How many custom statuses have been expected.
	seen int
}

// Line is one of a log.
type Line struct {
	Level   dacapo.Level
	Message string
}

// Statuses are all custom statuses it has set, in order, as JSON text. (A server shows the last one of each turn.)
func (r *Run) Statuses() []string { return r.player.statuses }

// IsDone says whether it has ended.
func (r *Run) IsDone() bool { return r.player.ended != nil }

// Output is what it has returned, as JSON text. The test fails when it has not ended, or has failed.
func (r *Run) Output() string {
	r.world.t.Helper()
	switch end := r.player.ended; {
	case end == nil:
		r.world.t.Fatalf("%s has not ended; %s", r.name(), r.waits())
	case end.failed != nil:
		r.world.t.Fatalf("%s has failed: %s", r.name(), shownFailure(r.Failure()))
	}
	return r.player.ended.json
}

// Failure is what it has failed with; nil when it has not.
func (r *Run) Failure() *dacapo.Error {
	if r.player.ended == nil || r.player.ended.failed == nil {
		return nil
	}
	failed := r.player.ended.failed
	failure := dacapo.Errorf(failed.Kind, "%s", failed.Message)
	if failed.Details != "" {
		failure.Details = json.RawMessage(failed.Details)
	}
	return failure
}

// Commands is what it has asked for, in order, over all executions.
func (r *Run) Commands() []Command { return r.player.commands() }

// Calls are the inputs that an activity or a child orchestrator was called with, in order, as JSON text.
func (r *Run) Calls(name string) []string {
	var inputs []string
	for _, one := range r.Commands() {
		if (one.Kind == "activity" || one.Kind == "orchestrator") && strings.EqualFold(one.Name, name) {
			inputs = append(inputs, one.Input)
		}
	}
	return inputs
}

// WaitingFor is what would let it go on.
func (r *Run) WaitingFor() []Command {
	var commands []Command
	for _, task := range r.player.recorder.waitingFor() {
		commands = append(commands, r.player.recorder.commands[task-1])
	}
	return commands
}

// Executions is 1, and one more for each continue-as-new.
func (r *Run) Executions() int { return r.player.execution }

// Logs is what it and its activities have logged.
func (r *Run) Logs() []Line { return r.player.logs }

// Now is the test's clock, in UTC.
func (r *Run) Now() time.Time { return time.UnixMilli(int64(r.world.nowMs)).UTC() }

// Instance is another instance, such as a child. The test fails when there is none of that id.
func (r *Run) Instance(id string) *Run {
	r.world.t.Helper()
	p := r.world.instances[id]
	if p == nil {
		var known []string
		for _, one := range r.world.order {
			known = append(known, one.id)
		}
		r.world.t.Fatalf("there is no instance %q; there are %q", id, known)
	}
	return &Run{world: r.world, player: p}
}

// RaiseEvent is an event from outside. The test fails when the instance has ended.
func (r *Run) RaiseEvent(name string, data any) *Run {
	r.world.t.Helper()
	if r.IsDone() {
		r.world.t.Fatalf("event %s comes too late: %s has ended", name, r.name())
	}
	text := toJSON(r.world.t, "the data of event "+name, data)
	r.world.later(func() { r.player.deliver(name, text) })
	r.world.settle()
	return r
}

// Advance lets time pass: the timers that are due fire, in order, each at its own time.
func (r *Run) Advance(duration time.Duration) *Run {
	r.world.t.Helper()
	r.world.advance(r.world.nowMs + uint64(duration.Milliseconds()))
	return r
}

// AdvanceToNextTimer lets time pass until a timer fires. The test fails when none is running.
func (r *Run) AdvanceToNextTimer() *Run {
	r.world.t.Helper()
	dueMs, found := r.world.nextDueMs()
	if !found {
		r.world.t.Fatalf("no timer is running; %s %s", r.name(), r.waits())
	}
	r.world.advance(dueMs)
	return r
}

// ExpectStatus: the next custom status that has not been expected yet is this one.
func (r *Run) ExpectStatus(expected any) *Run {
	r.world.t.Helper()
	want, seen := toJSON(r.world.t, "the expected status", expected), r.player.statuses[:r.seen]
	if r.seen == len(r.player.statuses) {
		r.world.t.Fatalf("%s: expected the status %s, and there is none after %v; %s", r.name(), want, seen, r.state())
	}
	if found := r.player.statuses[r.seen]; !isSame(found, want) {
		r.world.t.Fatalf("%s: expected the status %s, and found %s, after %v", r.name(), want, found, seen)
	}
	r.seen++
	return r
}

// ExpectNoMoreStatuses: all custom statuses have been expected.
func (r *Run) ExpectNoMoreStatuses() *Run {
	r.world.t.Helper()
	if left := r.player.statuses[r.seen:]; len(left) > 0 {
		r.world.t.Fatalf("%s: expected no more statuses, and found %v", r.name(), left)
	}
	return r
}

// ExpectOutput: it has ended well, and returned this.
func (r *Run) ExpectOutput(expected any) *Run {
	r.world.t.Helper()
	want := toJSON(r.world.t, "the expected output", expected)
	if found := r.Output(); !isSame(found, want) {
		r.world.t.Fatalf("%s: expected the output %s, and found %s", r.name(), want, found)
	}
	return r
}

// ExpectFailure: it has failed with this kind, and a message that has this in it.
func (r *Run) ExpectFailure(kind, message string) *Run {
	r.world.t.Helper()
	failure := r.Failure()
	if failure == nil {
		r.world.t.Fatalf("%s: expected a failure of kind %s; %s", r.name(), kind, r.state())
	}
	if failure.Kind != kind || !strings.Contains(failure.Message, message) {
		r.world.t.Fatalf("%s: expected %s: …%s…, and found %s", r.name(), kind, message, shownFailure(failure))
	}
	return r
}

// ExpectWaiting: it has not ended.
func (r *Run) ExpectWaiting() *Run {
	r.world.t.Helper()
	if r.IsDone() {
		r.world.t.Fatalf("%s: expected it to wait; %s", r.name(), r.state())
	}
	return r
}

func (r *Run) name() string { return fmt.Sprintf("%s %q", r.player.flow.Name, r.player.id) }

func (r *Run) state() string {
	switch failure := r.Failure(); {
	case failure != nil:
		return "it has failed: " + shownFailure(failure)
	case r.IsDone():
		return "it has ended with " + r.player.ended.json
	default:
		return r.waits()
	}
}

func (r *Run) waits() string {
	waiting := r.WaitingFor()
	if len(waiting) == 0 {
		return "it waits for nothing"
	}
	texts := make([]string, len(waiting))
	for i, one := range waiting {
		texts[i] = one.String()
	}
	return "it waits for " + strings.Join(texts, ", ")
}

func shownFailure(failure *dacapo.Error) string {
	text := failure.Kind + ": " + failure.Message
	if failure.Details != nil {
		text += "\n" + string(failure.Details)
	}
	return text
}
