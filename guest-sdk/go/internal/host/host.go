// Package host says what a module may ask of its host. In WebAssembly package abi answers, in tests package dacapotest.
package host

// Task is the handle of something in flight.
type Task uint32

// Level is that of a line in the host's log.
type Level uint8

// Failure is why something did not succeed; Details is JSON text, or nothing.
type Failure struct {
	Kind, Message, Details string
}

// Retry is a policy of retries. Times are in milliseconds; of those that may be absent, nil is.
type Retry struct {
	MaxAttempts               uint32
	FirstDelayMs              uint64
	Backoff                   float64
	MaxDelayMs, GiveUpAfterMs *uint64
	UnlessKinds               []string
}

// ActivityOptions says how an activity is called.
type ActivityOptions struct {
	Retry     *Retry
	TimeoutMs *uint64
}

// ChildOptions says how a child orchestration is started; without an InstanceID the host derives one.
type ChildOptions struct {
	InstanceID *string
	Retry      *Retry
	Detached   bool
}

// Orchestration is what an orchestrator may ask. Inputs, outcomes and statuses are JSON text.
type Orchestration interface {
	Input() string
	CallActivity(name, input string, options *ActivityOptions) Task
	WaitForEvent(name string) Task
	StartTimer(delayMs uint64) Task
	CallOrchestrator(name, input string, options *ChildOptions) Task
	// Watch makes AwaitNext wait for the task too, until it has returned it.
	Watch(task Task)
	// AwaitNext parks until one of the watched tasks is done: the one that was done first. A test may ask which of them the
	// flow waits for.
	AwaitNext(waitedFor func() []Task) Task
	// Outcome may be taken once, of a task that AwaitNext has returned.
	Outcome(task Task) (string, *Failure)
	Cancel(task Task)
	// Drop gives the handle back; nothing may use it after that.
	Drop(task Task)
	SetCustomStatus(status string) *Failure
	RaiseEvent(instanceID, name, data string)
	ContinueAsNew(input string, keepEvents bool)
	InstanceID() string
	// NowMs is the time of the turn, in milliseconds since 1970.
	NowMs() uint64
	NewUUID() string
	IsReplaying() bool
	Log(level Level, message string)
}

// Activity is what an activity may ask.
type Activity interface {
	InstanceID() string
	IdempotencyKey() string
	Attempt() uint32
	ReportProgress(progress string)
	Log(level Level, message string)
}
