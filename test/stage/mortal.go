// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package stage

import (
	"errors"
	"sync"

	"github.com/quorate/quorate/internal/agent/protocol"
	"github.com/quorate/quorate/test/double/members"
	"github.com/quorate/quorate/test/double/operator"
	"github.com/quorate/quorate/test/double/wire"
)

var errDead = errors.New("the operator is dead")

// Mortal counts the effects of an operator, which are its writes and what it
// asks of members. It may have it die at one of them: right before it is sent, or
// after it was had and before the operator hears of it. To die after it has heard
// leaves what it leaves to die before the next one.
type Mortal struct {
	// Unsent has the operator die before its last effect is had.
	Unsent bool
	// Before is told of each effect before it is had; nil is told nothing.
	Before func(n int, effect string)

	died chan struct{}
	wire *wire.Wire
	line *members.Line

	mu   sync.Mutex
	last int // the last effect; 0 for one that lives
	what []string
}

// NewMortal returns one that lives until it is told otherwise.
func NewMortal() *Mortal {
	x := &Mortal{died: make(chan struct{}), wire: &wire.Wire{}, line: World.Line()}
	x.wire.Judge = func(w wire.Write) wire.Fate {
		switch {
		case !x.isLast(w.String()):
			return wire.Pass
		case x.Unsent:
			return wire.LoseRequest
		}
		return wire.LoseReply
	}
	x.wire.Judged = func(wire.Write) { x.bury() }
	x.line.Asked = func(req protocol.ActionRequest) (func() error, error) {
		dies := x.isLast("ask " + req.ID)
		if dies && x.Unsent {
			x.bury()
			return nil, errDead
		}
		return func() error {
			if !dies {
				return nil
			}
			x.bury()
			return errDead
		}, nil
	}
	return x
}

// Options are the operator's.
func (x *Mortal) Options(o *operator.Options) { o.Wire, o.Line = x.wire, x.line }

// Begin counts from now on, and has the operator die at an effect; 0 lets it live.
func (x *Mortal) Begin(last int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.what, x.last = nil, last
	x.wire.Forget()
}

// Effects are those since the beginning.
func (x *Mortal) Effects() []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return append([]string(nil), x.what...)
}

// Dead tells whether the last effect has been had.
func (x *Mortal) Dead() bool {
	select {
	case <-x.died:
		return true
	default:
		return false
	}
}

// isLast notes an effect, and cuts the operator off if it is the one to die at.
func (x *Mortal) isLast(what string) bool {
	x.mu.Lock()
	x.what = append(x.what, what)
	n, last := len(x.what), x.last
	x.mu.Unlock()
	if x.Before != nil {
		x.Before(n, what)
	}
	if n != last {
		return false
	}
	x.wire.Cut()
	x.line.Cut()
	return true
}

// bury tells of the death.
func (x *Mortal) bury() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.last > 0 && len(x.what) >= x.last && !x.Dead() {
		close(x.died)
	}
}
