//go:build hostile

package pipeline_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/worker/internal/pipeline"
)

// cutter forwards, and cuts a connection after a random number of bytes of answers, in the middle of one if it so happens.
func cutter(t *testing.T, target string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				s, err := net.Dial("tcp", target)
				if err != nil {
					return
				}
				defer s.Close()
				go func() { _, _ = io.Copy(s, c) }()
				_, _ = io.CopyN(c, s, int64(600+rand.IntN(6000)))
			}()
		}
	}()
	return l.Addr().String()
}

func TestHostileCutsNeverMixAnswers(t *testing.T) {
	red := jobstest.RealRedis(t)
	o, _ := redis.ParseURL(red.URL)
	addr := o.Addr
	direct := redis.NewClient(&redis.Options{Addr: addr})
	defer direct.Close()
	c := pipeline.New(redis.Options{Addr: cutter(t, addr), MaxRetries: 3, ContextTimeoutEnabled: true, ReadTimeout: time.Second})
	defer c.Close()
	// each run counts: a repeat is visible
	script := redis.NewScript(`redis.call('INCR', KEYS[1]); if tonumber(ARGV[2]) % 7 == 0 then return redis.error_reply('BAD ' .. ARGV[1]) end return ARGV[1]`)
	var wrong, lost, ok, errs, panics atomic.Int64
	var wg sync.WaitGroup
	stop := time.Now().Add(12 * time.Second)
	for g := range 24 {
		wg.Go(func() {
			defer func() {
				if recover() != nil {
					panics.Add(1)
				}
			}()
			for i := 0; time.Now().Before(stop); i++ {
				word := fmt.Sprintf("%d-%d", g, i)
				ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
				text, err := script.Run(ctx, c, []string{"k" + word}, word, i).Text()
				cancel()
				switch {
				case err == nil && text == word:
					ok.Add(1)
				case err == nil:
					wrong.Add(1)
				case i%7 == 0 && err.Error() == "BAD "+word:
					ok.Add(1)
				default:
					errs.Add(1)
					if len(err.Error()) > 3 && err.Error()[:3] == "BAD" {
						wrong.Add(1)
					}
				}
				if (i+g)%97 == 0 && g == 0 {
					direct.ScriptFlush(context.Background()) // NOSCRIPT in the middle
				}
				if n := direct.Get(context.Background(), "k"+word).Val(); n == "" && err == nil {
					lost.Add(1)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(60 * time.Second):
		t.Fatal("callers hang forever")
	}
	t.Logf("ok %d, errors told %d, WRONG ANSWER %d, told done but never ran %d, panics %d", ok.Load(), errs.Load(), wrong.Load(), lost.Load(), panics.Load())
}
