// Plays a flow again from its beginning, and compares what it asks for.
package dacapotest

import (
	"fmt"
	"slices"

	"dacapo.dev/sdk/internal/host"
)

// resumption is a wait that has ended: by which task, with what, and when.
type resumption struct {
	task  host.Task
	end   outcome
	nowMs uint64
}

type noEffects struct{}

func (noEffects) issued(host.Task, Command) {}

func (noEffects) status(string) {}

func (noEffects) log(host.Level, string) {}

// checkReplay fails the test unless the flow asks for the same things in the same order again.
func (p *player) checkReplay() {
	p.world.t.Helper()
	// Nothing has happened since the last time.
	state := [2]int{p.execution, len(p.journal) + 1}
	if p.checked == state {
		return
	}
	p.checked = state
	again := newRecorder(p.id, p.recorder.input, p.execution, p.beganMs, noEffects{})
	if err := replay(p.flow.Run, again, p.journal); err != nil {
		p.world.t.Fatalf("orchestrator %s, when it is played again, %v", p.flow.Name, err)
	}
	if difference := compare(p.recorder.commands, again.commands); difference != "" {
		p.world.t.Fatalf("orchestrator %s does something else when it is played again: %s. Does it depend on a clock, "+
			"randomness, a map's order or a variable of the package? Take time and ids from the context, and leave the rest "+
			"to activities.", p.flow.Name, difference)
	}
}

// replay plays with recorded outcomes, as far as the flow asks for the tasks that they are of.
func replay(flow host.Flow, again *recorder, journal []resumption) error {
	defer again.coroutine.close()
	again.coroutine.begin(flow, again)
	end, err := again.coroutine.rest()
	for _, one := range journal {
		if err != nil || end != nil || !slices.Contains(again.watched, one.task) {
			break
		}
		again.resume(one)
		end, err = again.coroutine.rest()
	}
	return err
}

// compare tells the first difference; nothing when there is none.
func compare(before, again []Command) string {
	shown := func(commands []Command, i int) string {
		if i < len(commands) {
			return "`" + commands[i].String() + "`"
		}
		return "nothing"
	}
	for i := range max(len(before), len(again)) {
		if first, second := shown(before, i), shown(again, i); first != second {
			return fmt.Sprintf("command %d was %s, and is now %s", i, first, second)
		}
	}
	return ""
}
