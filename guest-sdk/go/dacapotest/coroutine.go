// A flow on a goroutine of its own, of which and the test's only one runs at a time.
package dacapotest

import (
	"fmt"
	"runtime"
	"time"

	"dacapo.dev/sdk/internal/host"
)

// How long a flow may take to come to rest before it is looked at.
const patience = 200 * time.Millisecond

type coroutine struct {
	parked chan struct{}
	resume chan host.Task
	ended  chan outcome
	quit   chan struct{}
	id     string
}

func newCoroutine() *coroutine {
	return &coroutine{
		parked: make(chan struct{}), resume: make(chan host.Task), ended: make(chan outcome), quit: make(chan struct{}),
	}
}

// begin starts a flow; what it comes to is for rest to tell.
func (c *coroutine) begin(flow host.Flow, h host.Orchestration) {
	started := make(chan string)
	go func() {
		started <- goroutineID()
		end := outcome{failed: &host.Failure{Kind: "error", Message: "the orchestrator has ended its goroutine instead of returning"}}
		// Also where it was ended.
		defer func() {
			select {
			case c.ended <- end:
			case <-c.quit:
			}
		}()
		end.json, end.failed = flow(h)
	}()
	c.id = <-started
}

// park is called by the flow; it returns the task that it goes on with.
func (c *coroutine) park() host.Task {
	select {
	case c.parked <- struct{}{}:
	case <-c.quit:
		runtime.Goexit()
	}
	select {
	case task := <-c.resume:
		return task
	case <-c.quit:
		runtime.Goexit()
	}
	panic("a goroutine goes on after its end")
}

// rest waits until the flow has ended, or waits for tasks; of a flow that waits for something else it tells where.
func (c *coroutine) rest() (end *outcome, err error) {
	impatient := time.NewTicker(patience)
	defer impatient.Stop()
	for {
		select {
		case <-c.parked:
			return nil, nil
		case end := <-c.ended:
			return &end, nil
		case <-impatient.C:
			if at, found := whereBlocked(c.id); found {
				return nil, fmt.Errorf("does not come to rest (%s at %s): on a server time stands still while it runs, "+
					"and the whole module waits; instead of time.Sleep, timers, channels and locks use "+
					"ctx.StartTimer(d).Await(), and wait for tasks", at.doing, at.line)
			}
		}
	}
}

// close ends the flow where it waits.
func (c *coroutine) close() { close(c.quit) }
