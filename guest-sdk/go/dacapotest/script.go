// What stands in for activities and child orchestrators.
package dacapotest

import (
	"encoding/json"
	"strings"
	"time"

	dacapo "dacapo.dev/sdk"
	"dacapo.dev/sdk/internal/host"
)

// Script is one line of what a test says about the world of its flow.
type Script func(*world)

type outcome struct {
	json   string
	failed *host.Failure
}

// answer stands in for a function.
type answer func(w *world, input string) outcome

type answers struct {
	functions, flows map[string]answer
	id               string
}

// Activity answers for an activity; it is asked once for each attempt.
func Activity[I, O any](name string, function func(I) (O, error)) Script {
	return func(w *world) { w.script.functions[strings.ToLower(name)] = typed(name, function) }
}

// Result is the answer of an activity, whatever its input.
func Result(activity string, result any) Script {
	return Activity(activity, func(any) (any, error) { return result, nil })
}

// Fails makes every attempt of an activity fail.
func Fails(activity string, err error) Script {
	return Activity(activity, func(any) (any, error) { return nil, err })
}

// Orchestrator answers for a child orchestrator, which is not played then.
func Orchestrator[I, O any](name string, function func(I) (O, error)) Script {
	return func(w *world) { w.script.flows[strings.ToLower(name)] = typed(name, function) }
}

// Output is the answer of a child orchestrator, whatever its input.
func Output(orchestrator string, output any) Script {
	return Orchestrator(orchestrator, func(any) (any, error) { return output, nil })
}

// InstanceID is the id of the instance that is played; without it that is test.
func InstanceID(id string) Script {
	return func(w *world) { w.script.id = id }
}

// At is where the test's clock begins; without it that is the year 2030.
func At(now time.Time) Script {
	return func(w *world) { w.nowMs = uint64(now.UnixMilli()) }
}

func typed[I, O any](name string, function func(I) (O, error)) answer {
	return func(w *world, text string) outcome {
		w.t.Helper()
		var input I
		if err := json.Unmarshal([]byte(text), &input); err != nil {
			w.t.Fatalf("the test's %s cannot read its input %s: %v", name, text, err)
		}
		output, err := function(input)
		if err != nil {
			return outcome{failed: failureOf(err)}
		}
		return outcome{json: toJSON(w.t, "what the test's "+name+" returned", output)}
	}
}

func failureOf(err error) *host.Failure {
	failed := &host.Failure{Kind: dacapo.KindOf(err), Message: err.Error()}
	if own, ok := err.(*dacapo.Error); ok {
		failed.Details = string(own.Details)
	}
	return failed
}
