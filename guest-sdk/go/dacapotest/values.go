// Values of a test, as JSON.
package dacapotest

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
)

func toJSON(t testing.TB, what string, value any) string {
	t.Helper()
	if value == nil || value == (struct{}{}) {
		return "null"
	}
	var text bytes.Buffer
	writer := json.NewEncoder(&text)
	writer.SetEscapeHTML(false)
	if err := writer.Encode(value); err != nil {
		t.Fatalf("%s is not JSON: %v", what, err)
	}
	return string(bytes.TrimSpace(text.Bytes()))
}

// isSame compares JSON texts by what they mean.
func isSame(one, other string) bool {
	var values [2]any
	for i, text := range []string{one, other} {
		reader := json.NewDecoder(bytes.NewReader([]byte(text)))
		reader.UseNumber()
		if reader.Decode(&values[i]) != nil {
			return false
		}
	}
	return reflect.DeepEqual(values[0], values[1])
}
