// Waiting for several tasks.
package dacapo

import "dacapo.dev/sdk/internal/host"

// WaitAny waits until one of the tasks is done, and returns its index; of several, that of the one that was done first.
// The others go on: cancel those that you do not need. Cancelled tasks are done. It panics without tasks, since it would
// wait for ever.
//
//	approved, deadline := dacapo.WaitForEvent[bool](ctx, "Approval"), ctx.StartTimer(time.Hour)
//	if dacapo.WaitAny(approved, deadline) == 1 { ... }
func WaitAny(tasks ...Waiter) int {
	if len(tasks) == 0 {
		panic("WaitAny has no tasks to wait for")
	}
	first := -1
	for i, task := range tasks {
		place := task.waited().place
		if place > 0 && (first < 0 || place < tasks[first].waited().place) {
			first = i
		}
	}
	if first >= 0 {
		return first
	}
	handles := make([]host.Task, len(tasks))
	for i, task := range tasks {
		handles[i] = task.waited().handle
	}
	index := tasks[0].waited().ctx.host.AwaitAny(handles)
	tasks[index].waited().take()
	return index
}

// WaitAll waits until all tasks are done. The error is that of the first one in the list which has failed, or nil; Await
// returns the results at once then.
func WaitAll(tasks ...Waiter) error {
	open := make([]Waiter, 0, len(tasks))
	for _, task := range tasks {
		if task.waited().place == 0 {
			open = append(open, task)
		}
	}
	for len(open) > 0 {
		index := WaitAny(open...)
		open = append(open[:index], open[index+1:]...)
	}
	for _, task := range tasks {
		if err := task.waited().err; err != nil {
			return err
		}
	}
	return nil
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
