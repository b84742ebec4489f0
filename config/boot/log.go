package boot

import (
	"context"
	"io"
	"os"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
	"golang.org/x/term"

	"github.com/sponsorsync/sponsorsync/config"
)

// Logger returns a program's log, written to w.
func Logger(cfg config.Log, w io.Writer) zerolog.Logger {
	level, err := zerolog.ParseLevel(cfg.Level)
	if err != nil { // config has checked it
		level = zerolog.InfoLevel
	}
	if cfg.Format == "console" {
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: time.RFC3339, NoColor: os.Getenv("NO_COLOR") != "" || !terminal(w)}
	}
	return zerolog.New(w).Level(level).With().Timestamp().Logger()
}

// terminal reports whether a person looks: files and journals keep no colors.
func terminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// QuietRedis gives go-redis's own lines, which would go to standard error, to
// log. That library has one logger per process: call it once, at the start.
func QuietRedis(log zerolog.Logger) { redis.SetLogger(redisLog{log}) }

// redisLog keeps what go-redis says to debug logs: what matters of it comes back
// as an error anyway.
type redisLog struct{ log zerolog.Logger }

// Printf implements the logger of go-redis.
func (l redisLog) Printf(_ context.Context, format string, args ...any) {
	l.log.Debug().Str("component", "redis").Msgf(format, args...)
}
