// The handle of something in flight.
package dacapo

import (
	"time"

	"dacapo.dev/sdk/internal/host"
)

// Task is something in flight: an activity, an event, a timer, a child orchestration.
type Task[T any] struct {
	wait
}

// Waiter is a [Task] of any type.
type Waiter interface {
	waited() *wait
}

// wait is what a task needs no type for.
type wait struct {
	ctx    *Context
	source string
	handle host.Task
	// 0 while it is open. Later its place among the tasks that were done.
	place int
	// Whether a wait has returned it, or it was cancelled. Then it has a result or an error, and no handle.
	isOver bool
	json   string
	err    error
}

func (w *wait) waited() *wait { return w }

func started[T any](ctx *Context, source string, handle host.Task) *Task[T] {
	task := &Task[T]{wait{ctx: ctx, source: source, handle: handle}}
	ctx.watched[handle] = &task.wait
	ctx.host.Watch(handle)
	return task
}

func failed[T any](ctx *Context, source string, err error) *Task[T] {
	task := &Task[T]{wait{ctx: ctx, source: source}}
	task.setDone()
	task.end("", err)
	return task
}

// Await waits until the task is done: its result, or the error that it failed with. Asking again answers the same.
//
// A failure is an [*Error] with the kind, message and details that it was reported with; a result that is no T one of
// [KindDecode].
func (t *Task[T]) Await() (T, error) {
	WaitAny(t)
	if t.err != nil {
		var none T
		return none, t.err
	}
	return decode[T](t.json, t.source)
}

// AwaitWithin is [Task.Await] with a limit: inTime is false, and the task cancelled, when that passes first.
func (t *Task[T]) AwaitWithin(limit time.Duration) (value T, inTime bool, err error) {
	timer := t.ctx.StartTimer(limit)
	if WaitAny(t, timer) == 1 {
		t.Cancel()
		_, err = timer.Await()
		return value, false, err
	}
	timer.Cancel()
	value, err = t.Await()
	return value, true, err
}

// IsDone says whether the task is done, so that Await returns at once: as far as things had come when the flow was resumed
// last, whatever it waited for.
func (t *Task[T]) IsDone() bool { return t.place > 0 }

// Cancel stops waiting: a timer is disarmed, an event stays buffered for the next wait, an activity's result is ignored.
// Await fails with [KindCancelled] then. What a wait has returned stays as it is.
func (t *Task[T]) Cancel() {
	if t.isOver {
		return
	}
	t.ctx.host.Cancel(t.handle)
	t.ctx.host.Drop(t.handle)
	delete(t.ctx.watched, t.handle)
	t.setDone()
	t.end("", &Error{Kind: KindCancelled, Message: t.source + " is not there: the task was cancelled"})
}

// setDone gives it the next place.
func (w *wait) setDone() {
	w.ctx.done++
	w.place = w.ctx.done
}

// take fetches the outcome, which is there, unless that was done before.
func (w *wait) take() {
	if w.isOver {
		return
	}
	json, failed := w.ctx.host.Outcome(w.handle)
	// The collector would never do it: the host keeps what the module has a handle on.
	w.ctx.host.Drop(w.handle)
	if failed != nil {
		w.end("", errorOf(failed))
		return
	}
	w.end(json, nil)
}

func (w *wait) end(json string, err error) {
	w.isOver, w.json, w.err = true, json, err
}
