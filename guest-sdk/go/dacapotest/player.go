// Plays one instance in a world of the test's.
package dacapotest

import (
	"fmt"
	"slices"
	"strings"

	"dacapo.dev/sdk/internal/host"
)

type player struct {
	world     *world
	id        string
	flow      host.Named[host.Flow]
	execution int
	recorder  *recorder
	statuses  []string
	logs      []Line
	ended     *outcome
	inbox     *inbox
	// Commands of the executions before this one.
	earlier []Command
	onEnd   []func(outcome)

	beganMs uint64
	next    *Command
	journal []resumption
	// Done and not yet taken, in the order they were done.
	done    []host.Task
	open    map[host.Task]bool
	disarm  map[host.Task]func()
	checked [2]int
}

func (p *player) begin(input string) {
	p.execution++
	p.beganMs = p.world.nowMs
	p.next, p.journal, p.done = nil, nil, nil
	p.open, p.disarm = map[host.Task]bool{}, map[host.Task]func(){}
	if p.inbox == nil {
		p.inbox = newInbox()
	}
	p.recorder = newRecorder(p.id, input, p.execution, p.beganMs, p)
	p.world.later(func() {
		p.recorder.coroutine.begin(p.flow.Run, p.recorder)
		p.rest()
	})
}

func (p *player) commands() []Command { return slices.Concat(p.earlier, p.recorder.commands) }

func (p *player) status(json string) { p.statuses = append(p.statuses, json) }

func (p *player) log(level host.Level, message string) { p.logs = append(p.logs, Line{level, message}) }

// issued does what a command asks for.
func (p *player) issued(task host.Task, command Command) {
	w := p.world
	switch command.Kind {
	case "activity":
		p.open[task] = true
		w.later(func() { p.finish(task, p.attempts(task, command)) })
	case "orchestrator":
		p.open[task] = true
		w.later(func() { p.startChild(task, command, 1) })
	case "event":
		p.open[task] = true
		if data, found := p.inbox.wait(command.Name, task); found {
			p.finish(task, outcome{json: data})
		}
	case "timer":
		p.open[task] = true
		dueMs := p.recorder.nowMs + uint64(command.Delay.Milliseconds())
		p.disarm[task] = w.at(dueMs, func() { p.finish(task, outcome{json: "null"}) })
	case "cancel":
		p.cancel(indexOf(command))
	case "raise":
		// An event for nobody is lost, as on a server.
		w.later(func() {
			if to := w.instances[command.InstanceID]; to != nil && to.ended == nil {
				to.deliver(command.Name, command.Input)
			}
		})
	case "continue":
		p.next = &command
	}
}

func indexOf(cancel Command) host.Task {
	var index host.Task
	// The recorder has written a number.
	_, _ = fmt.Sscan(cancel.Name, &index)
	return index + 1
}

func (p *player) deliver(name, data string) {
	if task, found := p.inbox.deliver(name, data); found {
		p.finish(task, outcome{json: data})
	}
}

// finish ends a task; the flow goes on if it waits for it.
func (p *player) finish(task host.Task, end outcome) {
	if !p.open[task] {
		return
	}
	delete(p.open, task)
	p.recorder.outcomes[task] = end
	p.done = append(p.done, task)
	p.world.later(p.resume)
}

// cancel stops waiting for a task. An event that it had already taken is there for the next wait.
func (p *player) cancel(task host.Task) {
	p.letGo(task)
	if next, data, found := p.inbox.forget(task); found {
		p.finish(next, outcome{json: data})
	}
}

func (p *player) letGo(task host.Task) {
	delete(p.open, task)
	p.done = slices.DeleteFunc(p.done, func(one host.Task) bool { return one == task })
	if disarm := p.disarm[task]; disarm != nil {
		disarm()
	}
}

// resume goes on with the first of the watched tasks that was done.
func (p *player) resume() {
	for i, task := range p.done {
		if !slices.Contains(p.recorder.watched, task) {
			continue
		}
		p.done = slices.Delete(p.done, i, i+1)
		next := resumption{task, p.recorder.outcomes[task], p.world.nowMs}
		p.journal = append(p.journal, next)
		p.recorder.resume(next)
		p.rest()
		return
	}
}

// rest waits until the flow has asked for all that it asks for now.
func (p *player) rest() {
	p.world.t.Helper()
	end, err := p.recorder.coroutine.rest()
	switch {
	case err != nil:
		p.world.t.Fatalf("orchestrator %s %v", p.flow.Name, err)
	case end != nil:
		p.end(*end)
	default:
		p.world.later(p.resume)
	}
}

func (p *player) end(end outcome) {
	// Nothing lets it go on any more.
	p.recorder.watched, p.recorder.waitedFor = nil, nil
	for task := range p.open {
		p.letGo(task)
	}
	p.inbox.undone()
	// What was done unseen may have taken an event, which the next execution gets.
	for _, task := range p.done {
		p.inbox.forget(task)
	}
	if p.next == nil || end.failed != nil {
		p.ended = &end
		for _, tell := range p.onEnd {
			tell(end)
		}
		return
	}
	next := *p.next
	p.checkReplay()
	if !next.KeepEvents {
		p.inbox = nil
	}
	p.earlier = append(p.earlier, p.recorder.commands...)
	p.recorder.coroutine.close()
	p.begin(next.Input)
}

// attempts are all of them, one right after the other: the test's clock stands still meanwhile.
func (p *player) attempts(task host.Task, command Command) outcome {
	key := fmt.Sprintf("%s/%d/%d", p.id, p.execution, task)
	for attempt := uint32(1); ; attempt++ {
		end := p.runActivity(command, &caller{p, key, attempt})
		if attempt >= command.MaxAttempts || !isTriedAgain(end, command.retry) {
			return end
		}
	}
}

func (p *player) runActivity(command Command, context host.Activity) outcome {
	p.world.t.Helper()
	if scripted := p.world.script.functions[strings.ToLower(command.Name)]; scripted != nil {
		return scripted(p.world, command.Input)
	}
	function, found := host.Functions.Find(command.Name)
	if !found {
		p.world.t.Fatalf("orchestrator %s calls the activity %s: give it to the test, as in "+
			"dacapotest.Result(%q, ...), or register it; there are %q", p.flow.Name, command.Name, command.Name, host.Functions.Names())
	}
	json, failed := function.Run(context, command.Input)
	return outcome{json, failed}
}

func (p *player) startChild(task host.Task, command Command, attempt uint32) {
	w := p.world
	w.t.Helper()
	id := command.InstanceID
	if id == "" {
		id = fmt.Sprintf("%s:%d", p.id, task-1)
	}
	ended := func(end outcome) {
		if attempt < command.MaxAttempts && isTriedAgain(end, command.retry) {
			w.later(func() { p.startChild(task, command, attempt+1) })
			return
		}
		p.finish(task, end)
	}
	if command.Detached {
		p.finish(task, outcome{json: toJSON(w.t, "an id", id)})
		ended = func(outcome) {}
	}
	if scripted := w.script.flows[strings.ToLower(command.Name)]; scripted != nil {
		ended(scripted(w, command.Input))
		return
	}
	flow, found := host.Flows.Find(command.Name)
	if !found {
		w.t.Fatalf("orchestrator %s calls the orchestrator %s: give it to the test, as in "+
			"dacapotest.Output(%q, ...), or register it; there are %q", p.flow.Name, command.Name, command.Name, host.Flows.Names())
	}
	child := w.begin(flow, id, command.Input)
	child.onEnd = append(child.onEnd, ended)
}

func isTriedAgain(end outcome, retry *host.Retry) bool {
	return end.failed != nil && retry != nil && !slices.Contains(retry.UnlessKinds, end.failed.Kind)
}

// caller is what a registered activity may ask.
type caller struct {
	player  *player
	key     string
	attempt uint32
}

func (c *caller) InstanceID() string { return c.player.id }

func (c *caller) IdempotencyKey() string { return c.key }

func (c *caller) Attempt() uint32 { return c.attempt }

func (c *caller) ReportProgress(string) {}

func (c *caller) Log(level host.Level, message string) { c.player.log(level, message) }
