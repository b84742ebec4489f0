package cloudtest

import (
	"context"
	"time"
)

// work carries a request out and answers it. It runs beside the handler, for the
// cloud goes on with a request whose caller was answered by somebody else.
func (c *Cloud) work(ex *exchange) {
	defer c.handlers.Done()
	a := answer{cut: true} // stands when a hook ends this goroutine
	defer func() { c.finish(ex, a) }()
	a = c.process(ex)
}

// process takes a request past limits, hook, gates and faults to its end.
func (c *Cloud) process(ex *exchange) answer {
	if a, limited := c.limit(ex); limited {
		return a
	}
	c.callHook(ex.ctx, ex)
	if a, ended := c.reach(ex, BeforeEffect); ended {
		return a
	}
	a := c.route(ex)
	c.sleep(ex.ctx, a.delay)
	if replaced, ended := c.reach(ex, AfterEffect); ended {
		return replaced
	}
	if f := ex.fault; f != nil {
		a.broken, a.bodyDelay = f.Broken, f.BodyDelay
	}
	return a
}

// reach brings a request to a stage: closed gates hold it there, then the fault
// that is meant for the stage takes hold. If it ended there, a is its answer.
func (c *Cloud) reach(ex *exchange, stage Stage) (a answer, ended bool) {
	if !c.pass(c.lifeAt(ex, stage), stage, ex.entry) {
		return answer{cut: true}, true
	}
	if stage == BeforeEffect {
		ex.fault = c.takeFault(ex.entry)
	}
	f := ex.fault
	if f == nil || f.stageOn(ex.entry.Path) != stage {
		return answer{}, false
	}
	if f.GoesOn {
		c.reply(ex, f.answer())
		return answer{cut: true}, !c.wait(c.base, f)
	}
	if !c.wait(c.lifeAt(ex, stage), f) {
		return answer{cut: true}, true
	}
	return f.answer(), f.final()
}

// lifeAt is what ends a wait at a stage. Between loading and mailing the cloud
// no longer looks whether the caller is there (PROTOCOL.md 2.7a).
func (c *Cloud) lifeAt(ex *exchange, stage Stage) context.Context {
	if stage == Loaded || stage == Inserted {
		return c.base
	}
	return ex.ctx
}

// reply tells the caller something while the request goes on.
func (c *Cloud) reply(ex *exchange, a answer) {
	c.mu.Lock()
	first := !ex.answered
	ex.answered, ex.ctx = true, c.base
	if first {
		c.ledger.at(ex.entry).Status = a.ledgerStatus()
	}
	c.mu.Unlock()
	if first {
		ex.replies <- a
	}
}

// finish closes the entry, then tells the caller unless that was done.
func (c *Cloud) finish(ex *exchange, a answer) {
	c.mu.Lock()
	c.ledger.close(ex.entry, c.now())
	c.mu.Unlock()
	c.reply(ex, a)
}

// sleep waits for d by the cloud's own clock.
func (c *Cloud) sleep(ctx context.Context, d time.Duration) {
	if d > 0 {
		c.opts.Sleep(ctx, d)
	}
}

// wait is the delay of a fault; false means that ctx ended first.
func (c *Cloud) wait(ctx context.Context, f *Fault) bool {
	c.sleep(ctx, f.Delay)
	if f.Until != nil {
		select {
		case <-f.Until:
		case <-ctx.Done():
		}
	}
	return ctx.Err() == nil
}
