// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/agent/protocol"
)

func TestAReportWakesAndIsKept(t *testing.T) {
	inBubble(t, func(w *world) {
		w.follow(key, target("0"), target("1"))
		w.expectWoken(key, 2)
		w.expectHeard(key, map[string]string{"u0": "", "u1": ""})
		w.network.agents["a1"].says("r2", "slow disk")
		w.expectWoken(key, 1)
		w.expectHeard(key, map[string]string{"u0": "", "u1": "slow disk"})
		w.expectWoken(other, 0)
		w.expectHeard(other, nil)
	})
}

// At rest nobody is woken, and each member costs one call in pollWait (law 8).
func TestAnUnchangedRevisionDoesNotWake(t *testing.T) {
	inBubble(t, func(w *world) {
		w.follow(key, target("0"))
		w.expectWoken(key, 1)
		before, _ := w.network.agents["a0"].counts()
		pass(10*pollWait + time.Second)
		w.expectWoken(key, 0)
		if after, _ := w.network.agents["a0"].counts(); after-before != 10 {
			w.Errorf("%d calls in ten times the wait, want 10", after-before)
		}
		w.expectHeard(key, map[string]string{"u0": ""})
	})
}

// What cannot be reached is unknown at once (law 2), and that is said once.
func TestAnErrorDropsTheLastReport(t *testing.T) {
	inBubble(t, func(w *world) {
		w.follow(key, target("0"), target("1"))
		w.expectWoken(key, 2)
		a := w.network.agents["a0"]
		a.fails(errRefused)
		w.expectWoken(key, 1)
		w.expectHeard(key, map[string]string{"u1": ""})
		pass(time.Minute)
		w.expectWoken(key, 0)
		w.expectHeard(key, map[string]string{"u1": ""})

		a.says("r1", "") // the very same report is news after silence
		pass(retryMost)
		w.expectWoken(key, 1)
		w.expectHeard(key, map[string]string{"u0": "", "u1": ""})
	})
}

// An agent that does not answer is asked again after a pause that grows to a
// bound, and not at all before.
func TestSilenceIsNotHammeredAt(t *testing.T) {
	inBubble(t, func(w *world) {
		w.network.agents["a0"].fails(errRefused)
		w.follow(key, target("0"))
		w.expectWoken(key, 0)
		first, _ := w.network.agents["a0"].counts()
		pass(retryFirst)
		second, _ := w.network.agents["a0"].counts()
		pass(time.Hour)
		last, _ := w.network.agents["a0"].counts()
		if first != 1 || second != 2 {
			w.Errorf("%d calls at once and %d after the first pause, want 1 and 2", first, second)
		}
		if most := 10 + int(time.Hour/retryMost); last > most || last < most-20 {
			w.Errorf("%d calls in an hour, want about %d", last, most)
		}
	})
}

// An agent that has begun to run is asked at once, however long it was silent,
// and one that was heard already is not disturbed.
func TestANewRunIsAskedAtOnce(t *testing.T) {
	inBubble(t, func(w *world) {
		a := w.network.agents["a0"]
		a.fails(errRefused)
		w.follow(key, target("0"), target("1"))
		w.expectWoken(key, 1)
		pass(time.Minute)
		a.mu.Lock()
		a.failure = nil
		a.mu.Unlock()
		polled, _ := w.network.agents["a1"].counts()

		first, second := target("0"), target("1")
		first.Run, second.Run = "c0", "c1"
		w.follow(key, first, second)
		w.expectWoken(key, 1)
		w.expectHeard(key, map[string]string{"u0": "", "u1": ""})
		if again, _ := w.network.agents["a1"].counts(); again != polled {
			w.Errorf("the member that was heard was asked %d times more", again-polled)
		}
	})
}

// An agent is untrusted: one that claims news at every call must not keep the
// manager busy, nor may one that leaves out its revision.
func TestAnAgentCannotKeepTheManagerBusy(t *testing.T) {
	for name, revision := range map[string]func(n int) string{
		"news at every call": func(n int) string { return time.Duration(n).String() },
		"no revision":        func(int) string { return "" },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				calls := 0
				w.Fleet.connect = func(Identity) (Client, error) {
					return clientFunc(func(ctx context.Context) (protocol.ReportReply, error) {
						if calls++; calls > 100_000 {
							<-ctx.Done() // the clock would never go on
						}
						return protocol.ReportReply{Revision: revision(calls)}, ctx.Err()
					}), nil
				}
				w.follow(key, target("0"))
				pass(time.Minute)
				w.Forget(key)
				if woken := w.woken[key].Load(); calls > 400 || woken > 400 {
					w.Errorf("%d calls and %d wakes in a minute", calls, woken)
				}
			})
		})
	}
}

// clientFunc answers every report call at once.
type clientFunc func(ctx context.Context) (protocol.ReportReply, error)

func (f clientFunc) Report(ctx context.Context, _, _ string, _ time.Duration) (protocol.ReportReply, error) {
	return f(ctx)
}

func (clientFunc) Act(context.Context, string, protocol.ActionRequest) error { return nil }

// Members are told apart by the pod's UID: a pod made anew has an agent of its
// own, of which nothing is known yet.
func TestTargetsAreReplacedByUID(t *testing.T) {
	inBubble(t, func(w *world) {
		w.follow(key, target("0"), target("1"))
		w.expectWoken(key, 2)
		w.network.agents["b0"] = newAgent("r1", "v0")
		w.network.agents["b0"].fails(errRefused)
		w.follow(key, Target{Member: "db-0", PodUID: "v0", Addr: "b0"}, target("1"))
		w.expectHeard(key, map[string]string{"u1": ""})

		w.network.agents["a0"].says("r9", "from the grave")
		w.expectWoken(key, 0)
		w.network.agents["b0"].says("r1", "")
		pass(retryMost)
		w.expectWoken(key, 1)
		w.expectHeard(key, map[string]string{"v0": "", "u1": ""})

		w.follow(key)
		w.expectHeard(key, nil)
	})
}

// The same targets again leave the calls that stand alone.
func TestFollowingTheSameAgainChangesNothing(t *testing.T) {
	inBubble(t, func(w *world) {
		w.follow(key, target("0"), target("1"))
		w.expectWoken(key, 2)
		for range 5 {
			w.follow(key, target("1"), target("0"))
		}
		w.expectWoken(key, 0)
		if polled, _ := w.network.agents["a0"].counts(); polled != 2 || w.network.connections() != 1 {
			w.Errorf("%d calls over %d connections, want 2 over 1", polled, w.network.connections())
		}
	})
}

// A pod that has got another address is asked there.
func TestAChangedAddressIsFollowed(t *testing.T) {
	inBubble(t, func(w *world) {
		w.follow(key, target("0"))
		w.network.agents["b0"] = newAgent("r1", "u0")
		w.network.agents["b0"].says("r1", "moved")
		w.follow(key, Target{Member: "db-0", PodUID: "u0", Addr: "b0"})
		w.expectHeard(key, map[string]string{"u0": "moved"})
	})
}

func TestAChangedIdentityReconnects(t *testing.T) {
	inBubble(t, func(w *world) {
		w.follow(key, target("0"))
		w.expectWoken(key, 1)
		renewed := Identity{CA: "ca", Cert: "renewed", Key: "key"}
		if err := w.Follow(key, renewed, []Target{target("0")}); err != nil {
			w.Fatal(err)
		}
		w.expectWoken(key, 1) // heard anew, over the new connection
		if n := w.network.connections(); n != 2 || w.network.connected[1] != renewed {
			w.Errorf("%d connections, the last as %v", n, w.network.connected[n-1])
		}
	})
}

// An identity that is of no use leaves things as they were.
func TestAnIdentityThatCannotBeUsed(t *testing.T) {
	inBubble(t, func(w *world) {
		w.follow(key, target("0"))
		w.network.refuse = errors.New("no certificate in PEM")
		if err := w.Follow(key, Identity{CA: "broken"}, []Target{target("0")}); !errors.Is(err, w.network.refuse) {
			w.Errorf("error %v", err)
		}
		w.expectHeard(key, map[string]string{"u0": ""})
	})
}

// Refresh asks all of them now. Who is late or fails is left out, whatever it
// said last (law 2).
func TestRefreshLeavesOutWhoDoesNotAnswerInTime(t *testing.T) {
	inBubble(t, func(w *world) {
		w.follow(key, target("0"), target("1"), target("2"))
		w.expectHeard(key, map[string]string{"u0": "", "u1": "", "u2": ""})
		w.network.agents["a1"].mu.Lock()
		w.network.agents["a1"].deaf = true // and its long poll still stands
		w.network.agents["a1"].mu.Unlock()
		w.network.agents["a2"].fails(errRefused)
		began := time.Now()
		expectReports(w.T, w.Refresh(w.Context(), key), map[string]string{"u0": ""})
		if took := time.Since(began); took != refreshTimeout {
			w.Errorf("it took %s, want %s", took, refreshTimeout)
		}
		if _, looked := w.network.agents["a0"].counts(); looked != 1 {
			w.Errorf("a0 was asked %d times", looked)
		}
		expectReports(w.T, w.Refresh(w.Context(), other), nil)
	})
}

// An agent that looks at a slow server for as long as it may is heard: the
// server is slow, and its member not silent.
func TestRefreshWaitsForAnAgentsLook(t *testing.T) {
	inBubble(t, func(w *world) {
		const way = 400 * time.Millisecond
		w.network.agents["a0"].looks = protocol.LookTime + way
		w.network.agents["a1"].looks = refreshTimeout + time.Millisecond
		w.follow(key, target("0"), target("1"))
		expectReports(w.T, w.Refresh(w.Context(), key), map[string]string{"u0": ""})
	})
}

func TestRefreshEndsWithItsContext(t *testing.T) {
	inBubble(t, func(w *world) {
		w.network.agents["a0"].deaf = true
		w.follow(key, target("0"))
		ctx, cancel := context.WithCancel(w.Context())
		cancel()
		began := time.Now()
		expectReports(w.T, w.Refresh(ctx, key), nil)
		if took := time.Since(began); took != 0 {
			w.Errorf("it took %s", took)
		}
	})
}

func TestAct(t *testing.T) {
	inBubble(t, func(w *world) {
		w.follow(key, target("0"), target("1"))
		w.follow(other, target("2"))
		if err := w.Act(w.Context(), key, "u1", protocol.ActionRequest{ID: "x"}); err != nil {
			w.Error(err)
		}
		for n, want := range map[string]int{"a0": 0, "a1": 1, "a2": 0} {
			if got := len(w.network.agents[n].acted); got != want {
				w.Errorf("%s was asked for %d actions, want %d", n, got, want)
			}
		}
		// Neither a pod that has gone nor another datastore's.
		for _, uid := range []string{"u9", "u2"} {
			var gone *NotFollowedError
			err := w.Act(w.Context(), key, uid, protocol.ActionRequest{ID: "x"})
			if !errors.As(err, &gone) || gone.PodUID != uid {
				w.Errorf("an action for %s: %v", uid, err)
			}
		}
		w.network.agents["a0"].mu.Lock()
		w.network.agents["a0"].deaf = true
		w.network.agents["a0"].mu.Unlock()
		if err := w.Act(w.Context(), key, "u0", protocol.ActionRequest{ID: "y"}); !errors.Is(err, context.DeadlineExceeded) {
			w.Errorf("an action for an agent that does not answer: %v", err)
		}
	})
}

// After Forget and Close nobody is asked, woken or waited for any more; a
// goroutine that is left over fails the bubble.
func TestForgetAndCloseStopEverything(t *testing.T) {
	for name, stop := range map[string]func(*world){
		"forget": func(w *world) { w.Forget(key); w.Forget(other); w.Forget(key) },
		"close":  func(w *world) { w.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				w.network.agents["a1"].fails(errRefused) // waits for its next try
				w.network.agents["a2"].deaf = true       // is in the middle of a call
				w.follow(key, target("0"), target("1"))
				w.follow(other, target("2"))
				w.expectWoken(key, 1)
				stop(w)
				w.network.agents["a0"].says("r2", "anybody there?")
				w.expectWoken(key, 0)
				before := w.calls()
				pass(time.Hour)
				if after := w.calls(); after != before {
					w.Errorf("%d calls after the end", after-before)
				}
				w.expectHeard(key, nil)
				var gone *NotFollowedError
				if err := w.Act(w.Context(), key, "u0", protocol.ActionRequest{}); !errors.As(err, &gone) {
					w.Errorf("error %v", err)
				}
			})
		})
	}
}

func (w *world) calls() int {
	sum := 0
	for _, a := range w.network.agents {
		polled, looked := a.counts()
		sum += polled + looked
	}
	return sum
}

// Forgetting one datastore leaves the others alone.
func TestDatastoresAreApart(t *testing.T) {
	inBubble(t, func(w *world) {
		w.follow(key, target("0"))
		w.follow(other, target("1"))
		w.expectWoken(key, 1)
		w.expectWoken(other, 1)
		w.Forget(key)
		w.network.agents["a1"].says("r2", "still here")
		w.expectWoken(other, 1)
		w.expectWoken(key, 0)
		w.expectHeard(other, map[string]string{"u1": "still here"})
	})
}
