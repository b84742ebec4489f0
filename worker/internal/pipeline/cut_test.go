package pipeline_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
)

// cutter is a proxy that cuts each connection after some bytes of replies, in the
// middle of one if it so happens.
type cutter struct {
	to   string
	cuts atomic.Int64
	wait sync.WaitGroup
}

func (c *cutter) listen(t *testing.T) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	jobstest.Must(t, err)
	t.Cleanup(func() { _ = listener.Close(); c.wait.Wait() })
	random := rand.New(rand.NewPCG(1, 2))
	c.wait.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			limit := 500 + random.Int64N(1500)
			c.wait.Go(func() { c.forward(client, limit) })
		}
	})
	return listener.Addr().String()
}

func (c *cutter) forward(client net.Conn, limit int64) {
	defer client.Close()
	server, err := net.Dial("tcp", c.to)
	if err != nil {
		return
	}
	defer server.Close()
	c.wait.Go(func() { _, _ = io.Copy(server, client); _ = server.Close() })
	if n, _ := io.CopyN(client, server, limit); n == limit {
		c.cuts.Add(1)
	}
}

// refuse is tell for words of which every seventh is refused.
var refuse = redis.NewScript(`redis.call('INCR', 'runs:' .. ARGV[1])
if tonumber(ARGV[2]) % 7 == 0 then return redis.error_reply('REFUSED ' .. ARGV[1]) end
return ARGV[1]`)

// Whatever is lost on the way: nobody gets another's reply, nobody is told of a
// script that never ran, and nobody waits forever.
func TestCutConnectionsMixNoReplies(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	direct := redis.NewClient(&redis.Options{Addr: server.Addr()})
	t.Cleanup(func() { _ = direct.Close() })
	proxy := &cutter{to: server.Addr()}
	c := connect(redis.Options{Addr: proxy.listen(t), MaxRetries: 3, ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = c.Close() })
	var answered atomic.Int64
	var group errgroup.Group
	for caller := range 24 {
		group.Go(func() error {
			for n := range 100 {
				word := fmt.Sprint(caller, "-", n)
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				got, err := refuse.Run(ctx, c, nil, word, n).Text()
				cancel()
				if err != nil {
					refused := false
					if got, refused = strings.CutPrefix(err.Error(), "REFUSED "); !refused {
						continue // told that nothing is certain: a job is tried again then
					}
				}
				answered.Add(1)
				if runs, _ := server.Get("runs:" + word); got != word || runs == "" {
					return fmt.Errorf("%s got %q, and ran %q times", word, got, runs)
				}
				if n%50 == 49 {
					_ = direct.ScriptFlush(t.Context()) // the script must be loaded anew
				}
			}
			return nil
		})
	}
	jobstest.Must(t, group.Wait())
	if answered.Load() == 0 || proxy.cuts.Load() == 0 {
		t.Errorf("%d replies, %d connections cut: the test tests nothing", answered.Load(), proxy.cuts.Load())
	}
}
