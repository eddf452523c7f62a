// What an activity may ask of its host.
package dacapo

import (
	"fmt"

	"dacapo.dev/sdk/internal/host"
)

// ActivityContext is what an activity may know about the call.
type ActivityContext struct {
	host host.Activity
}

// InstanceID is the instance that called.
func (c *ActivityContext) InstanceID() string { return c.host.InstanceID() }

// IdempotencyKey is the same for every attempt and every re-run of this call; different for any other call. Send it along
// where the other side can tell by it that it has done the work before.
func (c *ActivityContext) IdempotencyKey() string { return c.host.IdempotencyKey() }

// Attempt is 1 for the first attempt.
func (c *ActivityContext) Attempt() int { return int(c.host.Attempt()) }

// ReportProgress is shown in the instance's status while the activity runs; not durable. It fails when the value cannot
// be written as JSON.
func (c *ActivityContext) ReportProgress(progress any) error {
	json, err := encode(progress, "progress", "an activity")
	if err != nil {
		return err
	}
	c.host.ReportProgress(json)
	return nil
}

// Log writes a line, formatted as by fmt.Sprintf, to the host's log.
func (c *ActivityContext) Log(level Level, format string, args ...any) {
	c.host.Log(level, fmt.Sprintf(format, args...))
}
