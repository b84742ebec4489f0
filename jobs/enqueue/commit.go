package enqueue

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/internal/origin"
	"github.com/sponsorsync/sponsorsync/internal/roundtrip"
	"github.com/sponsorsync/sponsorsync/internal/tracing"
	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/record"
)

// scriptJobs bounds what one script does.
const scriptJobs = 200

// putScript is asynq's own way to put a job into a queue (v0.26.0, internal/rdb), for
// several. KEYS[1] is the queue, the others are the jobs'. ARGV[1] is the time in
// nanoseconds; then for each job its id and its message. It returns, for each, 0 where
// the id was taken.
const putScript = `
local ids, put = {}, {}
for n = 2, #KEYS do
	if redis.call('EXISTS', KEYS[n]) == 1 then
		put[n - 1] = 0
	else
		redis.call('HSET', KEYS[n], 'msg', ARGV[2 * n - 1], 'state', 'pending', 'pending_since', ARGV[1])
		ids[#ids + 1], put[n - 1] = ARGV[2 * n - 2], 1
	end
end
if #ids > 0 then redis.call('LPUSH', KEYS[1], unpack(ids)) end
return put`

// outcome is what became of a job that was to be put in.
type outcome struct {
	taken bool // there is one of that id, or was
	err   error
}

// commit gives ordered jobs their places before anybody hears of them, and puts all in
// that have not ended. What fails for one is not the others' failure.
func (c *Client) commit(ctx context.Context, batch []job) []outcome {
	var messages []message
	var done []outcome
	var both sync.WaitGroup // one costs this machine time, the other Redis
	both.Go(func() { done = c.stamp(ctx, batch) })
	both.Go(func() { messages = c.encode(ctx, batch) })
	both.Wait()
	c.putAll(ctx, messages, done)
	return done
}

func (c *Client) stamp(ctx context.Context, batch []job) []outcome {
	var items []record.Item
	var places []int
	for n, j := range batch {
		if j.user != "" {
			places = append(places, n)
			items = append(items, record.Item{
				ID: j.id, Kind: j.kind, Organization: j.org, User: j.user, Batch: j.batch, Place: j.place, Origin: j.origin, Sequence: j.sequence,
			})
		}
	}
	done := make([]outcome, len(batch))
	for i, s := range c.records.Stamp(ctx, items) {
		done[places[i]] = outcome{s.Over, unavailable(s.Err, "enqueue "+string(items[i].Kind))}
	}
	return done
}

// put hands one job that keeps no order to asynq.
func (c *Client) put(ctx context.Context, j job) (taken bool, err error) {
	done := make([]outcome, 1)
	c.putAll(ctx, c.encode(ctx, []job{j}), done)
	return done[0].taken, done[0].err
}

// putAll hands over, in their order, those jobs of which nothing is known yet.
func (c *Client) putAll(ctx context.Context, messages []message, done []outcome) {
	queued := map[jobs.Queue][]int{}
	for n, m := range messages {
		switch {
		case done[n] != outcome{}:
		case m.err != nil:
			done[n].err = m.err
		default:
			queued[m.queue] = append(queued[m.queue], n)
		}
	}
	var calls []roundtrip.Call
	var parts [][]int
	for q, places := range queued {
		for part := range slices.Chunk(places, scriptJobs) {
			parts, calls = append(parts, part), append(calls, c.putting(q, messages, part))
		}
	}
	for i, reply := range roundtrip.Run(ctx, c.rdb, calls) {
		put, err := reply.Int64Slice()
		for m, n := range parts[i] {
			done[n] = outcome{err == nil && put[m] == 0, unavailable(err, "enqueue "+string(messages[n].kind))}
		}
	}
}

func (c *Client) putting(q jobs.Queue, messages []message, part []int) roundtrip.Call {
	keys, args := []string{QueueKey(q, "pending")}, []any{time.Now().UnixNano()}
	for _, n := range part {
		keys, args = append(keys, messages[n].key), append(args, messages[n].id, messages[n].text)
	}
	return roundtrip.Call{Script: c.putScript, Keys: keys, Args: args}
}

// message is a job as asynq keeps it, or why there is none.
type message struct {
	queue         jobs.Queue
	kind          jobs.Kind
	key, id, text string
	err           error
}

func (c *Client) encode(ctx context.Context, batch []job) []message {
	messages := make([]message, len(batch))
	for n, j := range batch {
		policy, known := j.kind.Policy()
		m := message{queue: policy.Queue, kind: j.kind}
		if known {
			m.err = unavailable(c.record(ctx, j, policy, &m), "enqueue "+string(j.kind))
		} else {
			m.err = jobs.Invalid(jobs.FieldError{Field: "kind", Message: "is unknown"})
		}
		messages[n] = m
	}
	return messages
}

// record has asynq itself write the message, but not to Redis.
//
// asynq gets one try more than the policy allows, because it looks at the
// number of tries before it asks whether one counts: with a spare, a snooze
// after the last failure is still a snooze. The worker never uses the spare to
// run the job (see worker/internal/queue).
func (c *Client) record(ctx context.Context, j job, policy jobs.Policy, into *message) error {
	since, version := j.since, jobs.Version
	if since.IsZero() {
		since = c.now()
	}
	if j.kind == jobs.KindBatch {
		version = jobs.BatchVersion
	}
	headers := map[string]string{
		enqueuedAtHeader:   since.UTC().Format(time.RFC3339Nano),
		jobs.VersionHeader: strconv.Itoa(version),
	}
	if j.origin != origin.Elsewhere {
		headers[originHeader] = string(j.origin)
	}
	if j.trace != "" {
		headers[tracing.Header] = j.trace
	}
	_, err := c.asynq.EnqueueContext(context.WithValue(ctx, recording{}, into), asynq.NewTaskWithHeaders(string(j.kind), j.payload, headers),
		asynq.TaskID(j.id),
		asynq.Queue(string(policy.Queue)),
		asynq.MaxRetry(policy.MaxAttempts),
		asynq.Timeout(policy.Timeout+timeoutMargin),
		asynq.Retention(max(policy.Retention, j.retention)),
	)
	return err
}

// recorder is Redis as asynq's client sees it: what it would write stays with the caller.
type recorder struct{ redis.UniversalClient }

// recording is the key of the *message in the context.
type recording struct{}

// EvalSha implements redis.Scripter.
func (r recorder) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	reply := redis.NewCmd(ctx)
	m, _ := ctx.Value(recording{}).(*message)
	if m == nil || len(keys) != 2 || len(args) != 3 || !strings.HasSuffix(keys[1], ":pending") {
		reply.SetErr(errUnknownScript)
		return reply
	}
	text, isText := args[0].([]byte)
	id, isID := args[1].(string)
	if !isText || !isID {
		reply.SetErr(errUnknownScript)
		return reply
	}
	m.key, m.id, m.text = keys[0], id, string(text)
	reply.SetVal(int64(1))
	return reply
}

// errUnknownScript is a fault of this program: asynq was updated.
var errUnknownScript = errors.New("asynq puts jobs in with a script that this version does not know")
