// What a module offers: functions by the names that callers use.
package dacapo

import (
	_ "dacapo.dev/sdk/internal/abi" // The exports of the module.
	"dacapo.dev/sdk/internal/host"
)

// Orchestrator registers a flow, in an init function. Clients may ignore the case of its name; it panics when there is
// one of that name.
//
// The input is read as an I, see [Context] for what JSON fits; with struct{} it is not read at all. What is returned is
// written as JSON, struct{} as null. An error is the failure of the instance, and so is a panic.
func Orchestrator[I, O any](name string, flow func(*Context, I) (O, error)) {
	host.Flows.Add(name, func(h host.Orchestration) (string, *host.Failure) {
		return finish(func() (string, error) {
			ctx := &Context{host: h, name: name, watched: map[host.Task]*wait{}}
			input, err := decodeInput[I](h.Input(), "the input of orchestrator "+name)
			if err != nil {
				return "", err
			}
			output, err := flow(ctx, input)
			if err != nil {
				return "", err
			}
			return encode(output, "output", "orchestrator "+name)
		})
	})
}

// Activity registers a function with side effects, in an init function. Callers may ignore the case of its name; it
// panics when there is one of that name.
//
// Input, result, errors and panics are as for [Orchestrator]; a failure may be tried again, by the caller's [Retry].
func Activity[I, O any](name string, function func(*ActivityContext, I) (O, error)) {
	host.Functions.Add(name, func(h host.Activity, json string) (string, *host.Failure) {
		return finish(func() (string, error) {
			input, err := decodeInput[I](json, "the input of activity "+name)
			if err != nil {
				return "", err
			}
			result, err := function(&ActivityContext{h}, input)
			if err != nil {
				return "", err
			}
			return encode(result, "result", "activity "+name)
		})
	})
}

// finish runs a function of the module; what it fails with, or panics with, becomes a failure.
func finish(run func() (string, error)) (json string, failed *host.Failure) {
	defer func() {
		if value := recover(); value != nil {
			json, failed = "", panicked(value)
		}
	}()
	json, err := run()
	if err != nil {
		return "", failureOf(err)
	}
	return json, nil
}
