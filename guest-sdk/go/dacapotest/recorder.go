// A host that writes down what a flow asks for.
package dacapotest

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"

	"dacapo.dev/sdk/internal/host"
)

// recorder is the host of one play; `effects` says what its commands do, in a replay nothing.
type recorder struct {
	id, input string
	execution int
	nowMs     uint64
	commands  []Command
	outcomes  map[host.Task]outcome
	watched   []host.Task
	waitedFor func() []host.Task
	uuids     int
	coroutine *coroutine
	effects   effects
}

// effects are those of commands. A task is the index of its command, counted from 1.
type effects interface {
	issued(task host.Task, command Command)
	status(json string)
	log(level host.Level, message string)
}

func newRecorder(id, input string, execution int, nowMs uint64, effects effects) *recorder {
	return &recorder{
		id: id, input: input, execution: execution, nowMs: nowMs, effects: effects,
		outcomes: map[host.Task]outcome{}, coroutine: newCoroutine(),
	}
}

func (r *recorder) issue(command Command) host.Task {
	r.commands = append(r.commands, command)
	task := host.Task(len(r.commands))
	r.effects.issued(task, command)
	return task
}

func (r *recorder) Input() string { return r.input }

func (r *recorder) CallActivity(name, input string, options *host.ActivityOptions) host.Task {
	command := Command{Kind: "activity", Name: name, Input: input}
	if options != nil {
		command.retry = options.Retry
		if options.TimeoutMs != nil {
			command.Timeout = milliseconds(*options.TimeoutMs)
		}
	}
	return r.issue(withAttempts(command))
}

func (r *recorder) WaitForEvent(name string) host.Task {
	return r.issue(Command{Kind: "event", Name: name})
}

func (r *recorder) StartTimer(delayMs uint64) host.Task {
	return r.issue(Command{Kind: "timer", Delay: milliseconds(delayMs)})
}

func (r *recorder) CallOrchestrator(name, input string, options *host.ChildOptions) host.Task {
	command := Command{Kind: "orchestrator", Name: name, Input: input}
	if options != nil {
		command.retry, command.Detached = options.Retry, options.Detached
		if options.InstanceID != nil {
			command.InstanceID = *options.InstanceID
		}
	}
	return r.issue(withAttempts(command))
}

func withAttempts(command Command) Command {
	if command.retry != nil {
		command.MaxAttempts = command.retry.MaxAttempts
	}
	return command
}

func (r *recorder) Watch(task host.Task) { r.watched = append(r.watched, task) }

func (r *recorder) unwatch(task host.Task) {
	r.watched = slices.DeleteFunc(r.watched, func(one host.Task) bool { return one == task })
}

func (r *recorder) AwaitNext(waitedFor func() []host.Task) host.Task {
	r.waitedFor = waitedFor
	return r.coroutine.park()
}

// waitingFor is what the flow waits for, of all that is watched.
func (r *recorder) waitingFor() []host.Task {
	if r.waitedFor == nil {
		return nil
	}
	return r.waitedFor()
}

// resume lets the flow go on, which is parked.
func (r *recorder) resume(with resumption) {
	r.outcomes[with.task] = with.end
	r.nowMs = with.nowMs
	r.unwatch(with.task)
	r.coroutine.resume <- with.task
}

func (r *recorder) Outcome(task host.Task) (string, *host.Failure) {
	found := r.outcomes[task]
	return found.json, found.failed
}

func (r *recorder) Cancel(task host.Task) {
	r.unwatch(task)
	r.issue(Command{Kind: "cancel", Name: strconv.Itoa(int(task) - 1)})
}

func (r *recorder) Drop(host.Task) {}

func (r *recorder) SetCustomStatus(status string) *host.Failure {
	r.effects.status(status)
	return nil
}

func (r *recorder) RaiseEvent(instanceID, name, data string) {
	r.issue(Command{Kind: "raise", Name: name, Input: data, InstanceID: instanceID})
}

func (r *recorder) ContinueAsNew(input string, keepEvents bool) {
	r.issue(Command{Kind: "continue", Input: input, KeepEvents: keepEvents})
}

func (r *recorder) InstanceID() string { return r.id }

func (r *recorder) NowMs() uint64 { return r.nowMs }

// NewUUID is derived from the instance and a counter, as on a server.
func (r *recorder) NewUUID() string {
	r.uuids++
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d/%d", r.id, r.execution, r.uuids))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

func (r *recorder) IsReplaying() bool {
	_, isReplay := r.effects.(noEffects)
	return isReplay
}

func (r *recorder) Log(level host.Level, message string) { r.effects.log(level, message) }
