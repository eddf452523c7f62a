// The error that failures of others are seen as, and that own ones may be.
package dacapo

import (
	"encoding/json"
	"errors"
	"fmt"

	"dacapo.dev/sdk/internal/host"
)

// Kinds of the SDK's own errors. Those of the server, such as timeout, come as they are.
const (
	// KindGeneral is of errors that have no kind and whose type has no name of its own, as those of errors.New.
	KindGeneral = "error"
	// KindDecode is of a value that was not what the code expected.
	KindDecode = "decode"
	// KindEncode is of a value that JSON cannot express.
	KindEncode = "encode"
	// KindNotFound is of a function that the module does not have.
	KindNotFound = "not-found"
	// KindPanic is of a function that has panicked; the details have the stack.
	KindPanic = "panic"
	// KindBlocking is of a function that waits for what will never come, as after time.Sleep.
	KindBlocking = "blocking-call"
	// KindCancelled is what waiting for a cancelled task fails with.
	KindCancelled = "cancelled"
)

// Error is why something did not succeed.
//
// A function of a module may fail with any error. Its kind is the Kind of the first Error in its chain, what a method
// Kind() string says there, or else the name of its type; what it wraps goes into the details.
type Error struct {
	// Kind is a short stable name that code can match on, such as out-of-stock.
	Kind string
	// Message is one sentence for people.
	Message string
	// Details is anything more, as JSON: a stack, causes, data of the application. It may be nil.
	Details json.RawMessage
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Errorf makes an error of your own; choose a kind that callers can match on.
func Errorf(kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// WithDetails adds data for the caller. Details that JSON cannot express are replaced by the reason.
func (e *Error) WithDetails(details any) *Error {
	text, err := encode(details, "details", "an error")
	if err != nil {
		text, _ = encode(err.Error(), "details", "an error")
	}
	with := *e
	with.Details = json.RawMessage(text)
	return &with
}

// KindOf is the kind that a function fails with when it returns this error; empty for nil.
func KindOf(err error) string {
	if err == nil {
		return ""
	}
	var own *Error
	if errors.As(err, &own) && own.Kind != "" {
		return own.Kind
	}
	return kindOfType(err)
}

func errorOf(failed *host.Failure) *Error {
	found := &Error{Kind: failed.Kind, Message: failed.Message}
	switch {
	case failed.Details == "":
		return found
	case json.Valid([]byte(failed.Details)):
		found.Details = json.RawMessage(failed.Details)
		return found
	default:
		return found.WithDetails(failed.Details)
	}
}
