// Events of an instance: by name, ignoring case; first come, first served, on both sides.
package dacapotest

import (
	"slices"
	"strings"

	"dacapo.dev/sdk/internal/host"
)

// inbox has events that wait for somebody, or tasks that wait for events; never both, of one name.
type inbox struct {
	events map[string][]string
	takers map[string][]host.Task
}

func newInbox() *inbox {
	return &inbox{map[string][]string{}, map[string][]host.Task{}}
}

// wait hands out the next event of that name, or remembers who waits for it.
func (b *inbox) wait(name string, task host.Task) (data string, found bool) {
	name = strings.ToLower(name)
	if events := b.events[name]; len(events) > 0 {
		b.events[name] = events[1:]
		return events[0], true
	}
	b.takers[name] = append(b.takers[name], task)
	return "", false
}

// deliver tells who gets an event; it is kept when nobody waits.
func (b *inbox) deliver(name, data string) (task host.Task, found bool) {
	name = strings.ToLower(name)
	if takers := b.takers[name]; len(takers) > 0 {
		b.takers[name] = takers[1:]
		return takers[0], true
	}
	b.events[name] = append(b.events[name], data)
	return 0, false
}

// forget takes a wish back.
func (b *inbox) forget(task host.Task) {
	for name, takers := range b.takers {
		b.takers[name] = slices.DeleteFunc(takers, func(one host.Task) bool { return one == task })
	}
}

// undone forgets all wishes; events stay.
func (b *inbox) undone() { clear(b.takers) }
