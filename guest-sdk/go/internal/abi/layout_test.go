// The layouts have the sizes and offsets that the canonical ABI computes for the types of the contract.
package abi

import (
	"testing"
	"unsafe"

	"dacapo.dev/sdk/internal/host"
)

func TestLayoutsAreThoseOfTheContract(t *testing.T) {
	for _, one := range []struct {
		what        string
		found, want uintptr
	}{
		{"retry-policy", unsafe.Sizeof(retryPolicy{}), 64},
		{"retry-policy.first-delay-ms", unsafe.Offsetof(retryPolicy{}.firstDelayMs), 8},
		{"retry-policy.backoff", unsafe.Offsetof(retryPolicy{}.backoff), 16},
		{"retry-policy.max-delay-ms", unsafe.Offsetof(retryPolicy{}.maxDelay), 24},
		{"retry-policy.give-up-after-ms", unsafe.Offsetof(retryPolicy{}.giveUpAfter), 40},
		{"retry-policy.unless-kinds", unsafe.Offsetof(retryPolicy{}.unlessKinds), 56},
		{"activity-options", unsafe.Sizeof(activityOptions{}), 88},
		{"activity-options.timeout-ms", unsafe.Offsetof(activityOptions{}.timeout), 72},
		{"child-options", unsafe.Sizeof(childOptions{}), 96},
		{"child-options.retry", unsafe.Offsetof(childOptions{}.retry), 16},
		{"child-options.detached", unsafe.Offsetof(childOptions{}.detached), 88},
		{"call-activity", unsafe.Sizeof(activityCall{}), 112},
		{"call-activity.options", unsafe.Offsetof(activityCall{}.options), 24},
		{"call-orchestrator", unsafe.Sizeof(childCall{}), 120},
		{"call-orchestrator.options", unsafe.Offsetof(childCall{}.options), 24},
		{"failure.details", unsafe.Offsetof(failure{}.details), 16},
		{"result", unsafe.Sizeof(result{}), 32},
		{"result.failure", unsafe.Offsetof(result{}.failure), 4},
	} {
		if one.found != one.want {
			t.Errorf("%s: %d instead of %d", one.what, one.found, one.want)
		}
	}
}

func TestWhatIsAbsentIsLaidOutAsAbsent(t *testing.T) {
	w := writer{
		at:    func(text string) slice { return slice{7, uint32(len(text))} },
		texts: func(all []slice) slice { return slice{8, uint32(len(all))} },
	}
	if call := w.activityCall("A", "null", nil); call != (activityCall{name: slice{7, 1}, input: slice{7, 4}}) {
		t.Errorf("%+v", call)
	}
	limit, id := uint64(5), "child"
	retry := &host.Retry{MaxAttempts: 2, Backoff: 1.5, MaxDelayMs: &limit, UnlessKinds: []string{"a", "b"}}
	options := w.childCall("C", "1", &host.ChildOptions{InstanceID: &id, Retry: retry, Detached: true}).options
	want := retryPolicy{maxAttempts: 2, backoff: 1.5, maxDelay: optionU64{1, 5}, unlessKinds: slice{8, 2}}
	if options != (childOptions{optionString{1, slice{7, 5}}, optionRetry{1, want}, true}) {
		t.Errorf("%+v", options)
	}
	failed := w.result("", &host.Failure{Kind: "k", Message: "mm"})
	if failed != (result{1, failure{kind: slice{7, 1}, message: slice{7, 2}}}) {
		t.Errorf("%+v", failed)
	}
}
