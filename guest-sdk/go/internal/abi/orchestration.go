//go:build wasip1

// The imports of an orchestrator.
package abi

import (
	"unsafe"

	"dacapo.dev/sdk/internal/host"
)

//go:wasmimport dacapo:orchestration/context@0.1.0 get-input
func getInput(into unsafe.Pointer)

//go:wasmimport dacapo:orchestration/context@0.1.0 call-activity
func callActivity(call unsafe.Pointer) uint32

//go:wasmimport dacapo:orchestration/context@0.1.0 wait-for-event
func waitForEvent(name string) uint32

//go:wasmimport dacapo:orchestration/context@0.1.0 start-timer
func startTimer(delayMs uint64) uint32

//go:wasmimport dacapo:orchestration/context@0.1.0 call-orchestrator
func callOrchestrator(call unsafe.Pointer) uint32

//go:wasmimport dacapo:orchestration/context@0.1.0 [method]task.watch
func watch(task, key uint32)

//go:wasmimport dacapo:orchestration/context@0.1.0 await-next
func awaitNext() uint32

//go:wasmimport dacapo:orchestration/context@0.1.0 [method]task.outcome
func outcome(task uint32, into unsafe.Pointer)

//go:wasmimport dacapo:orchestration/context@0.1.0 [method]task.cancel
func cancel(task uint32)

//go:wasmimport dacapo:orchestration/context@0.1.0 [resource-drop]task
func drop(task uint32)

//go:wasmimport dacapo:orchestration/context@0.1.0 set-custom-status
func setCustomStatus(status string, into unsafe.Pointer)

//go:wasmimport dacapo:orchestration/context@0.1.0 raise-event
func raiseEvent(instanceID, name, data string)

//go:wasmimport dacapo:orchestration/context@0.1.0 continue-as-new
func continueAsNew(input string, keepEvents bool)

//go:wasmimport dacapo:orchestration/context@0.1.0 instance-id
func instanceID(into unsafe.Pointer)

//go:wasmimport dacapo:orchestration/context@0.1.0 current-time-ms
func currentTimeMs() uint64

//go:wasmimport dacapo:orchestration/context@0.1.0 new-uuid
func newUUID(into unsafe.Pointer)

//go:wasmimport dacapo:orchestration/context@0.1.0 is-replaying
func isReplaying() bool

//go:wasmimport dacapo:orchestration/context@0.1.0 log
func logFlow(level uint32, message string)

// What calls return through a pointer comes here: it must not lie on a stack, which may move while the host asks for
// memory.
var (
	returnedText   slice
	returnedResult result
	passedActivity activityCall
	passedChild    childCall
)

// textOf runs a function that returns a text.
func textOf(call func(into unsafe.Pointer)) string {
	withoutCollections(func() { call(unsafe.Pointer(&returnedText)) })
	defer taken()
	return returnedText.text()
}

func resultOf() (string, *host.Failure) {
	defer taken()
	failed := returnedResult.failure
	if returnedResult.failed == 0 {
		return failed.kind.text(), nil
	}
	found := &host.Failure{Kind: failed.kind.text(), Message: failed.message.text()}
	if failed.details.some != 0 {
		found.Details = failed.details.value.text()
	}
	return "", found
}

type orchestration struct{}

func (orchestration) Input() string { return textOf(getInput) }

func (orchestration) CallActivity(name, input string, options *host.ActivityOptions) host.Task {
	passedActivity = writing.activityCall(name, input, options)
	defer read()
	return host.Task(callActivity(unsafe.Pointer(&passedActivity)))
}

func (orchestration) WaitForEvent(name string) host.Task { return host.Task(waitForEvent(name)) }

func (orchestration) StartTimer(delayMs uint64) host.Task { return host.Task(startTimer(delayMs)) }

func (orchestration) CallOrchestrator(name, input string, options *host.ChildOptions) host.Task {
	passedChild = writing.childCall(name, input, options)
	defer read()
	return host.Task(callOrchestrator(unsafe.Pointer(&passedChild)))
}

// Watch takes the handle for the key, too: no other task has it before this one is dropped.
func (orchestration) Watch(task host.Task) { watch(uint32(task), uint32(task)) }

func (orchestration) AwaitNext(func() []host.Task) host.Task { return host.Task(awaitNext()) }

func (orchestration) Outcome(task host.Task) (string, *host.Failure) {
	withoutCollections(func() { outcome(uint32(task), unsafe.Pointer(&returnedResult)) })
	return resultOf()
}

func (orchestration) Cancel(task host.Task) { cancel(uint32(task)) }

func (orchestration) Drop(task host.Task) { drop(uint32(task)) }

func (orchestration) SetCustomStatus(status string) *host.Failure {
	setCustomStatus(status, unsafe.Pointer(&returnedResult))
	if returnedResult.failed == 0 {
		// Of success there is nothing to read.
		return nil
	}
	_, failed := resultOf()
	return failed
}

func (orchestration) RaiseEvent(instanceID, name, data string) { raiseEvent(instanceID, name, data) }

func (orchestration) ContinueAsNew(input string, keepEvents bool) { continueAsNew(input, keepEvents) }

func (orchestration) InstanceID() string { return textOf(instanceID) }

func (orchestration) NowMs() uint64 { return currentTimeMs() }

func (orchestration) NewUUID() string { return textOf(newUUID) }

func (orchestration) IsReplaying() bool { return isReplaying() }

func (orchestration) Log(level host.Level, message string) { logFlow(uint32(level), message) }
