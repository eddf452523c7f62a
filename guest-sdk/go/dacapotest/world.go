// What the instances of a test share: a clock, and what is still to be done.
package dacapotest

import (
	"container/heap"
	"testing"

	"dacapo.dev/sdk/internal/host"
)

// A flow that goes on for ever without waiting is stopped after so many steps.
const mostJobs = 100_000

type world struct {
	t         testing.TB
	nowMs     uint64
	script    answers
	instances map[string]*player
	// In the order they began, so that every test is checked in one order.
	order  []*player
	jobs   []func()
	timers alarms
	count  int
}

// begin makes an instance.
func (w *world) begin(flow host.Named[host.Flow], id, input string) *player {
	p := &player{world: w, id: id, flow: flow}
	w.instances[id] = p
	w.order = append(w.order, p)
	p.begin(input)
	return p
}

// later does it after everything that is already to be done.
func (w *world) later(job func()) { w.jobs = append(w.jobs, job) }

// at does it at that time, unless what it returns is called before.
func (w *world) at(dueMs uint64, job func()) (disarm func()) {
	w.count++
	one := &alarm{dueMs: dueMs, number: w.count, job: job}
	heap.Push(&w.timers, one)
	return func() { one.job = nil }
}

// settle goes on until every instance is at rest, and sees that they would replay.
func (w *world) settle() {
	w.t.Helper()
	for done := 0; len(w.jobs) > 0; done++ {
		if done == mostJobs {
			w.t.Fatalf("there is still no rest after %d steps; does a flow go on for ever without waiting?", mostJobs)
		}
		job := w.jobs[0]
		w.jobs = w.jobs[1:]
		job()
	}
	for _, p := range w.order {
		p.checkReplay()
	}
}

// advance moves the clock; timers fire in their order, each at its own time.
func (w *world) advance(toMs uint64) {
	w.t.Helper()
	for {
		dueMs, found := w.nextDueMs()
		if !found || dueMs > toMs {
			break
		}
		w.nowMs = dueMs
		heap.Pop(&w.timers).(*alarm).job()
		w.settle()
	}
	w.nowMs = toMs
}

func (w *world) nextDueMs() (uint64, bool) {
	for len(w.timers) > 0 && w.timers[0].job == nil {
		heap.Pop(&w.timers)
	}
	if len(w.timers) == 0 {
		return 0, false
	}
	return w.timers[0].dueMs, true
}

func (w *world) close() {
	for _, p := range w.order {
		p.recorder.coroutine.close()
	}
}

// alarm fires once; one without a job was disarmed.
type alarm struct {
	dueMs  uint64
	number int
	job    func()
}

// alarms is a heap: the next one first, of one time the oldest.
type alarms []*alarm

func (a alarms) Len() int { return len(a) }

func (a alarms) Less(i, j int) bool {
	if a[i].dueMs != a[j].dueMs {
		return a[i].dueMs < a[j].dueMs
	}
	return a[i].number < a[j].number
}

func (a alarms) Swap(i, j int) { a[i], a[j] = a[j], a[i] }

func (a *alarms) Push(one any) { *a = append(*a, one.(*alarm)) }

func (a *alarms) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}
