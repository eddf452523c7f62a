// Kinds, messages and details of failures.
package dacapo

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"dacapo.dev/sdk/internal/host"
)

type soldOut struct{ left int }

func (s *soldOut) Error() string { return fmt.Sprintf("%d seats left", s.left) }

type refused struct{}

func (refused) Error() string { return "refused" }

func (refused) Kind() string { return "no-means-no" }

func TestAnyErrorBecomesAFailure(t *testing.T) {
	_, parse := strconv.Atoi("x")
	own := Errorf("gone", "it is gone").WithDetails(map[string]int{"a": 1})
	for _, one := range []struct {
		err  error
		want host.Failure
	}{
		{errors.New("plain"), host.Failure{Kind: "error", Message: "plain"}},
		{&soldOut{3}, host.Failure{Kind: "soldOut", Message: "3 seats left"}},
		{refused{}, host.Failure{Kind: "no-means-no", Message: "refused"}},
		{own, host.Failure{Kind: "gone", Message: "it is gone", Details: `{"a":1}`}},
		{fmt.Errorf("order 7: %w", own), host.Failure{Kind: "gone", Message: "order 7: it is gone", Details: `{"a":1}`}},
		{fmt.Errorf("seats: %w", parse), host.Failure{Kind: "NumError", Message: `seats: strconv.Atoi: parsing "x": invalid syntax`,
			Details: `{"causes":["strconv.Atoi: parsing \"x\": invalid syntax","invalid syntax"]}`}},
		{errors.Join(refused{}, errors.New("b")), host.Failure{Kind: "no-means-no", Message: "refused\nb", Details: `{"causes":["refused","b"]}`}},
		{(*soldOut)(nil), host.Failure{Kind: "error", Message: "an error that is a nil *dacapo.soldOut was returned"}},
	} {
		if found := failureOf(one.err); *found != one.want {
			t.Errorf("%+v instead of %+v", *found, one.want)
		}
	}
}

func TestWhatNeedsTheSystemSaysThatThereIsNone(t *testing.T) {
	_, err := os.Open("no/such/file")
	if found := failureOf(err); found.Kind != "PathError" || !strings.HasSuffix(found.Message, "let an activity do it)") {
		t.Errorf("%+v", found)
	}
}

func TestAFailureSurvivesTheRoundTrip(t *testing.T) {
	for details, want := range map[string]string{"": "", `{"a":1}`: `{"a":1}`, "at line 3": `"at line 3"`} {
		failed := host.Failure{Kind: "k", Message: "m", Details: details}
		if found := failureOf(errorOf(&failed)); found.Details != want || found.Kind != "k" || found.Message != "m" {
			t.Errorf("%+v", found)
		}
	}
}

func deep() { panic("no such order: 7") }

func TestAPanicHasTheStackOfItsOwnCode(t *testing.T) {
	Activity("Panics", func(*ActivityContext, struct{}) (int, error) {
		deep()
		return 0, nil
	})
	function, _ := host.Functions.Find("panics")
	_, failed := function.Run(nil, "null")
	if failed.Kind != KindPanic || failed.Message != "no such order: 7" {
		t.Fatalf("%+v", failed)
	}
	if !strings.HasPrefix(failed.Details, `{"stack":"dacapo.dev/sdk.deep (`) || strings.Contains(failed.Details, "runtime.") {
		t.Error(failed.Details)
	}
}

func TestTwoFunctionsOfOneNameAreRefused(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	echo := func(_ *ActivityContext, value int) (int, error) { return value, nil }
	Activity("Twin", echo)
	Activity("TWIN", echo)
}

func TestDurationsRoundUp(t *testing.T) {
	for duration, want := range map[int64]uint64{-1: 0, 0: 0, 1: 1, 1_000_000: 1, 1_000_001: 2, 1<<63 - 1: 9_223_372_036_855} {
		if found := wholeMs(time.Duration(duration)); found != want {
			t.Errorf("%d ns: %d", duration, found)
		}
	}
	if policy := (Retry{}).policy(); policy.MaxAttempts != 1 || policy.Backoff != 1 || policy.FirstDelayMs != 1_000 || policy.MaxDelayMs != nil {
		t.Errorf("%+v", policy)
	}
}
