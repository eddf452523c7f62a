//go:build wasip1

// The imports of an activity.
package abi

import (
	"unsafe"

	"dacapo.dev/sdk/internal/host"
)

//go:wasmimport dacapo:orchestration/activity-context@0.1.0 instance-id
func callerID(into unsafe.Pointer)

//go:wasmimport dacapo:orchestration/activity-context@0.1.0 idempotency-key
func idempotencyKey(into unsafe.Pointer)

//go:wasmimport dacapo:orchestration/activity-context@0.1.0 attempt
func attempt() uint32

//go:wasmimport dacapo:orchestration/activity-context@0.1.0 report-progress
func reportProgress(progress string)

//go:wasmimport dacapo:orchestration/activity-context@0.1.0 log
func logActivity(level uint32, message string)

type activity struct{}

func (activity) InstanceID() string { return textOf(callerID) }

func (activity) IdempotencyKey() string { return textOf(idempotencyKey) }

func (activity) Attempt() uint32 { return attempt() }

func (activity) ReportProgress(progress string) { reportProgress(progress) }

func (activity) Log(level host.Level, message string) { logActivity(uint32(level), message) }
