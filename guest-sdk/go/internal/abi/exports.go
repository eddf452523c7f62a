//go:build wasip1

// What the host calls.
package abi

import (
	"unsafe"

	"dacapo.dev/sdk/internal/host"
)

// What exports return through a pointer; the host reads it, and calls the function's `cabi_post_` then.
var (
	exportedNames  slice
	exportedResult result
)

func namesOf(names []string) unsafe.Pointer {
	texts := make([]slice, len(names))
	for i, name := range names {
		texts[i] = writing.at(name)
	}
	exportedNames = writing.texts(texts)
	return unsafe.Pointer(&exportedNames)
}

func ran(json string, failed *host.Failure) unsafe.Pointer {
	exportedResult = writing.result(json, failed)
	return unsafe.Pointer(&exportedResult)
}

//go:wasmexport dacapo:orchestration/orchestrators@0.1.0#names
func orchestratorNames() unsafe.Pointer { return namesOf(host.Flows.Names()) }

//go:wasmexport cabi_post_dacapo:orchestration/orchestrators@0.1.0#names
func orchestratorNamesRead(unsafe.Pointer) { read() }

//go:wasmexport dacapo:orchestration/orchestrators@0.1.0#run
func runOrchestrator(data, length uint32) unsafe.Pointer {
	name := slice{data, length}.text()
	taken()
	flow, ok := host.Flows.Find(name)
	if !ok {
		return ran("", host.Flows.NotFound(name))
	}
	return ran(guarded("orchestrator", flow.Name, "use ctx.StartTimer(d).Await(), and wait for tasks", func() (string, *host.Failure) {
		return flow.Run(orchestration{})
	}))
}

//go:wasmexport cabi_post_dacapo:orchestration/orchestrators@0.1.0#run
func orchestratorRead(unsafe.Pointer) { read() }

//go:wasmexport dacapo:orchestration/activities@0.1.0#names
func activityNames() unsafe.Pointer { return namesOf(host.Functions.Names()) }

//go:wasmexport cabi_post_dacapo:orchestration/activities@0.1.0#names
func activityNamesRead(unsafe.Pointer) { read() }

//go:wasmexport dacapo:orchestration/activities@0.1.0#run
func runActivity(nameData, nameLength, inputData, inputLength uint32) unsafe.Pointer {
	name, input := slice{nameData, nameLength}.text(), slice{inputData, inputLength}.text()
	taken()
	function, ok := host.Functions.Find(name)
	if !ok {
		return ran("", host.Functions.NotFound(name))
	}
	return ran(guarded("activity", function.Name, "return an error, and let the caller's Retry wait", func() (string, *host.Failure) {
		return function.Run(activity{}, input)
	}))
}

//go:wasmexport cabi_post_dacapo:orchestration/activities@0.1.0#run
func activityRead(unsafe.Pointer) { read() }
