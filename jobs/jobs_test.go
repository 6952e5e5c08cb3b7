package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"webproxy/audit"
	"webproxy/jobs"
)

// A job of a name runs once at a time, its result is kept, and it ends when it is cancelled or the Runner is closed.
func TestRunner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r jobs.Runner
		go0 := make(chan struct{})
		if err := r.Start("a", func(context.Context, *audit.Progress) (any, error) { <-go0; return 7, nil }); err != nil {
			t.Fatal(err)
		}
		hang := func(ctx context.Context, _ *audit.Progress) (any, error) { <-ctx.Done(); return 8, ctx.Err() }
		if err := r.Start("a", hang); !errors.Is(err, jobs.ErrRunning) {
			t.Errorf("a second: %v", err)
		}
		if s := r.State("a"); !s.Running || s.Result != nil {
			t.Errorf("while it runs: %+v", s)
		}
		close(go0)
		synctest.Wait()
		if s := r.State("a"); s.Running || s.Result != 7 || s.Ended.IsZero() {
			t.Errorf("after it: %+v", s)
		}
		if err := r.Start("a", hang); err != nil {
			t.Fatal(err)
		}
		if s := r.State("a"); !s.Running || s.Result != 7 {
			t.Errorf("while the next runs, the last result is %+v", s)
		}
		r.Cancel("a")
		synctest.Wait()
		if s := r.State("a"); !errors.Is(s.Err, context.Canceled) || s.Result != nil {
			t.Errorf("cancelled: %+v", s)
		}
		if err := r.Start("b", hang); err != nil {
			t.Fatal(err)
		}
		for i := range 200 { // results are dropped, the oldest first; running jobs are not
			name := fmt.Sprint("n", i)
			if err := r.Start(name, func(context.Context, *audit.Progress) (any, error) { return i, nil }); err != nil {
				t.Fatal(err)
			}
			if s := r.Wait(t.Context(), name); s.Result != i {
				t.Errorf("%s: %+v", name, s)
			}
		}
		if r.State("n0").Result != nil || r.State("n199").Result != 199 || !r.State("b").Running {
			t.Errorf("n0 %+v, n199 %+v, b %+v", r.State("n0"), r.State("n199"), r.State("b"))
		}
		r.Close()
		if err := r.Start("c", hang); !errors.Is(err, jobs.ErrClosed) {
			t.Errorf("closed: %v", err)
		}
	})
}

// A result from elsewhere counts as that of a job, unless there is a later one.
func TestKeep(t *testing.T) {
	var r jobs.Runner
	now := time.Now()
	if !r.Keep("a", 1, now) || r.State("a").Result != 1 || !r.State("a").Ended.Equal(now) {
		t.Errorf("%+v", r.State("a"))
	}
	if r.Keep("a", 2, now.Add(-time.Second)) || r.State("a").Result != 1 {
		t.Errorf("an earlier one: %+v", r.State("a"))
	}
	if err := r.Start("a", func(context.Context, *audit.Progress) (any, error) { return nil, errors.New("no") }); err != nil {
		t.Fatal(err)
	}
	if s := r.Wait(t.Context(), "a"); s.Result != nil || s.Err == nil {
		t.Errorf("after a job: %+v", s)
	}
	if !r.Keep("a", 3, time.Now().Add(time.Second)) || r.State("a").Err != nil {
		t.Errorf("a later one: %+v", r.State("a"))
	}
}

// A lasting result stays though more others come than are kept; of those the oldest goes.
func TestLasting(t *testing.T) {
	r := jobs.Runner{Lasting: []string{"verify"}}
	defer r.Close()
	const kept = 64 // as many as there are results
	for i := range kept + 3 {
		name := fmt.Sprint(i)
		if i == 0 {
			name = "verify"
		}
		if err := r.Start(name, func(context.Context, *audit.Progress) (any, error) { return i, nil }); err != nil {
			t.Fatal(err)
		}
		r.Wait(t.Context(), name)
	}
	for name, want := range map[string]any{"verify": 0, "1": nil, "2": nil, "3": nil, "4": 4, fmt.Sprint(kept + 2): kept + 2} {
		if got := r.State(name).Result; got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}
