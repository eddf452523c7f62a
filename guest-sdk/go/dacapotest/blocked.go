// Where a goroutine waits.
package dacapotest

import (
	"runtime"
	"strings"
)

// place is the line at which a goroutine waits, and how the runtime calls that: sleep, chan receive, select and so on.
type place struct {
	doing, line string
}

// goroutineID is the number of this goroutine.
func goroutineID() string {
	var header [64]byte
	return idIn(string(header[:runtime.Stack(header[:], false)]))
}

// idIn reads the first line of a stack: `goroutine 7 [chan receive, 2 minutes]:`.
func idIn(header string) string {
	_, rest, _ := strings.Cut(header, " ")
	id, _, _ := strings.Cut(rest, " ")
	return id
}

func doingIn(header string) string {
	_, rest, _ := strings.Cut(header, "[")
	state, _, _ := strings.Cut(rest, "]")
	state, _, _ = strings.Cut(state, ",")
	return state
}

// whereBlocked tells where a goroutine waits; not while it runs, or waits for the test.
func whereBlocked(goroutine string) (place, bool) {
	text := make([]byte, 1<<20)
	for _, one := range strings.Split(string(text[:runtime.Stack(text, true)]), "\n\n") {
		header, stack, _ := strings.Cut(one, "\n")
		if idIn(header) == goroutine && !strings.Contains(stack, "dacapotest.(*coroutine).park") {
			doing := doingIn(header)
			return place{doing, lineIn(stack)}, doing != "running" && doing != "runnable" && !strings.HasPrefix(doing, "GC")
		}
	}
	return place{}, false
}

// lineIn finds the first line that is not one of Go's own.
func lineIn(stack string) string {
	lines := strings.Split(stack, "\n")
	for i := 0; i+1 < len(lines); i += 2 {
		function, _, _ := strings.Cut(lines[i], "(")
		first, _, isDeep := strings.Cut(function, "/")
		if isOwn := strings.HasPrefix(function, "main.") || isDeep && strings.Contains(first, "."); isOwn {
			file, _, _ := strings.Cut(strings.TrimSpace(lines[i+1]), " +0x")
			return file[strings.LastIndexByte(file, '/')+1:]
		}
	}
	return "?"
}
