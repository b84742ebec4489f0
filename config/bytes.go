package config

import (
	"math"
	"strconv"
	"strings"
)

// Bytes is a size.
type Bytes int64

const leastBytes = 1 << 20 // less holds no day of events

// parseBytes reads a whole number of bytes, or of KiB, MiB, GiB or TiB.
func parseBytes(value string) (Bytes, error) {
	number, unit := strings.TrimRight(value, "KMGTiB"), int64(1)
	switch suffix := value[len(number):]; suffix {
	case "", "B":
	case "KiB", "MiB", "GiB", "TiB":
		unit = 1 << (10 * (1 + strings.Index("KMGT", suffix[:1])))
	default:
		unit = 0
	}
	n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
	if err != nil || unit == 0 || n < 1 || n > math.MaxInt64/unit || n*unit < leastBytes {
		return 0, want("a size of at least 1MiB such as 500MiB or 2GiB")
	}
	return Bytes(n * unit), nil
}
