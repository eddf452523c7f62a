// From an error or a panic to the failure that the host records.
package dacapo

import (
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"syscall"

	"dacapo.dev/sdk/internal/host"
)

// What is added to an error of the operating system: a module has none.
const noSystem = "a module has no files and no sockets; in a flow, let an activity do it"

// A history keeps every failure: of a stack that is longer, the beginning says most.
const mostStackBytes = 16_000

const mostFrames = 64

func failureOf(err error) *host.Failure {
	// A nil pointer that is no nil error has no message to ask for.
	if value := reflect.ValueOf(err); value.Kind() == reflect.Pointer && value.IsNil() {
		return &host.Failure{Kind: KindGeneral, Message: fmt.Sprintf("an error that is a nil %T was returned", err)}
	}
	found := &host.Failure{Kind: KindOf(err), Message: err.Error()}
	if isOfTheSystem(err) {
		found.Message += " (" + noSystem + ")"
	}
	var own *Error
	if errors.As(err, &own) && own.Details != nil {
		found.Details = string(own.Details)
		return found
	}
	if causes := causesOf(err); len(causes) > 0 {
		found.Details = detailsOf("causes", causes)
	}
	return found
}

// kindOfType asks for the Kind of an error or, along its chain, takes the first type that is not one of errors and fmt.
func kindOfType(err error) string {
	var kinded interface{ Kind() string }
	if errors.As(err, &kinded) && kinded.Kind() != "" {
		return kinded.Kind()
	}
	for _, one := range chain(err) {
		typ := typeOf(one)
		if name := typ.Name(); name != "" && typ.PkgPath() != "errors" && typ.PkgPath() != "fmt" {
			name, _, _ = strings.Cut(name, "[")
			return name
		}
	}
	return KindGeneral
}

func isOfTheSystem(err error) bool {
	for _, one := range chain(err) {
		if typeOf(one) == reflect.TypeFor[syscall.Errno]() || typeOf(one).PkgPath() == "net" {
			return true
		}
	}
	return false
}

func causesOf(err error) []string {
	var causes []string
	for _, cause := range chain(err)[1:] {
		causes = append(causes, cause.Error())
	}
	return causes
}

// chain is the error, and what it wraps, depth first.
func chain(err error) []error {
	all := []error{err}
	switch wraps := err.(type) {
	case interface{ Unwrap() error }:
		if cause := wraps.Unwrap(); cause != nil {
			all = append(all, chain(cause)...)
		}
	case interface{ Unwrap() []error }:
		for _, cause := range wraps.Unwrap() {
			all = append(all, chain(cause)...)
		}
	}
	return all
}

func typeOf(err error) reflect.Type {
	typ := reflect.TypeOf(err)
	if typ.Kind() == reflect.Pointer {
		return typ.Elem()
	}
	return typ
}

// panicked is called by the function that has recovered the value.
func panicked(value any) *host.Failure {
	return &host.Failure{Kind: KindPanic, Message: fmt.Sprint(value), Details: detailsOf("stack", stack())}
}

func detailsOf(name string, value any) string {
	text, err := encode(map[string]any{name: value}, "details", "a failure")
	if err != nil {
		return ""
	}
	return text
}

// stack is that of the panic: from where it happened to where the SDK called the module.
func stack() string {
	var counters [mostFrames]uintptr
	frames := runtime.CallersFrames(counters[:runtime.Callers(0, counters[:])])
	var text strings.Builder
	hasPanicked := false
	for text.Len() < mostStackBytes {
		frame, more := frames.Next()
		isRuntime := strings.HasPrefix(frame.Function, "runtime.")
		switch {
		case strings.HasPrefix(frame.Function, "dacapo.dev/sdk.Orchestrator[") ||
			strings.HasPrefix(frame.Function, "dacapo.dev/sdk.Activity["):
			return text.String()
		case hasPanicked && !isRuntime:
			fmt.Fprintf(&text, "%s (%s:%d)\n", frame.Function, frame.File, frame.Line)
		default:
			hasPanicked = hasPanicked || frame.Function == "runtime.gopanic"
		}
		if !more {
			break
		}
	}
	return text.String()
}
