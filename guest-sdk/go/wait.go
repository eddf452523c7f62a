// Waiting for several tasks.
package dacapo

// WaitAny waits until one of the tasks is done, and returns its index; of several, that of the one that was done first.
// The others go on: cancel those that you do not need. Cancelled tasks are done. It panics without tasks, since it would
// wait for ever. It looks at each task of the list: to wait for all of thousands, WaitAll takes less.
//
//	approved, deadline := dacapo.WaitForEvent[bool](ctx, "Approval"), ctx.StartTimer(time.Hour)
//	if dacapo.WaitAny(approved, deadline) == 1 { ... }
func WaitAny(tasks ...Waiter) int {
	if len(tasks) == 0 {
		panic("WaitAny has no tasks to wait for")
	}
	for {
		if first := firstDone(tasks); first >= 0 {
			tasks[first].waited().take()
			return first
		}
		tasks[0].waited().ctx.awaitNext(tasks)
	}
}

// WaitAll waits until all tasks are done. The error is that of the first one in the list which has failed, or nil; Await
// returns the results at once then.
func WaitAll(tasks ...Waiter) error {
	var first error
	for _, task := range tasks {
		one := task.waited()
		for one.place == 0 {
			one.ctx.awaitNext(tasks)
		}
		one.take()
		if first == nil {
			first = one.err
		}
	}
	return first
}

// firstDone is the index of the task that was done first; -1 when none is.
func firstDone(tasks []Waiter) int {
	first := -1
	for i, task := range tasks {
		place := task.waited().place
		if place > 0 && (first < 0 || place < tasks[first].waited().place) {
			first = i
		}
	}
	return first
}

// AwaitAll waits until all tasks are done: their results in the order of the tasks, or the error of the first one in the
// list which has failed.
func AwaitAll[T any](tasks []*Task[T]) ([]T, error) {
	if err := WaitAll(Waiters(tasks)...); err != nil {
		return nil, err
	}
	results := make([]T, len(tasks))
	for i, task := range tasks {
		result, err := task.Await()
		if err != nil {
			return nil, err
		}
		results[i] = result
	}
	return results, nil
}

// Waiters lists tasks of one type for [WaitAny] and [WaitAll]: dacapo.WaitAny(dacapo.Waiters(tasks)...).
func Waiters[T any](tasks []*Task[T]) []Waiter {
	waiters := make([]Waiter, len(tasks))
	for i, task := range tasks {
		waiters[i] = task
	}
	return waiters
}
