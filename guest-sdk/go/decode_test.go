// What JSON fits which type, and what the errors say.
package dacapo

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

type order struct {
	ID    int `json:"id"`
	Lines []struct {
		Quantity int `json:"qty"`
	} `json:"lines"`
}

func reads[T any](t *testing.T, text string, want T) {
	t.Helper()
	if found, err := decode[T](text, "the data of event Go"); err != nil || !reflect.DeepEqual(found, want) {
		t.Errorf("%s: %v, %v", text, found, err)
	}
}

func refuses[T any](t *testing.T, text, message string) {
	t.Helper()
	_, err := decodeInput[T](text, "the input of orchestrator Flow")
	if KindOf(err) != KindDecode || !strings.Contains(err.Error(), message) {
		t.Errorf("%s: %v", text, err)
	}
}

func TestOneLevelOfQuotesIsForgiven(t *testing.T) {
	seven := 7
	reads(t, "1", 1)
	reads(t, `"1"`, 1)
	reads(t, `"true"`, true)
	reads(t, `"7"`, &seven)
	reads(t, `"{\"id\":3}"`, order{ID: 3})
	reads(t, `"[\"a\"]"`, []string{"a"})
	refuses[int](t, `"\"1\""`, "found")
}

func TestStringsStayAsTheyAre(t *testing.T) {
	reads(t, `"1"`, "1")
	reads(t, `"\"Tokyo\""`, `"Tokyo"`)
	reads[any](t, `"1"`, "1")
	reads(t, `"1"`, json.RawMessage(`"1"`))
}

func TestNoInputIsNullOrTheEmptyString(t *testing.T) {
	for _, none := range []string{"null", `""`} {
		for _, err := range []error{second(decodeInput[*int](none, "")), second(decodeInput[*string](none, "")), second(decodeInput[struct{}](none, ""))} {
			if err != nil {
				t.Errorf("%s: %v", none, err)
			}
		}
		refuses[int](t, none, "expected a whole number (int), not")
	}
	refuses[order](t, "null", "expected an object (dacapo.order), not null")
	reads(t, "null", json.RawMessage("null"))
	reads[[]string](t, "null", nil)
}

func second[T any](_ T, err error) error { return err }

func TestErrorsSayWhatWhereAndWhatWasFound(t *testing.T) {
	refuses[int](t, `"four"`, `Unexpected value for the input of orchestrator Flow: expected a whole number (int), not string; found "four"`)
	refuses[order](t, `{"lines":[{"qty":"two"}]}`, `expected a whole number (int) at lines`)
	refuses[order](t, `"{\"id\":\"x\"}"`, `expected a whole number (int) at id, not string`)
	refuses[uint](t, "-1", "expected a whole number, not negative (uint), not number -1; found -1")
	refuses[int](t, `"`+strings.Repeat("ä", 500)+`"`, "ä… (1002 bytes)")
}
