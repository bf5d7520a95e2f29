// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongosim_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/test/mongosim/await"
	"github.com/quorate/quorate/test/mongosim/code"
)

func stepDown(period int, more ...bson.E) bson.D {
	return append(bson.D{{Key: "replSetStepDown", Value: period}}, more...)
}

func catchUp(secs int) bson.E { return bson.E{Key: "secondaryCatchUpPeriodSecs", Value: secs} }

func TestStepDownOfASetOfOne(t *testing.T) {
	t.Parallel()
	h := form(t, 1)[0]
	_, err := h.admin(stepDown(-1))
	wantCode(t, err, code.BadValue)
	_, err = h.admin(stepDown(5))
	wantCode(t, err, code.BadValue) // shorter than the catch-up of 10 s.
	_, err = h.admin(stepDown(5, catchUp(-1)))
	wantCode(t, err, code.BadValue)
	_, err = h.admin(stepDown(0, catchUp(0)))
	wantCode(t, err, code.ExceededTimeLimit)
	settled(t, h)
	must(t)(h.admin(stepDown(1, bson.E{Key: "force", Value: true})))
	hello := must(t)(h.admin(bson.D{{Key: "hello", Value: 1}}))
	if writable, _ := hello.Lookup("isWritablePrimary").BooleanOK(); writable {
		t.Error("is primary after a forced step-down")
	}
	_, err = h.admin(stepDown(0))
	wantCode(t, err, code.NotWritablePrimary)
	settled(t, h)
}

func TestStepDownHandsOverAtOnce(t *testing.T) {
	t.Parallel()
	hosts := form(t, 3)
	primary := settled(t, hosts...)
	// An election without a hand-over would take longer than the test waits.
	must(t)(primary.admin(reconfig(primary.next(func(c bson.M, m bson.A) bson.A {
		settings := c["settings"].(bson.D)
		c["settings"] = edited(settings, "electionTimeoutMillis", int32(2*patience.Milliseconds()))
		return m
	}))))
	must(t)(primary.admin(stepDown(60, catchUp(1))))
	if next := settled(t, hosts...); next == primary {
		t.Error("the same one is primary")
	}
}

func TestStepDownWaitsForSomebodyWhoHasCaughtUp(t *testing.T) {
	t.Parallel()
	hosts := form(t, 3)
	primary := settled(t, hosts...)
	// Frozen members are not electable, but Raft would have them; those without priority never are.
	c := primary.next(func(_ bson.M, m bson.A) bson.A {
		for i, h := range hosts {
			if h != primary {
				m[i] = edited(m[i], "priority", 0)
			}
		}
		return m
	})
	must(t)(primary.admin(reconfig(c)))
	_, err := primary.admin(stepDown(2, catchUp(1)))
	wantCode(t, err, code.ExceededTimeLimit)
	hello := must(t)(primary.admin(bson.D{{Key: "hello", Value: 1}}))
	passives, _ := hello.Lookup("passives").Array().Values()
	listed, _ := hello.Lookup("hosts").Array().Values()
	if len(passives) != 2 || len(listed) != 1 {
		t.Errorf("hello lists %s", hello)
	}
	// And when the only electable one is lost, nobody stands.
	primary.kill()
	time.Sleep(3 * electionTimeout * time.Millisecond) // nothing is to happen in this time.
	for _, h := range hosts {
		if h == primary {
			continue
		}
		hello := must(t)(h.admin(bson.D{{Key: "hello", Value: 1}}))
		if writable, _ := hello.Lookup("isWritablePrimary").BooleanOK(); writable {
			t.Errorf("%s has priority 0 and is primary", h.address)
		}
	}
}

func TestFreeze(t *testing.T) {
	t.Parallel()
	hosts := form(t, 3)
	primary := settled(t, hosts...)
	freeze := func(secs int) bson.D { return bson.D{{Key: "replSetFreeze", Value: secs}} }
	_, err := primary.admin(freeze(1))
	wantCode(t, err, code.NotSecondary)
	var frozen, free *host
	for _, h := range hosts {
		if h == primary {
			continue
		}
		if frozen == nil {
			frozen = h
		} else {
			free = h
		}
	}
	must(t)(frozen.admin(freeze(60)))
	primary.kill()
	if next := settled(t, frozen, free); next != free {
		t.Error("the frozen member is primary")
	}
	primary.run()
	free.kill()
	must(t)(frozen.admin(freeze(0)))
	settled(t, frozen, primary)
}

func TestTheHighestPriorityLeadsInTheEnd(t *testing.T) {
	t.Parallel()
	hosts := form(t, 3)
	primary := settled(t, hosts...)
	want := hosts[0]
	if primary == want {
		want = hosts[1]
	}
	must(t)(primary.admin(reconfig(primary.next(func(_ bson.M, m bson.A) bson.A {
		for i, h := range hosts {
			if h == want {
				m[i] = edited(m[i], "priority", 5)
			}
		}
		return m
	}))))
	await.Until(t, func() error {
		if got := settled(t, hosts...); got != want {
			return fmt.Errorf("%s is primary, not %s", got.address, want.address)
		}
		return nil
	})
}

func TestShutdown(t *testing.T) {
	t.Parallel()
	hosts := form(t, 2)
	primary := settled(t, hosts...)
	quit := make(chan struct{}, 2)
	prioritize := func(priority int) {
		t.Helper()
		must(t)(primary.admin(reconfig(primary.next(func(_ bson.M, m bson.A) bson.A {
			for i, h := range hosts {
				if h != primary {
					m[i] = edited(m[i], "priority", priority)
				}
			}
			return m
		}))))
	}
	prioritize(0)
	_, err := primary.admin(bson.D{{Key: "shutdown", Value: 1}, {Key: "timeoutSecs", Value: 0}})
	wantCode(t, err, code.ExceededTimeLimit)
	prioritize(1)
	for _, h := range hosts {
		h.kill()
		h.options.Quit = func() { quit <- struct{}{} }
		h.run()
	}
	primary = settled(t, hosts...)
	if _, err := primary.admin(bson.D{{Key: "shutdown", Value: 1}}); err == nil {
		t.Error("a shutdown is answered")
	}
	<-quit
	if next := settled(t, hosts...); next == primary {
		t.Error("the primary did not hand over before it stopped")
	}
}

// TestSigtermHandsOverAndTellsClients: Shutdown is what the signal does.
func TestSigtermHandsOverAndTellsClients(t *testing.T) {
	t.Parallel()
	hosts := form(t, 3, withParam("shutdownTimeoutMillisForSignaledShutdown", "2000"))
	primary := settled(t, hosts...)
	ended := make(chan time.Duration, 1)
	server, start := primary.server, time.Now()
	go func() { server.Shutdown(); ended <- time.Since(start) }()
	await.Until(t, func() error {
		_, err := rawCommand(t, primary.address, "admin", bson.D{{Key: "hello", Value: 1}})
		var coded interface{ HasErrorCode(int) bool }
		if !errors.As(err, &coded) || !coded.HasErrorCode(int(code.ShutdownInProgress)) {
			return fmt.Errorf("while it stops hello says %w", err)
		}
		return nil
	})
	var rest []*host
	for _, h := range hosts {
		if h != primary {
			rest = append(rest, h)
		}
	}
	settled(t, rest...)
	if took := <-ended; took < 2*time.Second {
		t.Errorf("it ended after %s, before its time to quiesce was over", took)
	}
}
