// From values to JSON text.
package dacapo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// encode writes compact JSON, with letters as they are; nil and struct{} are null. root and owner name the value in the
// error, as in `input.lines[2].qty of activity Charge`.
func encode(value any, root, owner string) (string, error) {
	if value == nil || value == (struct{}{}) {
		return "null", nil
	}
	var text bytes.Buffer
	writer := json.NewEncoder(&text)
	writer.SetEscapeHTML(false)
	if err := writer.Encode(value); err != nil {
		path, what, instead := findFault(value, root, err)
		return "", Errorf(KindEncode, "%s of %s is %s, which JSON cannot express; %s", path, owner, what, instead)
	}
	return string(bytes.TrimRight(text.Bytes(), "\n")), nil
}

// checkText refuses names and ids that are not text: nothing else can be sent.
func checkText(what, text string) error {
	if utf8.ValidString(text) {
		return nil
	}
	return Errorf(KindEncode, "the %s %q is not text in UTF-8", what, text)
}

// shown is the beginning of a text that may be long.
func shown(text string) string {
	const mostRunes = 80
	runes := 0
	for end := range text {
		if runes == mostRunes {
			return fmt.Sprintf("%s… (%d bytes)", text[:end], len(text))
		}
		runes++
	}
	return text
}
