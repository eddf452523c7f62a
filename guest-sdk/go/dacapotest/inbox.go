// Events of an instance: by name, ignoring case; first come, first served, on both sides.
package dacapotest

import (
	"slices"
	"strings"

	"dacapo.dev/sdk/internal/host"
)

// inbox has events that wait for somebody, or tasks that wait for events; never both, of one name.
type inbox struct {
	events map[string][]event
	takers map[string][]host.Task
	taken  map[host.Task]event
	// How many events there were.
	raised int
}

// event is the number-th of all that were raised.
type event struct {
	number int
	name   string
	data   string
}

func newInbox() *inbox {
	return &inbox{events: map[string][]event{}, takers: map[string][]host.Task{}, taken: map[host.Task]event{}}
}

// wait hands out the next event of that name, or remembers who waits for it.
func (b *inbox) wait(name string, task host.Task) (data string, found bool) {
	name = strings.ToLower(name)
	if events := b.events[name]; len(events) > 0 {
		b.events[name] = events[1:]
		b.taken[task] = events[0]
		return events[0].data, true
	}
	b.takers[name] = append(b.takers[name], task)
	return "", false
}

// deliver tells who gets an event; it is kept when nobody waits.
func (b *inbox) deliver(name, data string) (task host.Task, found bool) {
	b.raised++
	return b.give(event{b.raised, strings.ToLower(name), data})
}

func (b *inbox) give(given event) (task host.Task, found bool) {
	if takers := b.takers[given.name]; len(takers) > 0 {
		b.takers[given.name] = takers[1:]
		b.taken[takers[0]] = given
		return takers[0], true
	}
	later := func(kept event, number int) int { return kept.number - number }
	place, _ := slices.BinarySearchFunc(b.events[given.name], given.number, later)
	b.events[given.name] = slices.Insert(b.events[given.name], place, given)
	return 0, false
}

// forget takes a wish back. An event that it got goes back to where it was: the task that gets it now, and its data.
func (b *inbox) forget(task host.Task) (next host.Task, data string, found bool) {
	for name, takers := range b.takers {
		b.takers[name] = slices.DeleteFunc(takers, func(one host.Task) bool { return one == task })
	}
	taken, isTaken := b.taken[task]
	if !isTaken {
		return 0, "", false
	}
	delete(b.taken, task)
	next, found = b.give(taken)
	return next, taken.data, found
}

// undone forgets all wishes; events stay.
func (b *inbox) undone() { clear(b.takers) }
