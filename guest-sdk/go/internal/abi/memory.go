//go:build wasip1

// Memory that passes between the module and its host.
package abi

import (
	"runtime/debug"
	"unsafe"
)

// At its first call the adapter of WASI takes two pages of 64 KiB, a stack and its state; Go's runtime, whose start makes
// that call, is not up yet then.
var early [132 << 10]byte

// Nearly all that the host hands over fits here, so that nothing has to be allocated while it does. Emptied by `taken`.
var arena [32 << 10]byte

var (
	isUp        bool
	earlyLength uintptr
	arenaLength uintptr
	// What did not fit. A call brings four texts at most; more is a broken host.
	large       [8][]byte
	largeLength int
)

// What SetGCPercent is while functions of the module run.
var collecting int

// Between calls of the host's there are no collections; see withoutCollections.
func init() {
	collecting = debug.SetGCPercent(-1)
	isUp = true
}

// withoutCollections is for calls in which the host may hand over more than fits into the arena: a collection reads both
// clocks, of which the adapter can only pause one, and lets other goroutines run. One that is under way ends before.
func withoutCollections(call func()) {
	percent := debug.SetGCPercent(-1)
	call()
	debug.SetGCPercent(percent)
}

// withCollections runs a function of the module.
func withCollections(run func()) {
	debug.SetGCPercent(collecting)
	run()
	collecting = debug.SetGCPercent(-1)
}

//go:wasmimport wasi_snapshot_preview1 adapter_monotonic_clock_set_paused
func pauseClock(paused bool)

// The host and the adapter ask for memory here; nothing is ever resized. The parameters are an old pointer and an old
// size, then an alignment and a size.
//
//go:wasmexport cabi_realloc
func realloc(_, _, align, size uint32) unsafe.Pointer {
	if !isUp {
		return bump(early[:], &earlyLength, uintptr(align), uintptr(size))
	}
	if room := bump(arena[:], &arenaLength, uintptr(align), uintptr(size)); room != nil {
		return room
	}
	// Nothing may be imported now, and an allocation may look at the clock: it gets the time that was read last.
	pauseClock(true)
	// Whole words, so that any alignment fits.
	words := make([]uint64, (size+7)/8)
	pauseClock(false)
	large[largeLength] = unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), size)
	largeLength++
	return unsafe.Pointer(unsafe.SliceData(words))
}

// bump takes the next bytes of a buffer; nil when there are not as many.
//
//go:nosplit
func bump(buffer []byte, length *uintptr, align, size uintptr) unsafe.Pointer {
	base := uintptr(unsafe.Pointer(unsafe.SliceData(buffer)))
	begin := (base+*length+align-1)&^(align-1) - base
	if begin+size > uintptr(len(buffer)) {
		return nil
	}
	*length = begin + size
	return unsafe.Add(unsafe.Pointer(unsafe.SliceData(buffer)), begin)
}

// taken says that all the host has handed over was read.
func taken() {
	arenaLength = 0
	clear(large[:largeLength])
	largeLength = 0
}

// text copies what the host has put there.
func (s slice) text() string {
	if s.length == 0 {
		return ""
	}
	return string(unsafe.Slice((*byte)(unsafe.Add(nil, s.data)), s.length))
}

// lent keeps alive, and on the heap, what the host is about to read: an address in memory is nothing to the collector,
// and a stack may move.
var lent struct {
	texts  []string
	slices []slice
}

var writing = writer{
	at: func(text string) slice {
		lent.texts = append(lent.texts, text)
		return slice{address(unsafe.Pointer(unsafe.StringData(text))), uint32(len(text))}
	},
	texts: func(all []slice) slice {
		lent.slices = all
		return slice{address(unsafe.Pointer(unsafe.SliceData(all))), uint32(len(all))}
	},
}

// read says that the host has read it.
func read() {
	clear(lent.texts)
	lent.texts, lent.slices = lent.texts[:0], nil
}

func address(pointer unsafe.Pointer) uint32 {
	return uint32(uintptr(pointer))
}
