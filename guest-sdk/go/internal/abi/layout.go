// Package abi is the canonical ABI of the contract (wit/dacapo.wit), by hand: how values lie in memory, what is imported
// and what is exported. Outside of WebAssembly only the layouts are there, to be tested.
package abi

import "dacapo.dev/sdk/internal/host"

// Sizes and offsets are those of the canonical ABI, where an address has 32 bits; Go's own pointers have 64 here.
type (
	slice struct {
		data, length uint32
	}
	optionU64 struct {
		some  uint8
		value uint64
	}
	optionString struct {
		some  uint8
		value slice
	}
	retryPolicy struct {
		maxAttempts           uint32
		firstDelayMs          uint64
		backoff               float64
		maxDelay, giveUpAfter optionU64
		unlessKinds           slice
	}
	optionRetry struct {
		some  uint8
		value retryPolicy
	}
	activityOptions struct {
		retry   optionRetry
		timeout optionU64
	}
	childOptions struct {
		instanceID optionString
		retry      optionRetry
		detached   bool
	}
	// Parameters that take more than 16 values lie in memory, as a tuple.
	activityCall struct {
		name, input slice
		some        uint8
		options     activityOptions
	}
	childCall struct {
		name, input slice
		some        uint8
		options     childOptions
	}
	failure struct {
		kind, message slice
		details       optionString
	}
	// result is result<json, failure>; of result<_, failure> nothing is read but the failure.
	result struct {
		failed uint8
		// The JSON of a success lies where the kind of a failure does.
		failure failure
	}
)

// writer lays out what has pointers; `at` gives the address of a text's bytes, and keeps them alive.
type writer struct {
	at    func(string) slice
	texts func([]slice) slice
}

func (w writer) activityCall(name, input string, options *host.ActivityOptions) activityCall {
	call := activityCall{name: w.at(name), input: w.at(input)}
	if options != nil {
		call.some = 1
		call.options = activityOptions{retry: w.retry(options.Retry), timeout: number(options.TimeoutMs)}
	}
	return call
}

func (w writer) childCall(name, input string, options *host.ChildOptions) childCall {
	call := childCall{name: w.at(name), input: w.at(input)}
	if options != nil {
		call.some = 1
		call.options = childOptions{retry: w.retry(options.Retry), detached: options.Detached}
		if options.InstanceID != nil {
			call.options.instanceID = optionString{1, w.at(*options.InstanceID)}
		}
	}
	return call
}

func (w writer) retry(retry *host.Retry) optionRetry {
	if retry == nil {
		return optionRetry{}
	}
	kinds := make([]slice, len(retry.UnlessKinds))
	for i, kind := range retry.UnlessKinds {
		kinds[i] = w.at(kind)
	}
	return optionRetry{1, retryPolicy{
		maxAttempts:  retry.MaxAttempts,
		firstDelayMs: retry.FirstDelayMs,
		backoff:      retry.Backoff,
		maxDelay:     number(retry.MaxDelayMs),
		giveUpAfter:  number(retry.GiveUpAfterMs),
		unlessKinds:  w.texts(kinds),
	}}
}

func (w writer) result(json string, failed *host.Failure) result {
	if failed == nil {
		return result{failure: failure{kind: w.at(json)}}
	}
	laid := failure{kind: w.at(failed.Kind), message: w.at(failed.Message)}
	if failed.Details != "" {
		laid.details = optionString{1, w.at(failed.Details)}
	}
	return result{1, laid}
}

func number(value *uint64) optionU64 {
	if value == nil {
		return optionU64{}
	}
	return optionU64{1, *value}
}
