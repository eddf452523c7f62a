// From JSON text to values: typed, forgiving about one level of quotes, and clear about what did not fit.
package dacapo

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

// decode reads JSON text into a T. Where the text is a JSON string that no T can be read from, what is inside the quotes
// is read instead: some clients encode twice. `source` names the value in the error, as in `the data of event Go`.
func decode[T any](text, source string) (T, error) {
	var value T
	if reflect.TypeFor[T]() == reflect.TypeFor[struct{}]() {
		return value, nil
	}
	asSent := read(text, &value)
	if asSent == nil {
		return value, nil
	}
	var inner string
	if json.Unmarshal([]byte(text), &inner) == nil {
		if inner == "" && isNothing(reflect.TypeFor[T]()) {
			var none T
			return none, nil
		}
		var unquoted T
		err := read(inner, &unquoted)
		if err == nil {
			return unquoted, nil
		}
		// Inside was JSON too, of the wrong shape: that shape is what the reader wants to hear about.
		if inner != "" && json.Valid([]byte(inner)) {
			asSent = err
		}
	}
	var none T
	return none, Errorf(KindDecode, "Unexpected value for %s: %v; found %s", source, asSent, shown(text))
}

// decodeInput reads the input of a function, where the JavaScript client's `""` means that none was given.
func decodeInput[T any](text, source string) (T, error) {
	if text == `""` && isNothing(reflect.TypeFor[T]()) {
		var none T
		return none, nil
	}
	return decode[T](text, source)
}

// isNothing is of types that have a value for nothing at all.
func isNothing(typ reflect.Type) bool {
	return typ.Kind() == reflect.Pointer
}

// read is stricter than encoding/json, which leaves a value as it is where it finds null.
func read[T any](text string, into *T) error {
	typ := reflect.TypeFor[T]()
	if text == "null" && !takesNull(typ) {
		return fmt.Errorf("expected %s, not null", named(typ))
	}
	err := json.Unmarshal([]byte(text), into)
	var mismatch *json.UnmarshalTypeError
	if !errors.As(err, &mismatch) {
		return err
	}
	where := ""
	if mismatch.Field != "" {
		where = " at " + mismatch.Field
	}
	return fmt.Errorf("expected %s%s, not %s", named(mismatch.Type), where, mismatch.Value)
}

func takesNull(typ reflect.Type) bool {
	switch typ.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Slice, reflect.Map:
		return true
	}
	return reflect.PointerTo(typ).Implements(reflect.TypeFor[json.Unmarshaler]())
}

// named says what JSON a type asks for.
func named(typ reflect.Type) string {
	switch typ.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "a boolean"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return fmt.Sprintf("a whole number (%s)", typ)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return fmt.Sprintf("a whole number, not negative (%s)", typ)
	case reflect.Float32, reflect.Float64:
		return fmt.Sprintf("a number (%s)", typ)
	case reflect.Slice, reflect.Array:
		return fmt.Sprintf("an array (%s)", typ)
	case reflect.Map, reflect.Struct:
		return fmt.Sprintf("an object (%s)", typ)
	default:
		return typ.String()
	}
}
