// How a call is made: limits, retries, and where a child orchestration lives.
package dacapo

import (
	"time"

	"dacapo.dev/sdk/internal/host"
)

// ActivityOption is a [Retry] or a [Timeout]. Without any there is one attempt, and no limit.
type ActivityOption interface {
	ofActivity(*host.ActivityOptions)
}

// ChildOption is a [Retry], an [InstanceID] or [Detached]. Without any there is one attempt, and an id that is derived
// from the parent's.
type ChildOption interface {
	ofChild(*host.ChildOptions)
}

// Retry is a policy of durable retries: each wait is a timer in the history. Times are rounded up to whole milliseconds.
type Retry struct {
	// MaxAttempts is how many there are in all, the first one included; 0 counts as 1.
	MaxAttempts uint32
	// FirstDelay is the wait before the second attempt; 0 is one second.
	FirstDelay time.Duration
	// Backoff is the factor from one wait to the next; less than 1 counts as 1.
	Backoff float64
	// MaxDelay is the longest wait; 0 is none.
	MaxDelay time.Duration
	// GiveUpAfter is how long after the first attempt the last one may start; 0 is for ever.
	GiveUpAfter time.Duration
	// UnlessKinds are kinds of failures that are final at once.
	UnlessKinds []string
}

// Timeout is the limit of each attempt; past it the attempt fails with kind timeout.
type Timeout time.Duration

// InstanceID is a child's own id.
type InstanceID string

// Detached does not wait for the child: the task is done, with the child's id, as soon as the child exists.
var Detached ChildOption = detached{}

type detached struct{}

func (r Retry) ofActivity(options *host.ActivityOptions) { options.Retry = r.policy() }

func (r Retry) ofChild(options *host.ChildOptions) { options.Retry = r.policy() }

func (t Timeout) ofActivity(options *host.ActivityOptions) {
	options.TimeoutMs = new(uint64)
	*options.TimeoutMs = wholeMs(time.Duration(t))
}

func (id InstanceID) ofChild(options *host.ChildOptions) {
	text := string(id)
	options.InstanceID = &text
}

func (detached) ofChild(options *host.ChildOptions) { options.Detached = true }

func (r Retry) policy() *host.Retry {
	if r.FirstDelay == 0 {
		r.FirstDelay = time.Second
	}
	if !(r.Backoff >= 1) {
		r.Backoff = 1
	}
	return &host.Retry{
		MaxAttempts:   max(r.MaxAttempts, 1),
		FirstDelayMs:  wholeMs(r.FirstDelay),
		Backoff:       r.Backoff,
		MaxDelayMs:    someMs(r.MaxDelay),
		GiveUpAfterMs: someMs(r.GiveUpAfter),
		UnlessKinds:   r.UnlessKinds,
	}
}

// someMs is nil without a duration.
func someMs(duration time.Duration) *uint64 {
	if duration == 0 {
		return nil
	}
	ms := wholeMs(duration)
	return &ms
}

// wholeMs rounds up: a wait never ends early. What is negative is over already.
func wholeMs(duration time.Duration) uint64 {
	if duration <= 0 {
		return 0
	}
	return (uint64(duration) + uint64(time.Millisecond) - 1) / uint64(time.Millisecond)
}
