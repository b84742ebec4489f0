package doctor_test

import (
	"fmt"
	"os"

	"github.com/sponsorsync/sponsorsync/worker/internal/doctor"
)

// A report of two checks, as 'worker doctor' prints it.
func ExampleWriteText() {
	checks := []doctor.Check{
		{Name: "redis version", Status: doctor.OK, Detail: "7.0.15"},
		{Name: "redis eviction", Status: doctor.Fail, Detail: "maxmemory-policy is allkeys-lru", Hint: "Set 'maxmemory-policy noeviction' in redis.conf."},
	}
	if err := doctor.WriteText(os.Stdout, checks); err != nil {
		fmt.Println(err)
	}
	// Output:
	// ok    redis version   7.0.15
	// fail  redis eviction  maxmemory-policy is allkeys-lru -> Set 'maxmemory-policy noeviction' in redis.conf.
	// 1 ok, 0 to look at, 1 failed: redis eviction
}
