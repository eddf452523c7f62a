// Finds the part of a value that JSON cannot express, and says what to use instead.
package dacapo

import (
	"encoding"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
)

// Deeper values are taken for ones that contain themselves.
const mostLevels = 200

const general = "use strings, numbers, booleans, slices, maps and structs"

type fault struct {
	path, what, instead string
}

// findFault tells where the part is, what it is, and what to use instead. `err` is what the writer of JSON has said.
func findFault(value any, root string, err error) (path, what, instead string) {
	if found := search(reflect.ValueOf(value), root, 0); found != nil {
		return found.path, found.what, found.instead
	}
	return root, "not writable (" + err.Error() + ")", general
}

func search(value reflect.Value, path string, level int) *fault {
	if !value.IsValid() {
		return nil
	}
	if level > mostLevels {
		return &fault{shown(path), "a part of itself, or nested too deeply", "use a flatter value without cycles"}
	}
	if found, writesItself := marshals(value, path); writesItself {
		return found
	}
	switch value.Kind() {
	case reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return &fault{path, "a " + value.Type().String(), general + `, or leave a field out with json:"-"`}
	case reflect.Complex64, reflect.Complex128:
		return &fault{path, "a " + value.Type().String(), "use two numbers"}
	case reflect.Float32, reflect.Float64:
		if math.IsNaN(value.Float()) || math.IsInf(value.Float(), 0) {
			return &fault{path, fmt.Sprintf("the number %v", value.Float()), "use a string, or a pointer that is nil"}
		}
		return nil
	case reflect.Pointer, reflect.Interface:
		return search(value.Elem(), path, level+1)
	default:
		return searchParts(value, path, level)
	}
}

// marshals tells whether the value writes itself, and what that came to.
func marshals(value reflect.Value, path string) (*fault, bool) {
	if value.Kind() == reflect.Interface || !value.CanInterface() || value.Kind() == reflect.Pointer && value.IsNil() {
		return nil, false
	}
	var err error
	switch writes := value.Interface().(type) {
	case json.Marshaler:
		_, err = json.Marshal(writes)
	case encoding.TextMarshaler:
		_, err = writes.MarshalText()
	default:
		return nil, false
	}
	if err == nil {
		return nil, true
	}
	return &fault{path, fmt.Sprintf("a %s that does not write itself (%v)", value.Type(), err), general}, true
}

func searchParts(value reflect.Value, path string, level int) *fault {
	switch value.Kind() {
	case reflect.Struct:
		return searchFields(value, path, level)
	case reflect.Map:
		return searchMap(value, path, level)
	case reflect.Slice, reflect.Array:
		for i := range value.Len() {
			if found := search(value.Index(i), fmt.Sprintf("%s[%d]", path, i), level+1); found != nil {
				return found
			}
		}
	}
	return nil
}

func searchFields(value reflect.Value, path string, level int) *fault {
	for i := range value.NumField() {
		field := value.Type().Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if field.Tag.Get("json") == "-" || !field.IsExported() && !field.Anonymous {
			continue
		}
		inner := path
		switch {
		case name != "":
			inner = path + "." + name
		case !field.Anonymous:
			inner = path + "." + field.Name
		}
		if found := search(value.Field(i), inner, level+1); found != nil {
			return found
		}
	}
	return nil
}

func searchMap(value reflect.Value, path string, level int) *fault {
	if !isKey(value.Type().Key()) {
		what := fmt.Sprintf("a %s with keys of type %s", value.Type(), value.Type().Key())
		return &fault{path, what, "use strings as keys"}
	}
	for items := value.MapRange(); items.Next(); {
		inner := fmt.Sprintf("%s.%v", path, items.Key())
		if found := search(items.Value(), inner, level+1); found != nil {
			return found
		}
	}
	return nil
}

func isKey(typ reflect.Type) bool {
	switch typ.Kind() {
	case reflect.String, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return true
	}
	return typ.Implements(reflect.TypeFor[encoding.TextMarshaler]())
}
