// What waits ask of the host.
package dacapo

import (
	"strings"
	"testing"

	"dacapo.dev/sdk/internal/host"
)

// inOrder is a host where tasks are done in the order in which they are waited for.
type inOrder struct {
	host.Orchestration
	started               host.Task
	watched               []host.Task
	watches, waits, taken int
}

func (h *inOrder) StartTimer(uint64) host.Task {
	h.started++
	return h.started
}

func (h *inOrder) Watch(task host.Task) {
	h.watches++
	h.watched = append(h.watched, task)
}

func (h *inOrder) AwaitNext(func() []host.Task) host.Task {
	h.waits++
	task := h.watched[0]
	h.watched = h.watched[1:]
	return task
}

func (h *inOrder) Outcome(host.Task) (string, *host.Failure) {
	h.taken++
	return "null", nil
}

func (h *inOrder) Cancel(host.Task) {}

func (h *inOrder) Drop(host.Task) {}

func fanOut(h *inOrder, count int) []*Task[struct{}] {
	ctx := &Context{host: h, watched: map[host.Task]*wait{}}
	tasks := make([]*Task[struct{}], count)
	for i := range tasks {
		tasks[i] = ctx.StartTimer(0)
	}
	return tasks
}

func TestAFanOutIsWatchedAndAwaitedOnceForEachTask(t *testing.T) {
	const count = 3000
	for way, waitFor := range map[string]func([]*Task[struct{}]) error{
		"all at once": func(tasks []*Task[struct{}]) error {
			_, err := AwaitAll(tasks)
			return err
		},
		"each alone": func(tasks []*Task[struct{}]) error {
			for _, task := range tasks {
				if _, err := task.Await(); err != nil {
					return err
				}
			}
			return nil
		},
		"any, then each": func(tasks []*Task[struct{}]) error {
			if first := WaitAny(Waiters(tasks)...); first != 0 {
				t.Errorf("task %d was first", first)
			}
			return WaitAll(Waiters(tasks)...)
		},
	} {
		h := &inOrder{}
		if err := waitFor(fanOut(h, count)); err != nil || h.watches != count || h.waits != count || h.taken != count {
			t.Errorf("%s: %v, %d watched, %d waits, %d outcomes taken", way, err, h.watches, h.waits, h.taken)
		}
	}
}

func TestALoserThatIsDoneMeanwhileKeepsItsPlace(t *testing.T) {
	h := &inOrder{}
	tasks := fanOut(h, 4)
	winner, second, third, last := tasks[0], tasks[1], tasks[2], tasks[3]
	WaitAny(winner, second, third)
	WaitAny(last)
	if h.waits != 4 || h.taken != 2 || !second.IsDone() || !third.IsDone() {
		t.Error(h.waits, h.taken, second.IsDone(), third.IsDone())
	}
	if first := WaitAny(last, third, second); first != 2 || !second.IsDone() || h.waits != 4 {
		t.Error(first, second.IsDone(), h.waits)
	}
	third.Cancel()
	if _, err := third.Await(); KindOf(err) != KindCancelled || h.taken != 3 {
		t.Error(err, h.taken)
	}
}

func TestNamesAndIdsAreText(t *testing.T) {
	const half = "half \xff"
	ctx := &Context{host: &inOrder{}, watched: map[host.Task]*wait{}}
	id := InstanceID(half)
	for _, task := range []*Task[int]{
		CallActivity[int](ctx, half, nil),
		CallOrchestrator[int](ctx, half, nil),
		CallOrchestrator[int](ctx, "Child", nil, id),
		WaitForEvent[int](ctx, half),
	} {
		if _, err := task.Await(); KindOf(err) != KindEncode || !strings.HasSuffix(err.Error(), `"half \xff" is not text in UTF-8`) {
			t.Error(err)
		}
	}
	for _, err := range []error{ctx.RaiseEvent(half, "Go", nil), ctx.RaiseEvent("other", half, nil)} {
		if KindOf(err) != KindEncode {
			t.Error(err)
		}
	}
}
