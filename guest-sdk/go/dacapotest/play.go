// Begins a run.
package dacapotest

import (
	"testing"
	"time"

	"dacapo.dev/sdk/internal/host"
)

// Play starts an orchestrator that is registered, in any case of its name, and plays it until it ends, or waits for an
// event or a timer. The test fails when the flow asks for a function that is neither scripted nor registered, or for
// something else when it is played again.
func Play(t testing.TB, orchestrator string, input any, script ...Script) *Run {
	t.Helper()
	w := &world{
		t:         t,
		nowMs:     uint64(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()),
		instances: map[string]*player{},
		script:    answers{functions: map[string]answer{}, flows: map[string]answer{}, id: "test"},
	}
	for _, line := range script {
		line(w)
	}
	flow, ok := host.Flows.Find(orchestrator)
	if !ok {
		t.Fatal(host.Flows.NotFound(orchestrator).Message)
	}
	t.Cleanup(w.close)
	p := w.begin(flow, w.script.id, toJSON(t, "the input", input))
	w.settle()
	return &Run{world: w, player: p}
}
