// Something that a flow has asked for.
package dacapotest

import (
	"fmt"
	"strings"
	"time"

	"dacapo.dev/sdk/internal/host"
)

// Command is something that a flow has asked for; fields that its kind does not have are empty.
type Command struct {
	// Kind is activity, orchestrator, event (a wait for one), timer, cancel, raise or continue.
	Kind string
	// Name is that of the function or the event; of a cancelled command, its index.
	Name string
	// Input is what was sent along, as JSON text.
	Input string
	// InstanceID is the child's own, or that of the instance to which an event was sent.
	InstanceID string
	// Delay is that of a timer, Timeout that of an activity.
	Delay, Timeout time.Duration
	// MaxAttempts is 0 without a retry policy.
	MaxAttempts uint32
	// Detached is of a child, KeepEvents of what continues as new.
	Detached, KeepEvents bool
	retry                *host.Retry
}

// String has everything that is compared on replay.
func (c Command) String() string {
	text := strings.TrimSpace(c.Kind + " " + c.Name)
	if c.Input != "" {
		text += "(" + c.Input + ")"
	}
	add := func(is bool, format string, value any) {
		if is {
			text += fmt.Sprintf(format, value)
		}
	}
	add(c.InstanceID != "", ", instance %s", c.InstanceID)
	add(c.Kind == "timer", " of %s", c.Delay)
	add(c.Timeout != 0, ", timeout %s", c.Timeout)
	add(c.Detached, ", detached%s", "")
	add(c.Kind == "continue", ", keeping events: %t", c.KeepEvents)
	if c.retry != nil {
		text += fmt.Sprintf(", %d attempts, first delay %d ms, backoff %g, max delay %s, give up after %s, unless %q",
			c.retry.MaxAttempts, c.retry.FirstDelayMs, c.retry.Backoff,
			optional(c.retry.MaxDelayMs), optional(c.retry.GiveUpAfterMs), c.retry.UnlessKinds)
	}
	return text
}

func optional(ms *uint64) string {
	if ms == nil {
		return "none"
	}
	return fmt.Sprintf("%d ms", *ms)
}

func milliseconds(ms uint64) time.Duration {
	return time.Duration(ms) * time.Millisecond
}
