// What is written as JSON, and where a value is that cannot be.
package dacapo

import (
	"errors"
	"math"
	"testing"
	"time"
)

func TestValuesAreWrittenCompactAndAsTheyAre(t *testing.T) {
	for _, one := range []struct {
		value any
		want  string
	}{
		{nil, "null"}, {struct{}{}, "null"}, {"a<ü>&", `"a<ü>&"`}, {map[string]int{"b": 1, "a": 2}, `{"a":2,"b":1}`},
		{[]string{}, "[]"}, {time.Unix(0, 0).UTC(), `"1970-01-01T00:00:00Z"`},
	} {
		if found, err := encode(one.value, "input", "activity A"); err != nil || found != one.want {
			t.Errorf("%v: %s, %v", one.value, found, err)
		}
	}
}

type line struct {
	Quantity any `json:"qty"`
	Secret   any `json:"-"`
}

type knot struct{ Next *knot }

type moody struct{}

func (moody) MarshalText() ([]byte, error) { return nil, errors.New("not today") }

func TestErrorsSayWhereAndWhatInstead(t *testing.T) {
	loop := &knot{}
	loop.Next = loop
	lines := func(value any) any {
		return map[string]any{"order": map[string]any{"lines": []line{{Quantity: 1, Secret: make(chan int)}, {}, {Quantity: value}}}}
	}
	const path = "input.order.lines[2].qty of activity Charge is "
	for _, one := range []struct {
		value any
		want  string
	}{
		{lines(make(chan int)), path + `a chan int, which JSON cannot express; ` + general + `, or leave a field out with json:"-"`},
		{lines(math.NaN()), path + "the number NaN, which JSON cannot express; use a string, or a pointer that is nil"},
		{lines(2i), path + "a complex128, which JSON cannot express; use two numbers"},
		{lines(map[line]int{{}: 1}), path + "a map[dacapo.line]int with keys of type dacapo.line, which JSON cannot express; use strings as keys"},
		{lines(moody{}), path + "a dacapo.moody that does not write itself (not today), which JSON cannot express; " + general},
		{func() {}, "input of activity Charge is a func(), which JSON cannot express; " + general + `, or leave a field out with json:"-"`},
	} {
		_, err := encode(one.value, "input", "activity Charge")
		if KindOf(err) != KindEncode || err.Error() != one.want {
			t.Errorf("%v\ninstead of %s", err, one.want)
		}
	}
	if _, err := encode(loop, "input", "activity Charge"); KindOf(err) != KindEncode {
		t.Error(err)
	}
}
