package queue

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
)

// report writes the one line of an attempt. It never holds arguments.
func (s *Server) report(d delivery, v decision, took time.Duration) {
	e := s.p.Log.WithLevel(levelOf(d, v)).
		Str("kind", string(d.kind)).Str("job_id", d.id).Int("attempt", d.attempt).
		Dur("duration_ms", took).Str("outcome", v.outcome)
	if d.organization != "" {
		e = e.Str("organization_id", string(d.organization))
	}
	if d.user != "" {
		e = e.Str("organization_user_id", string(d.user))
	}
	if d.trace != "" {
		e = e.Str("trace_id", d.trace)
	}
	if code := fault.CodeOf(v.cause); code != "" {
		e = e.Str("code", string(code))
	}
	if v.outcome == OutcomeRetry || v.outcome == OutcomeSnoozed {
		e = e.Dur("delay_ms", v.delay)
	}
	if v.cause != nil {
		e = e.AnErr("error", v.cause)
	}
	e.Msg("job " + v.outcome)
}

// levelOf keeps out of the way what goes well thousands of times: the system's
// own jobs, and intake, whose effect is an event.
func levelOf(d delivery, v decision) zerolog.Level {
	switch v.outcome {
	case OutcomeDead:
		return zerolog.ErrorLevel
	case OutcomeRetry:
		return zerolog.WarnLevel
	case OutcomeSnoozed:
		return zerolog.DebugLevel
	}
	if !d.policy.Public || d.policy.Queue == jobs.QueueIntake {
		return zerolog.DebugLevel
	}
	return zerolog.InfoLevel
}

// asynqLog gives asynq's log lines to zerolog, a level lower where they repeat
// what report says with the job's name.
type asynqLog struct {
	log  zerolog.Logger
	said *sync.Map // errors of asynq's by their kind, and when each was told last
}

// unsaid is how long an error of one kind is told once: with Redis away each of asynq's
// loops says so every second, in words of its own.
const unsaid = time.Minute

func (l asynqLog) Debug(args ...any) { l.log.Trace().Msg(fmt.Sprint(args...)) }
func (l asynqLog) Info(args ...any)  { l.log.Debug().Msg(fmt.Sprint(args...)) }

func (l asynqLog) Error(args ...any) {
	text := fmt.Sprint(args...)
	kind, _, _ := strings.Cut(text, ":")
	now := time.Now()
	if last, told := l.said.Load(kind); told && now.Sub(last.(time.Time)) < unsaid {
		l.log.Debug().Msg(text)
		return
	}
	l.said.Store(kind, now)
	l.log.Error().Msg(text)
}

func (l asynqLog) Warn(args ...any) {
	text := fmt.Sprint(args...)
	if strings.HasPrefix(text, "Retry exhausted for task") {
		l.log.Debug().Msg(text)
		return
	}
	l.log.Warn().Msg(text)
}

// Fatal does not end the process, as asynq would have it: that is for main to
// decide, after it has cleaned up.
func (l asynqLog) Fatal(args ...any) { l.log.WithLevel(zerolog.FatalLevel).Msg(fmt.Sprint(args...)) }
