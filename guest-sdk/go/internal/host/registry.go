// The functions of this module.
package host

import (
	"fmt"
	"strings"
)

// Flow plays an orchestrator: JSON text, or why there is none.
type Flow func(Orchestration) (string, *Failure)

// Function runs an activity on JSON text.
type Function func(Activity, string) (string, *Failure)

// Named is a function with the name that callers use.
type Named[F any] struct {
	Name string
	Run  F
}

// Table holds functions of one sort; callers may ignore the case of names.
type Table[F any] struct {
	sort  string
	named []Named[F]
}

var (
	// Flows are the orchestrators of this module.
	Flows = Table[Flow]{sort: "orchestrator"}
	// Functions are the activities of this module.
	Functions = Table[Function]{sort: "activity"}
)

// Add registers a function. It panics when there is one of that name, or the name is empty.
func (t *Table[F]) Add(name string, run F) {
	if name == "" {
		panic(fmt.Sprintf("dacapo: an %s needs a name", t.sort))
	}
	if twin, ok := t.Find(name); ok {
		panic(fmt.Sprintf("dacapo: there are two of the %s %s (%s)", t.sort, name, twin.Name))
	}
	t.named = append(t.named, Named[F]{name, run})
}

// Find looks a function up.
func (t *Table[F]) Find(name string) (Named[F], bool) {
	for _, one := range t.named {
		if strings.EqualFold(one.Name, name) {
			return one, true
		}
	}
	return Named[F]{}, false
}

// Names lists all, in the order they were added.
func (t *Table[F]) Names() []string {
	names := make([]string, len(t.named))
	for i, one := range t.named {
		names[i] = one.Name
	}
	return names
}

// NotFound is the answer to a name that this module does not have.
func (t *Table[F]) NotFound(name string) *Failure {
	existing := "none at all"
	if len(t.named) > 0 {
		existing = strings.Join(t.Names(), ", ")
	}
	return &Failure{Kind: "not-found", Message: fmt.Sprintf("This module has no %s %s; it has %s.", t.sort, name, existing)}
}
