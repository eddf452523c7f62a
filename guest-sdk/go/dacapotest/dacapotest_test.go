// Flows that are played, and mistakes that fail a test.
package dacapotest_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	dacapo "dacapo.dev/sdk"
	"dacapo.dev/sdk/dacapotest"
)

var outside int

func init() {
	dacapo.Orchestrator("Approval", approval)
	dacapo.Orchestrator("Rounds", rounds)
	dacapo.Orchestrator("Parent", parent)
	dacapo.Orchestrator("Together", together)
	dacapo.Orchestrator("Cancels", cancels)
	dacapo.Orchestrator("Loses", loses)
	dacapo.Orchestrator("Regrets", regrets)
	dacapo.Orchestrator("Decides", decides)
	dacapo.Orchestrator("Leaves", leaves)
	dacapo.Orchestrator("Tries", tries)
	dacapo.Orchestrator("Panics", func(*dacapo.Context, struct{}) (struct{}, error) { panic("oh no") })
	dacapo.Orchestrator("Differs", differs)
	dacapo.Orchestrator("Sleeps", sleeps)
	dacapo.Activity("Double", func(_ *dacapo.ActivityContext, n int) (int, error) { return 2 * n, nil })
}

func approval(ctx *dacapo.Context, who string) (bool, error) {
	if _, err := dacapo.CallActivity[struct{}](ctx, "Ask", who).Await(); err != nil {
		return false, err
	}
	if err := ctx.SetCustomStatus("asked"); err != nil {
		return false, err
	}
	answer, inTime, err := dacapo.WaitForEvent[bool](ctx, "Answer").AwaitWithin(time.Hour)
	ctx.Log(dacapo.Info, "answered in time: %t", inTime)
	return answer, err
}

func TestEventsAndTime(t *testing.T) {
	begin := func() *dacapotest.Run {
		run := dacapotest.Play(t, "approval", "ada", dacapotest.Result("ask", nil))
		return run.ExpectStatus("asked").ExpectNoMoreStatuses().ExpectWaiting()
	}
	run := begin().Advance(59*time.Minute).RaiseEvent("ANSWER", true).ExpectOutput(true)
	if run.Calls("Ask")[0] != `"ada"` || len(run.Logs()) != 1 || run.Now().Minute() != 59 {
		t.Error(run.Calls("Ask"), run.Logs(), run.Now())
	}
	begin().AdvanceToNextTimer().ExpectOutput(false)
	begin().RaiseEvent("Answer", "true").ExpectOutput(true)
	begin().RaiseEvent("Answer", 3).ExpectFailure(dacapo.KindDecode, "the data of event Answer: expected a boolean")
	dacapotest.Play(t, "Approval", "ada", dacapotest.Fails("Ask", errors.New("nobody there"))).ExpectFailure("error", "nobody")
	dacapotest.Play(t, "Approval", 3).ExpectFailure(dacapo.KindDecode, "the input of orchestrator Approval: expected a string, not number; found 3")
}

func rounds(ctx *dacapo.Context, round int) (string, error) {
	word, err := dacapo.WaitForEvent[string](ctx, "Word").Await()
	if err != nil || round == 2 {
		return fmt.Sprintf("%s in round %d", word, round), err
	}
	return "", ctx.ContinueAsNew(round+1, dacapo.KeepEvents)
}

func TestContinueAsNew(t *testing.T) {
	run := dacapotest.Play(t, "Rounds", 0).RaiseEvent("Word", "a").RaiseEvent("Word", "b").RaiseEvent("Word", "c")
	if run.ExpectOutput("c in round 2").Executions() != 3 {
		t.Error(run.Executions())
	}
}

func parent(ctx *dacapo.Context, _ struct{}) ([]string, error) {
	first := dacapo.CallOrchestrator[string](ctx, "Rounds", 2, dacapo.InstanceID("first"), dacapo.Retry{MaxAttempts: 2})
	second := dacapo.CallOrchestrator[string](ctx, "Elsewhere", nil)
	third := dacapo.CallOrchestrator[string](ctx, "Rounds", 2, dacapo.Detached)
	if err := ctx.RaiseEvent("first", "Word", "hi"); err != nil {
		return nil, err
	}
	return dacapo.AwaitAll([]*dacapo.Task[string]{first, second, third})
}

func TestChildren(t *testing.T) {
	run := dacapotest.Play(t, "Parent", nil, dacapotest.Output("Elsewhere", "there"), dacapotest.InstanceID("p"))
	run.Instance("p:2").ExpectWaiting()
	run.ExpectOutput([]string{"hi in round 2", "there", "p:2"})
	run.Instance("p:2").RaiseEvent("Word", "ho").ExpectOutput("ho in round 2")
}

func together(ctx *dacapo.Context, n int) (map[string]any, error) {
	var tasks []*dacapo.Task[int]
	for i := range n {
		tasks = append(tasks, dacapo.CallActivity[int](ctx, "Double", i))
	}
	first := dacapo.WaitAny(dacapo.Waiters(tasks)...)
	doubled, err := dacapo.AwaitAll(tasks)
	return map[string]any{"first": first, "doubled": doubled, "id": ctx.NewUUID() == ctx.NewUUID()}, err
}

func TestFanOut(t *testing.T) {
	run := dacapotest.Play(t, "Together", 3)
	run.ExpectOutput(map[string]any{"first": 0, "doubled": []int{0, 2, 4}, "id": false})
	if len(run.Commands()) != 3 {
		t.Error(run.Commands())
	}
}

func cancels(ctx *dacapo.Context, _ struct{}) (string, error) {
	wait := dacapo.WaitForEvent[string](ctx, "Word")
	wait.Cancel()
	_, err := wait.Await()
	word, again := dacapo.WaitForEvent[string](ctx, "Word").Await()
	return word + " " + dacapo.KindOf(err), again
}

func TestACancelledWaitLeavesItsEvent(t *testing.T) {
	dacapotest.Play(t, "Cancels", nil).RaiseEvent("Word", "hi").ExpectOutput("hi cancelled")
}

// loses lets three events race, and waits for another; what was done meanwhile is there later, until it is cancelled.
func loses(ctx *dacapo.Context, _ struct{}) ([]any, error) {
	words := []*dacapo.Task[string]{
		dacapo.WaitForEvent[string](ctx, "Word"),
		dacapo.WaitForEvent[string](ctx, "Word"),
		dacapo.WaitForEvent[string](ctx, "Last"),
	}
	first := dacapo.WaitAny(dacapo.Waiters(words)...)
	if _, err := dacapo.WaitForEvent[bool](ctx, "Go").Await(); err != nil {
		return nil, err
	}
	seen := words[1].IsDone() && words[2].IsDone()
	second := dacapo.WaitAny(words[1], words[2])
	last, err := words[2].Await()
	if err != nil {
		return nil, err
	}
	words[1].Cancel()
	word, err := dacapo.WaitForEvent[string](ctx, "Word").Await()
	return []any{first, seen, second, last, word}, err
}

func TestLosersGoOn(t *testing.T) {
	run := dacapotest.Play(t, "Loses", nil).RaiseEvent("Word", "a").RaiseEvent("Last", "z")
	run.RaiseEvent("Word", "b").RaiseEvent("Word", "c").ExpectWaiting().RaiseEvent("Go", true).ExpectOutput([]any{0, true, 1, "z", "b"})
}

// decides between a loser and another that are both done meanwhile.
func decides(ctx *dacapo.Context, _ struct{}) ([]any, error) {
	wait := func(name string) *dacapo.Task[string] { return dacapo.WaitForEvent[string](ctx, name) }
	a, b, c, d := wait("A"), wait("B"), wait("C"), wait("D")
	first := dacapo.WaitAny(a, b)
	if _, err := d.Await(); err != nil {
		return nil, err
	}
	second := dacapo.WaitAny(a, c)
	last, err := a.Await()
	return []any{first, second, last}, err
}

func TestOfALoserAndAnotherTheOneThatWasDoneFirstWins(t *testing.T) {
	run := dacapotest.Play(t, "Decides", nil).RaiseEvent("B", "b")
	if waiting := run.WaitingFor(); len(waiting) != 1 || waiting[0].Name != "D" {
		t.Error("it waits for D, and not for the loser: ", waiting)
	}
	run.RaiseEvent("C", "c").RaiseEvent("A", "a").RaiseEvent("D", "d").ExpectOutput([]any{1, 1, "a"})
}

// regrets waits for two events, and takes both waits back after the events have come.
func regrets(ctx *dacapo.Context, _ struct{}) (string, error) {
	first, second := dacapo.WaitForEvent[string](ctx, "Word"), dacapo.WaitForEvent[string](ctx, "Word")
	if _, err := dacapo.WaitForEvent[bool](ctx, "Go").Await(); err != nil {
		return "", err
	}
	first.Cancel()
	second.Cancel()
	text := ""
	for range 3 {
		word, err := dacapo.WaitForEvent[string](ctx, "Word").Await()
		if err != nil {
			return "", err
		}
		text += word
	}
	return text, nil
}

func TestEventsOfCancelledWaitsGoBackToWhereTheyWere(t *testing.T) {
	run := dacapotest.Play(t, "Regrets", nil).RaiseEvent("Word", "a").RaiseEvent("Word", "b").RaiseEvent("Word", "c")
	run.RaiseEvent("Go", true).ExpectOutput("abc")
}

// leaves begins a second execution while an event that it has not seen has come for a wait.
func leaves(ctx *dacapo.Context, again bool) (int, error) {
	if !again {
		_, err := dacapo.WaitForEvent[bool](ctx, "Start").Await()
		dacapo.WaitForEvent[int](ctx, "Go")
		return 0, errors.Join(err, ctx.ContinueAsNew(true, dacapo.KeepEvents))
	}
	return dacapo.WaitForEvent[int](ctx, "Go").Await()
}

func TestAnEventThatAWaitHadTakenUnseenIsKept(t *testing.T) {
	dacapotest.Play(t, "Leaves", false).RaiseEvent("Go", 7).RaiseEvent("Start", true).ExpectOutput(7)
}

func tries(ctx *dacapo.Context, _ struct{}) (int, error) {
	retry := dacapo.Retry{MaxAttempts: 4, UnlessKinds: []string{"final"}}
	return dacapo.CallActivity[int](ctx, "Work", nil, retry, dacapo.Timeout(time.Minute)).Await()
}

func TestRetries(t *testing.T) {
	attempts := 0
	work := dacapotest.Activity("Work", func(any) (int, error) {
		attempts++
		if attempts < 3 {
			return 0, errors.New("busy")
		}
		return attempts, nil
	})
	run := dacapotest.Play(t, "Tries", nil, work).ExpectOutput(3)
	if command := run.Commands()[0]; command.MaxAttempts != 4 || command.Timeout != time.Minute {
		t.Error(command)
	}
	dacapotest.Play(t, "Tries", nil, dacapotest.Fails("Work", dacapo.Errorf("final", "no"))).ExpectFailure("final", "no")
}

func TestAPanicIsAFailure(t *testing.T) {
	run := dacapotest.Play(t, "Panics", nil).ExpectFailure(dacapo.KindPanic, "oh no")
	if !strings.Contains(string(run.Failure().Details), "dacapotest_test.go") {
		t.Error(run.Failure().Details)
	}
}

func differs(ctx *dacapo.Context, _ struct{}) (int, error) {
	outside++
	return dacapo.CallActivity[int](ctx, "Double", outside).Await()
}

func sleeps(*dacapo.Context, struct{}) (struct{}, error) {
	time.Sleep(time.Minute)
	return struct{}{}, nil
}

// mistaken is a test that is expected to fail.
type mistaken struct {
	testing.TB
	said string
}

func (m *mistaken) Helper() {}

func (m *mistaken) Fatalf(format string, args ...any) {
	m.said = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (m *mistaken) Fatal(args ...any) { m.Fatalf("%s", fmt.Sprint(args...)) }

func TestMistakesFailTheTestAndSayWhat(t *testing.T) {
	for _, one := range []struct {
		says string
		test func(testing.TB)
	}{
		{"command 0 was `activity Double(1)`, and is now `activity Double(2)`. Does it depend", func(t testing.TB) {
			dacapotest.Play(t, "Differs", nil)
		}},
		{"orchestrator Sleeps does not come to rest (sleep at dacapotest_test.go:", func(t testing.TB) { dacapotest.Play(t, "Sleeps", nil) }},
		{"This module has no orchestrator Nobody; it has Approval, ", func(t testing.TB) { dacapotest.Play(t, "Nobody", nil) }},
		{`orchestrator Approval calls the activity Ask: give it to the test`, func(t testing.TB) { dacapotest.Play(t, "Approval", "a") }},
		{`Cancels "test": expected the output 1, and found "hi cancelled"`, func(t testing.TB) {
			dacapotest.Play(t, "Cancels", nil).RaiseEvent("Word", "hi").ExpectOutput(1)
		}},
		{`Cancels "test": expected the status "x", and there is none after []; it waits for event Word`, func(t testing.TB) {
			dacapotest.Play(t, "Cancels", nil).ExpectStatus("x")
		}},
	} {
		fails := &mistaken{TB: t}
		done := make(chan struct{})
		go func() {
			defer close(done)
			one.test(fails)
		}()
		<-done
		if !strings.Contains(fails.said, one.says) {
			t.Errorf("%q instead of %q", fails.said, one.says)
		}
	}
}
